"""Concurrent bookings of overlapping times never overlap, and the others are refused."""

import asyncio
from collections.abc import Sequence
from itertools import chain, pairwise

import pytest

from domain.core.intervals import Interval
from domain.core.log_events import EventType as E
from kit.runtime import Runtime
from tests.races.actions import Way, all_ways, slot_at
from tests.races.conftest import Say
from tests.races.outcome import books
from tests.races.racers import Racer, Slot, at_once, racers, refusals, summary, waits, winners
from tests.support.client import Answer
from tests.support.factories import Venue, make_venue

BUFFER_MINUTES = 15


@pytest.mark.parametrize(
    ("clients", "processes", "rounds"),
    [
        (64, 1, 4),
        (200, 1, 2),
        (64, 2, 4),
        pytest.param(64, 1, 60, marks=pytest.mark.soak),
        pytest.param(200, 2, 30, marks=pytest.mark.soak),
    ],
)
async def test_what_is_given_of_overlapping_times_fits_and_nothing_else_would(
    servers: tuple[str, str],
    runtime: Runtime,
    say: Say,
    clients: int,
    processes: int,
    rounds: int,
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0, requires_confirmation=True)
    people = [venue.manager, venue.admin, venue.staff]
    async with racers(runtime, servers[:processes], people, count=clients) as crowd:
        assert (await crowd[0].keep_clear(venue.rooms[0], minutes=BUFFER_MINUTES)).refusals == []
        ways = await all_ways(runtime, venue, crowd)
        waits(crowd)

        played = [
            await _round(venue, number, ways, crowd=crowd, say=say) for number in range(rounds)
        ]

    everything = [answer for _, answer in chain.from_iterable(played)]
    assert refusals(everything) <= {"SLOT_TAKEN", "BUFFER_VIOLATION"}
    assert [_misfits(each) for each in played] == [[]] * rounds
    assert [_refused_for_nothing(each) for each in played] == [[]] * rounds
    kept = await books(runtime, venue)
    changes = list(chain.from_iterable(racer.changes for racer in crowd))
    assert kept.overlaps == 0
    assert sorted(kept.of_clients) == sorted(changes)
    assert kept.used == len(kept.logged(E.BOOKING_CREATED))
    assert len(winners(everything)) >= 2 * rounds


async def _round(
    venue: Venue, number: int, ways: list[Way], *, crowd: list[Racer], say: Say
) -> list[tuple[Slot, Answer]]:
    slots = [_wanted(venue, number, index) for index in range(len(ways))]
    answers = await at_once(
        _after(index % 5 * 0.01, way, slot)
        for index, (way, slot) in enumerate(zip(ways, slots, strict=True))
    )
    say(f"overlapping slots, {len(crowd)} clients: {summary(waits(crowd))}")
    return list(zip(slots, answers, strict=True))


async def _after(seconds: float, way: Way, slot: Slot) -> Answer:
    await asyncio.sleep(seconds)
    return await way(slot)


def _wanted(venue: Venue, number: int, index: int) -> Slot:
    """Starts all over eight hours, of half an hour to two hours."""
    return slot_at(venue, 12 * number + index * 7 % 16 / 2, minutes=30 + index // 16 % 4 * 30)


def _misfits(played: Sequence[tuple[Slot, Answer]]) -> list[tuple[Interval, Interval]]:
    given = sorted(_occupied(slot) for slot, answer in played if not answer.refusals)
    return [(one, next_one) for one, next_one in pairwise(given) if one.overlaps(next_one)]


def _refused_for_nothing(played: Sequence[tuple[Slot, Answer]]) -> list[Interval]:
    given = [_occupied(slot) for slot, answer in played if not answer.refusals]
    return [
        slot.time
        for slot, answer in played
        if answer.refusals and not any(_occupied(slot).overlaps(each) for each in given)
    ]


def _occupied(slot: Slot) -> Interval:
    return slot.time.padded(before_minutes=BUFFER_MINUTES, after_minutes=BUFFER_MINUTES)
