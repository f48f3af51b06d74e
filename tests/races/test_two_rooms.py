"""Concurrent moves of bookings between two rooms."""

from itertools import chain

import pytest

from domain.core.log_events import EventType as E
from kit.runtime import Runtime
from tests.races.actions import Moving, homes_in, slot_at
from tests.races.conftest import Say
from tests.races.outcome import books
from tests.races.racers import at_once, racers, refusals, summary, waits, winners
from tests.support.factories import make_venue


@pytest.mark.parametrize(
    ("clients", "processes"),
    [(64, 1), (64, 2), pytest.param(200, 2, marks=pytest.mark.soak)],
)
async def test_bookings_that_cross_between_two_rooms_all_arrive(
    servers: tuple[str, str], runtime: Runtime, say: Say, clients: int, processes: int
) -> None:
    venue = await make_venue(runtime)
    async with racers(runtime, servers[:processes], [venue.staff], count=clients) as crowd:
        half = clients // 2
        there = await homes_in(runtime, venue, room=0, count=half)
        back = await homes_in(runtime, venue, room=1, count=half)

        moves = [
            (
                one.move(going, slot_at(venue, number, room=1)),
                another.move(coming, slot_at(venue, number, room=0)),
            )
            for number, (one, another, going, coming) in enumerate(
                zip(crowd[:half], crowd[half:], there, back, strict=True)
            )
        ]
        answers = await at_once(chain.from_iterable(moves))
        say(f"crossing, {clients} clients: {summary(waits(crowd))}")

    assert refusals(answers) == set()
    kept = await books(runtime, venue)
    assert kept.overlaps == 0
    assert sorted(kept.logged(E.BOOKING_RESCHEDULED)) == sorted(ref.id for ref in [*there, *back])


@pytest.mark.parametrize("processes", [1, 2])
async def test_of_all_that_cross_to_the_same_time_one_arrives_in_each_room(
    servers: tuple[str, str], runtime: Runtime, processes: int
) -> None:
    venue = await make_venue(runtime)
    async with racers(runtime, servers[:processes], [venue.staff], count=64) as crowd:
        there = await homes_in(runtime, venue, room=0, count=32)
        back = await homes_in(runtime, venue, room=1, count=32)
        going = [Moving(racer, home) for racer, home in zip(crowd[::2], there, strict=True)]
        coming = [Moving(racer, home) for racer, home in zip(crowd[1::2], back, strict=True)]

        pairs = [
            (one(slot_at(venue, 0, room=1)), another(slot_at(venue, 0, room=0)))
            for one, another in zip(going, coming, strict=True)
        ]
        answers = await at_once(chain.from_iterable(pairs))

    assert len(winners(answers[::2])) == 1
    assert len(winners(answers[1::2])) == 1
    assert refusals(answers) == {"SLOT_TAKEN"}
    assert (await books(runtime, venue)).overlaps == 0


async def test_two_bookings_never_swap_their_times(
    servers: tuple[str, str], runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    (one,) = await homes_in(runtime, venue, room=0, count=1)
    (another,) = await homes_in(runtime, venue, room=1, count=1)
    homes = (await books(runtime, venue)).standing
    async with racers(runtime, servers, [venue.staff], count=32) as crowd:
        to_the_other = [
            racer.move(one, slot_at(venue, 59 * 24, room=1))
            if number % 4 < 2
            else racer.move(another, slot_at(venue, 59 * 24, room=0))
            for number, racer in enumerate(crowd)
        ]

        answers = await at_once(to_the_other)

    assert len(winners(answers)) == 0
    assert refusals(answers) == {"SLOT_TAKEN"}
    assert (await books(runtime, venue)).standing == homes
