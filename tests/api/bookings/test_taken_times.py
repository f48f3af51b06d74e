"""Availability from cached facts and taken times equals availability from a full read."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.slots import Slot
from domain.core.ids import BookingId, RoomId
from domain.core.local_time import Start
from kit.actor import Actor
from kit.graphql.selected import EVERYTHING, Selected
from kit.runtime import Runtime
from models.bookings.bookings import bookings_of
from resolvers.bookings import openings, taken_times
from resolvers.bookings.availability import (
    Availability,
    AvailabilityQuery,
    availability,
    explain_slot,
)
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
    slots, next_free = explained(found)
    return [replace(each, reasons=()) for each in slots], next_free


def explained(found: Availability) -> tuple[Sequence[Slot], Slot | None]:
    """Returns the slots with their reasons, and the next free one."""
    next_free = found.next_free_slot
    return [each.slot for each in found.slots], next_free.slot if next_free else None


def queries(
    draw: random.Random, venue: Venue, booking_ids: Sequence[UUID], noon: datetime
) -> list[AvailabilityQuery]:
    room_ids = draw.choice([None, tuple(RoomId(room.id) for room in venue.rooms)])
    first = noon + timedelta(minutes=draw.randint(-3000, 1000), seconds=draw.randint(0, 59))
    query = AvailabilityQuery(
        first,
        first + timedelta(minutes=draw.randint(1, 4000)),
        draw.choice([15, 45, 90, 600]),
        room_ids=room_ids,
        party_size=draw.choice([1, 4]),
    )
    excluded = BookingId(draw.choice(booking_ids))
    return [
        query,
        replace(query, include_unavailable=True),
        replace(query, include_unavailable=draw.random() < 0.5, exclude_booking_id=excluded),
    ]


async def bookings_in(runtime: Runtime, venue: Venue) -> list[UUID]:
    bookings = await reading(
        runtime, venue.staff.actor, lambda scope: scope.all(bookings_of(venue.tenant.id))
    )
    return sorted(each.id for each in bookings)


@pytest.mark.parametrize(("zone", "day"), CHANGES)
async def test_cached_facts_and_taken_times_tell_what_a_full_read_tells(
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
    booking_ids = await bookings_in(runtime, venue)

    for query in (each for _ in range(5) for each in queries(draw, venue, booking_ids, noon)):
        actor = draw.choice([venue.guest.actor, venue.staff.actor])
        start = noon + timedelta(minutes=draw.randint(-1500, 1500))
        with monkeypatch.context() as patch:
            patch.setattr(openings, "load_venue", unread)
            by_taken_times = await asked(runtime, actor, query, STATES)
            alone = await asked(runtime, actor, query, replace(STATES, is_alone=True))
            by_bookings = await asked(runtime, actor, query, EVERYTHING)
            slot = await slot_of(runtime, actor, venue, start, query.duration_minutes)
        with monkeypatch.context() as patch:
            patch.setattr(taken_times, "venue_facts", unkept)
            by_all = await asked(runtime, actor, query, EVERYTHING)
            same_slot = await slot_of(runtime, actor, venue, start, query.duration_minutes)

        assert states(by_taken_times) == states(alone) == states(by_all)
        if query.include_unavailable:
            assert explained(by_bookings) == explained(by_all)
        assert slot == same_slot


async def slot_of(
    runtime: Runtime, actor: Actor, venue: Venue, start: datetime, minutes: int
) -> Slot:
    found = await reading(
        runtime,
        actor,
        lambda scope: explain_slot(
            scope,
            room_id=RoomId(venue.rooms[0].id),
            start=Start(at=start),
            duration_minutes=minutes,
        ),
    )
    assert found is not None
    return found.slot


async def unread(*_: Any, **__: Any) -> None:
    raise AssertionError("cached facts decide")


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
