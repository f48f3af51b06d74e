"""A slot is FREE if and only if a booking of it succeeds, on randomly made venues.

Venues are made at random from a seed, on days on which the clock changes; each try to book is
rolled back. No worker runs: it would expire what nobody confirmed in time, between two questions.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.dialects.postgresql import Range
from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.bookings.refusals import SlotTaken
from domain.bookings.slots import SlotState
from domain.core.ids import RoomId
from domain.core.local_time import Start
from domain.core.refusals import Refusal
from domain.venue.hours import Weekday
from kit.actor import Actor, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.tenants import Tenant
from models.venue.hours import Blackout, HoursException, WeekdayHours
from models.venue.rooms import Room, rooms_of
from resolvers.bookings.availability import (
    AvailabilityQuery,
    alternatives_to,
    availability,
    explain_slot,
)
from resolvers.bookings.bookings import create_booking
from resolvers.core.transactions import perform
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue

T = TypeVar("T")

# A day on which the clock of each zone changes, some by half an hour or at midnight.
CHANGES = (
    ("Europe/Berlin", date(2027, 3, 28)),
    ("Europe/Berlin", date(2027, 10, 31)),
    ("America/New_York", date(2027, 3, 14)),
    ("America/New_York", date(2027, 11, 7)),
    ("Australia/Lord_Howe", date(2027, 4, 4)),
    ("Australia/Lord_Howe", date(2027, 10, 3)),
    ("America/Santiago", date(2027, 9, 5)),
    ("Africa/Cairo", date(2027, 4, 30)),
    ("Asia/Kathmandu", date(2027, 7, 1)),
    ("Antarctica/Troll", date(2027, 3, 28)),
)
WISHES = 5
STARTS = 20


class _Booked(Exception):
    """Raised to roll back a successful booking."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a slot, and the starts that availability returns for it."""

    actor: Actor
    duration_minutes: int
    party_size: int
    free: frozenset[tuple[RoomId, datetime]]
    listed: dict[tuple[RoomId, datetime], SlotState]
    next_free: datetime | None


@pytest.mark.parametrize(("zone", "day"), CHANGES)
async def test_free_means_that_a_booking_sent_next_succeeds(
    runtime_alone: Runtime, clock: StoppedClock, zone: str, day: date
) -> None:
    await check(runtime_alone, clock, zone, day, seed=f"{zone} {day}", venues=2)


@pytest.mark.soak
@pytest.mark.parametrize(("zone", "day"), CHANGES)
async def test_free_means_free_over_many_venues(
    runtime_alone: Runtime, clock: StoppedClock, zone: str, day: date
) -> None:
    await check(runtime_alone, clock, zone, day, seed=f"soak {zone} {day}", venues=40)


async def check(
    runtime: Runtime, clock: StoppedClock, zone: str, day: date, *, seed: str, venues: int
) -> None:
    for number in range(venues):
        draw = random.Random(f"{seed} {number}")
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        clock.now = noon - timedelta(minutes=draw.randint(0, 60 * 30), seconds=draw.randint(0, 59))
        venue = await random_venue(runtime, draw, zone, day)
        tried = [
            await tries(runtime, venue, await asked(runtime, venue, draw, noon), draw, noon)
            for _ in range(WISHES)
        ]
        assert sum(len(each) for each in tried) == WISHES * STARTS
        wrong = [each for outcomes in tried for each in outcomes if each != "as told"]
        assert wrong == [], f"seed {seed}, venue {number}"


# ------------------------------------------------------------------------------ asking


async def asked(runtime: Runtime, venue: Venue, draw: random.Random, noon: datetime) -> Asked:
    """Returns a caller's availability on the days around the change."""
    actor = draw.choice([venue.guest.actor, venue.staff.actor])
    minutes, party = draw.choice([15, 30, 45, 60, 90, 135, 600]), draw.choice([1, 1, 2, 4, 5])
    room_ids = tuple(RoomId(room.id) for room in venue.rooms)

    def query(*, everything: bool) -> AvailabilityQuery:
        return AvailabilityQuery(
            noon - timedelta(days=1),
            noon + timedelta(days=1),
            minutes,
            room_ids=room_ids,
            party_size=party,
            include_unavailable=everything,
        )

    free = await reading(runtime, actor, lambda s: availability(s, query=query(everything=False)))
    listed = await reading(runtime, actor, lambda s: availability(s, query=query(everything=True)))
    return Asked(
        actor,
        minutes,
        party,
        frozenset((RoomId(each.room.id), each.starts_at) for each in free.slots),
        {(RoomId(each.room.id), each.starts_at): each.state for each in listed.slots},
        free.next_free_slot.starts_at if free.next_free_slot else None,
    )


async def tries(
    runtime: Runtime, venue: Venue, asked_for: Asked, draw: random.Random, noon: datetime
) -> list[str]:
    """Tries to book starts, some of which availability returns as free."""
    first = min((start for _, start in asked_for.free), default=None)
    assert first is None or asked_for.next_free == first
    some = draw.sample(sorted(asked_for.free), min(len(asked_for.free), STARTS // 2))
    others = [
        (RoomId(draw.choice(venue.rooms).id), random_start(draw, venue, noon))
        for _ in range(STARTS - len(some))
    ]
    return [await tried(runtime, asked_for, room_id, start) for room_id, start in (*some, *others)]


async def tried(runtime: Runtime, asked_for: Asked, room_id: RoomId, start: datetime) -> str:
    explained = await reading(
        runtime,
        asked_for.actor,
        lambda scope: explain_slot(
            scope,
            room_id=room_id,
            start=Start(at=start),
            duration_minutes=asked_for.duration_minutes,
            party_size=asked_for.party_size,
        ),
    )
    assert explained is not None
    reasons = [each.code for each in explained.reasons]
    refusals = await refusals_of(runtime, asked_for, room_id, start)
    refused = [each.code for each in refusals]
    is_free = (room_id, start) in asked_for.free
    state = asked_for.listed.get((room_id, start), explained.state)
    if refused != reasons:
        return f"{start}: {reasons} were explained, but {refused} refused it"
    if (explained.state is SlotState.FREE) != (not reasons) or state is not explained.state:
        return f"{start}: explained as {explained.state}, listed as {state}, for {reasons}"
    if others := await refused_alternatives(runtime, asked_for, refusals):
        return f"{start}: offered instead, but refused: {others}"
    if is_free and reasons:
        return f"{start}: free, but {reasons}"
    if (room_id, start) in asked_for.listed and not reasons and not is_free:
        return f"{start}: nothing against it, but not among the free"
    return "as told"


async def refused_alternatives(
    runtime: Runtime, asked_for: Asked, refusals: list[Refusal]
) -> list[tuple[RoomId, datetime]]:
    """Returns the slots that a refusal offers although they can't be booked either."""
    offered = [
        (RoomId(slot.room.id), slot.starts_at)
        for taken in refusals
        if isinstance(taken, SlotTaken)
        for slot in await reading(runtime, asked_for.actor, partial(alternatives_to, taken=taken))
    ]
    return [each for each in offered if await refusals_of(runtime, asked_for, *each)]


async def refusals_of(
    runtime: Runtime, asked_for: Asked, room_id: RoomId, start: datetime
) -> list[Refusal]:
    """Returns the refusals of a booking, which is rolled back."""

    async def change(scope: Scope) -> None:
        await create_booking(
            scope,
            room_id=room_id,
            start=Start(at=start),
            duration_minutes=asked_for.duration_minutes,
            party_size=asked_for.party_size,
        )
        raise _Booked

    try:
        await perform(runtime, asked_for.actor, Request(new_id()), change)
    except _Booked:
        return []
    except ExceptionGroup as group:
        return [each for each in group.exceptions if isinstance(each, Refusal)]
    raise AssertionError("unreachable")


async def reading(runtime: Runtime, actor: Actor, read: Callable[[Scope], Awaitable[T]]) -> T:
    scope = Scope(runtime, actor, Request(new_id()))
    try:
        return await read(scope)
    finally:
        await scope.close()


# ------------------------------------------------------------------------------ making


def random_start(draw: random.Random, venue: Venue, noon: datetime) -> datetime:
    """Returns a whole minute around the change, more often one on a quarter of an hour."""
    step = draw.choice([1, 15, 15, 30, 30, 30])
    return noon + timedelta(minutes=step * draw.randint(-1440 // step, 1440 // step))


async def random_venue(runtime: Runtime, draw: random.Random, zone: str, day: date) -> Venue:
    """Returns three rooms with buffers, hours, blackouts, bookings and holds of all kinds.

    Some are parts of a hall, and others are booked by their seats.
    """
    weekly = {each: random_hours(draw) for each in Weekday}
    venue = await make_venue(
        runtime,
        rooms=3,
        time_zone=zone,
        hours=weekly,
        slot_minutes=draw.choice([15, 20, 30, 60, 90]),
        min_notice_minutes=draw.choice([0, 45, 60, 600]),
        max_advance_days=draw.choice([1, 2, 90]),
        min_duration_minutes=draw.choice([15, 30, 60]),
        max_duration_minutes=draw.choice([90, 720]),
    )

    async def change(scope: Scope) -> None:
        await scope.lock()
        tenant = venue.tenant
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        rooms = await scope.all(rooms_of(tenant.id).order_by(col(Room.name_key)))
        for room in rooms:
            room.buffer_before_minutes = draw.choice([0, 0, 10, 30, 1440])
            room.buffer_after_minutes = draw.choice([0, 0, 15, 45, 1440])
            room.archived_at = draw.choice([None, None, None, None, scope.now()])
        combine(draw, rooms)
        taken: list[Booking] = []
        for room in rooms:
            booked = random_bookings(draw, scope, tenant, room, noon)
            if room.seats is not None:
                booked = at_seats(booked, [0])
                booked += at_seats(random_bookings(draw, scope, tenant, room, noon), [1, 2])
            for row in booked:
                if not any(overlap(row, other) for other in taken):
                    taken.append(scope.add(row))
        own = venue.rooms[0].id
        for weekday in Weekday if draw.random() < 0.5 else ():
            minutes = random_hours(draw)
            scope.add(
                WeekdayHours(
                    tenant_id=tenant.id, room_id=own, weekday=weekday, minutes=_lists(minutes)
                )
            )
        for room_id in draw.sample([None, own], draw.randint(0, 2)):
            on = day + timedelta(days=draw.randint(-1, 1))
            hours = _lists(random_hours(draw))
            scope.add(HoursException(tenant_id=tenant.id, room_id=room_id, date=on, minutes=hours))
        for room_id in draw.sample([None, own, venue.rooms[1].id], draw.randint(0, 2)):
            starts = noon + timedelta(minutes=draw.randint(-1440, 1440))
            scope.add(
                Blackout(
                    tenant_id=tenant.id,
                    room_id=room_id,
                    starts_at=starts,
                    ends_at=starts + timedelta(minutes=draw.randint(1, 300)),
                    created_at=scope.now(),
                )
            )

    await perform(runtime, venue.owner.actor, Request(new_id()), change)
    return venue


def combine(draw: random.Random, rooms: Sequence[Room]) -> None:
    """Makes the last room a hall of some of the others, more often than not."""
    parts = sorted(room.id for room in draw.choice([(), rooms[:1], rooms[:2], rooms[:2]]))
    rooms[-1].part_ids = rooms[-1].space_ids = parts or None
    for room in rooms:
        if not parts or room.id not in (*parts, rooms[-1].id):
            room.seats = draw.choice([None, 3, 4])


def at_seats(bookings: list[Booking], numbers: list[int]) -> list[Booking]:
    """Gives bookings seats that are theirs alone."""
    for each in bookings:
        each.seat_numbers, each.party_size = numbers, len(numbers)
    return bookings


def overlap(one: Booking, other: Booking) -> bool:
    shares = not set(one.spaces).isdisjoint(other.spaces) and one.seat_numbers is None
    return shares and one.occupied.overlaps(other.occupied)


def random_hours(draw: random.Random) -> list[tuple[int, int]]:
    """Returns up to three stretches of a day, the last of which may end after midnight."""
    ends = sorted(draw.sample(range(0, 1800, 15), draw.choice([0, 2, 2, 4, 6])))
    pairs = [pair for pair in zip(ends[::2], ends[1::2], strict=True) if pair[0] < 1440]
    return draw.choice([pairs, [(0, 1440)]])


def random_bookings(
    draw: random.Random, scope: Scope, tenant: Tenant, room: Room, noon: datetime
) -> list[Booking]:
    """Returns bookings one after another, with the buffers that the room had or once had."""
    made = []
    at = noon - timedelta(days=2)
    while at < noon + timedelta(days=2):
        before, after = draw.choice([0, 15, 1440]), draw.choice([0, 15, 1440])
        starts = at + timedelta(minutes=before + 5 * draw.randint(0, 200))
        ends = starts + timedelta(minutes=draw.choice([15, 60, 95, 240]))
        status = draw.choice([*Status, Status.CONFIRMED, Status.HELD, Status.HELD])
        expires = scope.now() + timedelta(seconds=draw.choice([-3600, -1, 0, 1, 300]))
        at = ends + timedelta(minutes=after)
        made.append(
            Booking(
                tenant_id=tenant.id,
                reference=new_id().hex[-10:].upper(),
                room_id=room.id,
                space_ids=room.space_ids,
                status=status,
                starts_at=starts,
                ends_at=ends,
                occupied=Range(starts - timedelta(minutes=before), at),
                hold_expires_at=expires if status is Status.HELD else None,
                currency_code=tenant.currency_code,
                created_at=scope.now(),
                updated_at=scope.now(),
            )
        )
    return made


def _lists(pairs: list[tuple[int, int]]) -> list[list[int]]:
    return [list(pair) for pair in pairs]
