"""Changes of bookings as they happen, and first those that were missed."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Final, TypeVar

from sqlmodel import col
from typing_extensions import Doc

from domain.events import EventType
from domain.ids import RoomId
from kit.cursors import Bookmark, EventCursor, Place, decode_cursor, encode_cursor
from kit.database import is_away
from kit.operation import Operation
from kit.relay import BATCH, Entry, Listener, Lost, Relay, entries_of
from kit.scope import Scope
from models.bookings import Booking
from models.log import grown
from permissions.policy import may, refusal
from permissions.roles import P
from resolvers.audit import end_of_log
from resolvers.booking_rows import visible_bookings

REPLAYED_FOR: Final = timedelta(days=7)

_UNKNOWN: Final = "The cursor is not one of this log."
_TOO_OLD: Final = "The cursor is older than 7 days."
_TOO_SLOW: Final = "More happened than was taken; the rest was dropped."
_LONGEST_PAUSE_SECONDS: Final = 1.0

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class BookingChanged:
    """``booking`` is its present state, as the caller may see it now."""

    cursor: EventCursor
    type: EventType
    at: datetime
    booking: Booking


@dataclass(frozen=True, slots=True)
class ResyncRequired:
    """Some events were not sent; after a refetch, those after ``cursor`` are all there is."""

    cursor: EventCursor
    reason: str


@dataclass(frozen=True, slots=True)
class _Wish:
    room_ids: tuple[RoomId, ...] | None
    types: tuple[EventType, ...] | None

    def is_for(self, entry: Entry) -> bool:
        return entry.subject_type == "Booking" and (self.types is None or entry.type in self.types)

    def has_room(self, booking: Booking, entry: Entry) -> bool:
        """Is the booking in one of the rooms, or was it until this very change?"""
        if self.room_ids is None:
            return True
        left = (entry.before or {}).get("room_id")
        return booking.room_id in self.room_ids or left in [str(each) for each in self.room_ids]


async def booking_changed(
    operation: Operation,
    *,
    room_ids: Annotated[
        tuple[RoomId, ...] | None, Doc("Only of these rooms; a booking that moves is of both.")
    ] = None,
    types: Annotated[tuple[EventType, ...] | None, Doc("Only these events.")] = None,
    after: Annotated[
        EventCursor | None, Doc("Go on after this cursor, which may be 7 days old.")
    ] = None,
) -> AsyncGenerator[BookingChanged | ResyncRequired, None]:
    """Every change of a booking, in order. With `after`, first all that was missed."""
    wish = _Wish(room_ids, types)
    relay = operation.scope.use(Relay)
    # The relay is listened to before the log is read: nothing falls between the two.
    async with (
        relay.listening(operation.scope.tenant_id, wants=wish.is_for) as listener,
        aclosing(_entries(operation, listener, wish, after)) as entries,
    ):
        async for entry in entries:
            if isinstance(entry, ResyncRequired):
                yield entry
                continue
            booking = await _patiently(operation, partial(_visible, entry=entry, wish=wish))
            if booking is None:
                await operation.rest()
                continue
            cursor = encode_cursor(entry.bookmark)
            yield BookingChanged(cursor, EventType(entry.type), entry.at, booking)


async def _entries(
    operation: Operation, listener: Listener, wish: _Wish, after: EventCursor | None
) -> AsyncGenerator[Entry | ResyncRequired, None]:
    """What the log holds beyond the cursor, then what is added to it; each entry once."""
    end = await _patiently(operation, end_of_log)
    # Whoever waits for an event holds no connection.
    await operation.rest()
    start = end if after is None else _start(after, end)
    if start is None:
        yield ResyncRequired(encode_cursor(end), _UNKNOWN)
        start = end
    place = start.place

    is_behind = place < end.place
    oldest = operation.runtime.clock() - REPLAYED_FOR
    while is_behind:
        missed = await _patiently(operation, partial(_beyond, place=place))
        await operation.rest()
        if missed and missed[0].at < oldest:
            yield ResyncRequired(encode_cursor(end), _TOO_OLD)
            place = end.place
            break
        for entry in missed:
            place = entry.place
            if wish.is_for(entry):
                yield entry
        # What was dropped of the queue meanwhile stands in the log as well.
        is_behind = len(missed) == BATCH or listener.forgive() is not None

    while True:
        got = await listener.next()
        if got.place <= place:
            continue
        place = got.place
        if isinstance(got, Lost):
            yield ResyncRequired(encode_cursor(got.bookmark), _TOO_SLOW)
        else:
            yield got


def _start(after: EventCursor, end: Bookmark) -> Bookmark | None:
    """What a client's cursor stands for; None when this log can't be read on from it."""
    found = decode_cursor(after)
    if found is None or found.tenant_id != end.tenant_id or found.generation != end.generation:
        return None
    return found if found.place <= end.place else None


async def _beyond(scope: Scope, *, place: Place) -> list[Entry]:
    return list(entries_of(await scope.rows(grown({scope.tenant_id: place}, limit=BATCH))))


async def _visible(scope: Scope, *, entry: Entry, wish: _Wish) -> Booking | None:
    """The booking as it is now, if it is the caller's to see. Raises when nothing is any more."""
    if not may(scope.actor, P.BOOKINGS_READ):
        raise refusal(scope.actor, P.BOOKINGS_READ)
    booking = await scope.one(visible_bookings(scope).where(col(Booking.id) == entry.subject_id))
    return booking if booking and wish.has_room(booking, entry) else None


async def _patiently(operation: Operation, read: Callable[[Scope], Awaitable[R]]) -> R:
    """Read from a new snapshot, again and again while the database is away."""
    pause = 0.1
    while True:
        try:
            await operation.rest()
            return await read(operation.scope)
        except Exception as error:
            if not is_away(error):
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
