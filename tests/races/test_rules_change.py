"""Rules that change during bookings apply to every booking that is later in the log."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from domain.core.intervals import Interval
from domain.core.log_events import EventType as E
from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from tests.races.actions import slot_at
from tests.races.outcome import books
from tests.races.racers import Racer, at_once, racers, ref, refusals, winners
from tests.support.client import Answer
from tests.support.factories import Venue, make_venue

Change = Callable[[Racer, Venue], Awaitable[Answer]]


def _black_out(racer: Racer, venue: Venue) -> Awaitable[Answer]:
    return racer.black_out(Interval(slot_at(venue, 0).time.start, slot_at(venue, 100).time.end))


def _close(racer: Racer, venue: Venue) -> Awaitable[Answer]:
    return racer.close_venue()


def _archive(racer: Racer, venue: Venue) -> Awaitable[Answer]:
    return racer.archive(venue.rooms[0])


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("change", "event", "code", "rooms"),
    [
        (_black_out, E.BLACKOUT_CREATED, "BLACKOUT", 4),
        (_close, E.HOURS_CHANGED, "OUTSIDE_BUSINESS_HOURS", 4),
        (_archive, E.ROOM_ARCHIVED, "ROOM_ARCHIVED", 1),
    ],
)
async def test_nobody_books_by_rules_that_have_changed(
    servers: tuple[str, str],
    runtime: Runtime,
    processes: int,
    change: Change,
    event: E,
    code: str,
    rooms: int,
) -> None:
    venue = await make_venue(runtime, rooms=rooms)
    async with racers(runtime, servers[:processes], [venue.manager], count=65) as crowd:
        *bookers, changer = crowd
        # In every room, so that the change meets several transactions.
        attempts = [
            racer.book(slot_at(venue, number, room=number % rooms))
            for number, racer in enumerate(bookers)
        ]

        changed, *answers = await at_once([_after_some(change(changer, venue)), *attempts])
        late = await at_once(
            racer.book(slot_at(venue, 64 + number, room=number % rooms))
            for number, racer in enumerate(bookers[:32])
        )

    assert changed.refusals == []
    kept = await books(runtime, venue)
    booked = {ref(answer).id for answer in winners(answers)}
    # Of those at the same time, all may have been before it.
    assert refusals(answers) <= {code}
    assert (refusals(late), winners(late)) == ({code}, [])
    assert set(kept.logged(E.BOOKING_CREATED)) == booked
    assert kept.after(event) == []
    assert kept.used == len(booked)


async def test_no_process_books_by_hours_that_another_has_changed(
    servers: tuple[str, str], runtime: Runtime
) -> None:
    venue = await make_venue(runtime, rooms=8)
    slots = [slot_at(venue, number // 8, room=number % 8) for number in range(192)]
    first, second = servers
    async with (
        racers(runtime, [first], [venue.manager], count=64) as crowd,
        racers(runtime, [second], [venue.manager], count=1) as [changer],
    ):
        # The first process keeps the hours of before.
        before = await at_once(map(Racer.book, crowd, slots))
        changed, *meanwhile = await at_once(
            [_after_some(changer.close_venue()), *map(Racer.book, crowd, slots[64:])]
        )
        after = await at_once(map(Racer.book, crowd, slots[128:]))

    assert refusals(before) == set()
    assert changed.refusals == []
    assert refusals(meanwhile) <= {"OUTSIDE_BUSINESS_HOURS"}
    assert winners(after) == []
    assert refusals(after) == {"OUTSIDE_BUSINESS_HOURS"}
    kept = await books(runtime, venue)
    assert kept.after(E.HOURS_CHANGED) == []
    assert kept.used == len(kept.standing) == len(winners([*before, *meanwhile]))


async def _after_some(change: Awaitable[Answer]) -> Answer:
    await asyncio.sleep(0.03)
    return await change


@pytest.mark.parametrize("processes", [1, 2])
async def test_no_race_gets_past_the_limit_of_a_plan(
    servers: tuple[str, str], runtime: Runtime, processes: int
) -> None:
    venue = await make_venue(runtime, rooms=4, plan=PlanCode.STARTER)
    async with racers(runtime, servers[:processes], [venue.staff], count=64) as crowd:
        first = await at_once(
            racer.book(slot_at(venue, number, room=number % 4))
            for number, racer in enumerate(crowd)
        )
        second = await at_once(
            racer.book(slot_at(venue, 100 + number, room=number % 4))
            for number, racer in enumerate(crowd)
        )

    assert refusals(first) == set()
    assert len(winners(second)) == 36
    assert refusals(second) == {"PLAN_LIMIT_REACHED"}
    kept = await books(runtime, venue)
    assert kept.used == len(kept.standing) == len(kept.logged(E.BOOKING_CREATED)) == 100
