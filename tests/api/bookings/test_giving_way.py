"""Searches of many rooms hold the event loop no longer than those of few: they give way in between.

How long is counted in steps of the interpreter, not in time.
"""

import sys
from asyncio import Handle
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import FrameType
from typing import Any, Final

import pytest
import pytest_asyncio

from domain.bookings.refusals import SlotTaken
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.refusals import Code
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking
from resolvers.bookings.availability import AvailabilityQuery, alternatives_to, availability
from tests.api.bookings.test_free_means_free import reading
from tests.support.factories import Venue, make_booking, make_venue

NINE = datetime(2027, 3, 2, 9, tzinfo=UTC)
DAY = AvailabilityQuery(NINE, NINE + timedelta(days=1), 60)
FEW, MANY = 3, 18
_is_counted: Final = ContextVar("_is_counted", default=False)
"""Not in the app's own tasks, which began earlier."""

Read = Callable[[Scope], Awaitable[Any]]


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, rooms=MANY)


@pytest_asyncio.fixture
async def booking(runtime: Runtime, venue: Venue) -> Booking:
    return await make_booking(runtime, venue, NINE)


@dataclass(slots=True)
class Steps:
    """The most steps between two turns of the event loop, and those since the last one."""

    longest: int = 0
    current: int = 0

    def trace(self, frame: FrameType, event: str, _: object) -> Any:
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        if frame.f_code is Handle._run.__code__ and event == "call":
            self.current = 0
        if event == "opcode" and _is_counted.get():
            self.current += 1
            self.longest = max(self.longest, self.current)
        return self.trace


@contextmanager
def counted() -> Iterator[Steps]:
    steps, before = Steps(), sys.gettrace()
    token = _is_counted.set(True)
    sys.settrace(steps.trace)
    try:
        yield steps
    finally:
        sys.settrace(before)
        _is_counted.reset(token)


async def longest_hold(runtime: Runtime, venue: Venue, read: Read) -> int:
    # Facts are cached by the first read, and statements compiled.
    await reading(runtime, venue.staff.actor, read)
    found = []
    # Others' objects may be finalized meanwhile, but not each time.
    for _ in range(3):
        with counted() as steps:
            await reading(runtime, venue.staff.actor, read)
        found.append(steps.longest)
    return min(found)


def of_rooms(venue: Venue, count: int, query: AvailabilityQuery) -> Read:
    room_ids = tuple(RoomId(room.id) for room in venue.rooms[:count])
    return partial(availability, query=replace(query, room_ids=room_ids))


@pytest.mark.parametrize("kind", ["free", "with reasons", "without a booking"])
async def test_a_search_of_many_rooms_gives_way(
    runtime: Runtime,
    venue: Venue,
    booking: Booking,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    query = {
        "free": DAY,
        "with reasons": replace(DAY, include_unavailable=True),
        "without a booking": replace(DAY, exclude_booking_id=BookingId(booking.id)),
    }[kind]
    monkeypatch.setattr("kit.time_slice.SECONDS", -1)

    few = await longest_hold(runtime, venue, of_rooms(venue, FEW, query))
    many = await longest_hold(runtime, venue, of_rooms(venue, MANY, query))

    assert many < 1.5 * few


async def test_alternatives_in_many_rooms_give_way(
    runtime: Runtime, venue: Venue, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = await make_venue(runtime, rooms=FEW)
    taken = SlotTaken(
        Code.SLOT_TAKEN,
        room_id=RoomId(booking.room_id),
        room_name="Room 1",
        wanted=Interval.of_minutes(NINE, 60),
        party_size=1,
        zone=zone("Europe/Berlin"),
        conflicts=(),
    )
    monkeypatch.setattr("kit.time_slice.SECONDS", -1)
    read = partial(alternatives_to, taken=taken)

    of_few = await longest_hold(runtime, few, read)
    of_many = await longest_hold(runtime, venue, read)

    assert of_many < 1.5 * of_few
