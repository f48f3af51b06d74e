"""Availability from cached facts and taken times equals availability from a full read."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.core.ids import RoomId
from kit.actor import Actor
from kit.graphql.selected import EVERYTHING, Selected
from kit.runtime import Runtime
from resolvers.bookings import taken_times
from resolvers.bookings.availability import Availability, AvailabilityQuery, availability
from resolvers.bookings.venue_facts import VenueFacts, venue_facts
from tests.api.bookings.test_free_means_free import CHANGES, random_venue, reading
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue

STATES = Selected(frozenset({"slots", "startsAt", "state", "nextFreeSlot"}))


async def asked(
    runtime: Runtime, actor: Actor, query: AvailabilityQuery, selected: Selected = EVERYTHING
) -> Availability:
    return await reading(
        runtime, actor, lambda scope: availability(scope, query=query, selected=selected)
    )


def states(found: Availability) -> tuple[Sequence[Any], Any]:
    """Returns the slots without their reasons, and the next free one."""
    slots = [replace(each.slot, reasons=()) for each in found.slots]
    return slots, found.next_free_slot and found.next_free_slot.slot


def queries(draw: random.Random, venue: Venue, noon: datetime) -> list[AvailabilityQuery]:
    room_ids = draw.choice([None, tuple(RoomId(room.id) for room in venue.rooms)])
    first = noon + timedelta(minutes=draw.randint(-3000, 1000), seconds=draw.randint(0, 59))
    query = AvailabilityQuery(
        first,
        first + timedelta(minutes=draw.randint(1, 4000)),
        draw.choice([15, 45, 90, 600]),
        room_ids=room_ids,
        party_size=draw.choice([1, 4]),
    )
    return [query, replace(query, include_unavailable=True)]


@pytest.mark.parametrize(("zone", "day"), CHANGES)
async def test_kept_facts_and_taken_times_tell_what_is_free(
    runtime: Runtime,
    clock: StoppedClock,
    monkeypatch: pytest.MonkeyPatch,
    zone: str,
    day: date,
) -> None:
    draw = random.Random(f"taken {zone} {day}")
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    clock.now = noon - timedelta(minutes=draw.randint(0, 60 * 30), seconds=draw.randint(0, 59))
    venue = await random_venue(runtime, draw, zone, day)

    for query in (each for _ in range(5) for each in queries(draw, venue, noon)):
        actor = draw.choice([venue.guest.actor, venue.staff.actor])
        by_taken_times = await asked(runtime, actor, query, STATES)
        alone = await asked(runtime, actor, query, replace(STATES, is_alone=True))
        with monkeypatch.context() as patch:
            patch.setattr(taken_times, "venue_facts", unkept)
            by_all = await asked(runtime, actor, query, EVERYTHING)

        assert states(by_taken_times) == states(alone) == states(by_all)


async def unkept(*_: Any, **__: Any) -> None:
    """Makes facts too many to be cached."""


async def test_facts_that_are_never_new_enough_are_not_used(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)
    query = AvailabilityQuery(
        datetime(2027, 3, 2, 9, tzinfo=UTC), datetime(2027, 3, 2, 12, tzinfo=UTC), 60
    )
    outdated: list[VenueFacts] = []

    async def always_outdated(scope: Any, **_: Any) -> VenueFacts:
        facts = await venue_facts(scope)
        assert facts is not None
        outdated.append(replace(facts, version=facts.version - 1, rooms={}))
        return outdated[-1]

    as_ever = await asked(runtime, venue.staff.actor, query)
    monkeypatch.setattr(taken_times, "venue_facts", always_outdated)

    assert states(await asked(runtime, venue.staff.actor, query)) == states(as_ever)
    assert len(outdated) == 1 + taken_times.ATTEMPTS
