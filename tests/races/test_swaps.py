"""Concurrent swaps of bookings, while others want their times."""

from collections.abc import Awaitable

import pytest

from domain.core.log_events import EventType as E
from kit.runtime import Runtime
from tests.races.actions import homes_in, slot_at
from tests.races.conftest import Say
from tests.races.outcome import books
from tests.races.racers import at_once, racers, refusals, summary, waits, winners
from tests.support.client import Answer
from tests.support.factories import make_venue

PAIRS = 12
HOMES_BEGIN = 59 * 24


@pytest.mark.parametrize("processes", [1, 2])
async def test_of_opposite_swaps_of_a_pair_one_wins(
    servers: tuple[str, str], runtime: Runtime, say: Say, processes: int
) -> None:
    venue = await make_venue(runtime)
    here = await homes_in(runtime, venue, room=0, count=PAIRS)
    there = await homes_in(runtime, venue, room=1, count=PAIRS)
    async with racers(runtime, servers[:processes], [venue.staff], count=4 * PAIRS) as crowd:
        tries: list[Awaitable[Answer]] = []
        for number, (one, other) in enumerate(zip(here, there, strict=True)):
            swapping, back, *booking = crowd[4 * number : 4 * number + 4]
            tries += [swapping.swap(one, other), back.swap(other, one)]
            hour = HOMES_BEGIN + 2 * number
            tries += [
                racer.book(slot_at(venue, hour, room=room)) for room, racer in enumerate(booking)
            ]
        answers = await at_once(tries)
        say(f"swaps, {len(crowd)} clients: {summary(waits(crowd))}")

    swaps = [each for number, each in enumerate(answers) if number % 4 < 2]
    assert len(winners(swaps)) == PAIRS
    assert refusals(swaps) == {"STALE_VERSION"}
    kept = await books(runtime, venue)
    assert kept.overlaps == 0
    assert sorted(kept.logged(E.BOOKING_RESCHEDULED)) == sorted(each.id for each in [*here, *there])


async def test_swaps_in_a_circle_wait_for_each_other(
    servers: tuple[str, str], runtime: Runtime
) -> None:
    venue = await make_venue(runtime, rooms=3)
    homes = [(await homes_in(runtime, venue, room=room, count=1))[0] for room in range(3)]
    before = await books(runtime, venue)
    async with racers(runtime, servers, [venue.staff], count=30) as crowd:
        answers = await at_once(
            racer.swap(homes[number % 3], homes[(number + 1) % 3])
            for number, racer in enumerate(crowd)
        )

    kept = await books(runtime, venue)
    assert len(winners(answers)) == 1
    assert refusals(answers) == {"STALE_VERSION"}
    assert kept.overlaps == 0
    assert len(kept.standing) == len(before.standing) == 3
