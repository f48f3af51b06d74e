"""Of many concurrent bookings of one slot, one succeeds and the others are refused."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from statistics import median

import pytest

from domain.bookings.lifecycle import Status
from domain.core.log_events import EventType as E
from kit.runtime import Runtime
from tests.races.actions import Way, all_ways, slot_at
from tests.races.conftest import Say
from tests.races.outcome import books
from tests.races.racers import Racer, Ref, at_once, racers, ref, refusals, summary, waits, winners
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, api_id, make_booking, make_venue


@pytest.mark.parametrize(
    ("clients", "processes", "rounds"),
    [
        (64, 1, 8),
        (200, 1, 3),
        (64, 2, 4),
        pytest.param(64, 1, 60, marks=pytest.mark.soak),
        pytest.param(200, 1, 30, marks=pytest.mark.soak),
        pytest.param(200, 2, 30, marks=pytest.mark.soak),
    ],
)
async def test_one_of_many_gets_a_time_that_all_want(
    servers: tuple[str, str],
    runtime: Runtime,
    say: Say,
    clients: int,
    processes: int,
    rounds: int,
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0, requires_confirmation=True)
    people = [venue.manager, venue.staff, venue.admin]
    async with racers(runtime, servers[:processes], people, count=clients) as crowd:
        ways = await all_ways(runtime, venue, crowd)

        played = [
            await _round(venue, number, ways, crowd=crowd, say=say) for number in range(rounds)
        ]

    assert [each.winners for each in played] == [1] * rounds
    assert set().union(*(each.refusals for each in played)) == {"SLOT_TAKEN"}
    await _check_books(runtime, venue, crowd)


@pytest.mark.soak
async def test_of_200_who_want_one_time_the_last_hears_within_a_second(
    servers: tuple[str, str], runtime: Runtime, say: Say
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0, requires_confirmation=True)
    people = [venue.manager, venue.staff, venue.admin]
    async with racers(runtime, servers[:1], people, count=200) as crowd:
        ways = await all_ways(runtime, venue, crowd)

        played = [await _round(venue, number, ways, crowd=crowd, say=say) for number in range(30)]

    assert median(each.slowest_seconds for each in played) < 1


@dataclass(frozen=True, slots=True)
class _Round:
    winners: int
    refusals: set[str]
    slowest_seconds: float


async def _round(
    venue: Venue, number: int, ways: list[Way], *, crowd: list[Racer], say: Say
) -> _Round:
    # Each round, another is the first to ask.
    turned = ways[number % len(ways) :] + ways[: number % len(ways)]
    answers = await at_once(way(slot_at(venue, 3 * number)) for way in turned)
    seconds = waits(crowd)
    say(f"one slot, {len(crowd)} clients: {summary(seconds)}")
    return _Round(len(winners(answers)), refusals(answers), max(seconds))


@pytest.mark.parametrize("processes", [1, 2])
async def test_an_expired_hold_gives_its_time_to_one_and_is_told_once(
    servers: tuple[str, str], runtime: Runtime, processes: int
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0, requires_confirmation=True)
    slot = slot_at(venue, 0)
    hold = await make_booking(
        runtime,
        venue,
        slot.time.start,
        status=Status.HELD,
        hold_expires_at=MONDAY_MORNING - timedelta(seconds=1),
    )
    people = [venue.manager, venue.staff, venue.admin]
    async with racers(runtime, servers[:processes], people, count=64) as crowd:
        late, others = crowd[:16], crowd[16:]
        ways = await all_ways(runtime, venue, others)

        too_late = at_once(racer.convert(Ref(api_id(hold), 1)) for racer in late)
        refused, answers = await at_once([too_late, at_once(way(slot) for way in ways)])

    assert len(winners(refused)) == 0
    assert refusals(refused) <= {"HOLD_EXPIRED", "INVALID_TRANSITION"}
    assert len(winners(answers)) == 1
    assert refusals(answers) == {"SLOT_TAKEN"}
    assert (await books(runtime, venue)).logged(E.BOOKING_EXPIRED) == [api_id(hold)]
    await _check_books(runtime, venue, crowd)


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_hold_becomes_one_booking_however_many_ask(
    servers: tuple[str, str], runtime: Runtime, processes: int
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)
    slot = slot_at(venue, 0)
    async with racers(runtime, servers[:processes], [venue.guest, venue.staff], count=32) as crowd:
        hold = ref(await crowd[0].hold(slot))
        converting, booking = crowd[:16], crowd[16:]

        conversions = at_once(racer.convert(hold) for racer in converting)
        converted, booked = await at_once(
            [conversions, at_once(racer.book(slot) for racer in booking)]
        )

    assert len(winners(converted)) == 1
    assert refusals(converted) == {"INVALID_TRANSITION"}
    assert len(winners(booked)) == 0
    assert refusals(booked) == {"SLOT_TAKEN"}
    await _check_books(runtime, venue, crowd)


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_pending_booking_is_confirmed_or_gives_its_time_to_another(
    servers: tuple[str, str], runtime: Runtime, processes: int
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0, requires_confirmation=True)
    slot = slot_at(venue, 0)
    pending = await make_booking(runtime, venue, slot.time.start, status=Status.PENDING)
    asked = Ref(api_id(pending), 1)
    async with racers(runtime, servers[:processes], [venue.manager], count=48) as crowd:
        attempts = [
            (racer.confirm(asked), racer2.reject(asked), racer3.book(slot))
            for racer, racer2, racer3 in zip(crowd[::3], crowd[1::3], crowd[2::3], strict=True)
        ]

        answers = await at_once(chain.from_iterable(attempts))

    decided, booked = [*answers[::3], *answers[1::3]], answers[2::3]
    assert len(winners(decided)) == 1
    assert refusals(decided) == {"STALE_VERSION"}
    assert len(winners(booked)) <= 1
    assert refusals(booked) == {"SLOT_TAKEN"}
    await _check_books(runtime, venue, crowd)


@pytest.mark.parametrize("processes", [1, 2])
async def test_clients_who_hang_up_hold_nobody_up(
    servers: tuple[str, str], runtime: Runtime, processes: int
) -> None:
    venue = await make_venue(runtime)
    async with racers(runtime, servers[:processes], [venue.staff], count=64) as crowd:
        impatient, patient = crowd[:32], crowd[32:]
        await at_once(racer.book_and_hang_up(slot_at(venue, 0)) for racer in impatient)

        answers = await at_once(racer.book(slot_at(venue, 0)) for racer in patient)

    kept = await books(runtime, venue)
    assert refusals(answers) == {"SLOT_TAKEN"}
    assert len(winners(answers)) <= 1
    assert len(kept.standing) == len(kept.logged(E.BOOKING_CREATED)) == kept.used == 1


async def _check_books(runtime: Runtime, venue: Venue, crowd: list[Racer]) -> None:
    kept = await books(runtime, venue)
    changes = list(chain.from_iterable(racer.changes for racer in crowd))
    assert kept.overlaps == 0
    assert sorted(kept.of_clients) == sorted(changes)
    assert kept.used == len(kept.logged(E.BOOKING_CREATED))
