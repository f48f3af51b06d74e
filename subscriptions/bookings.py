"""Changes of bookings as they happen, and first those that were missed."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from typing_extensions import Doc

from domain.events import EventType
from domain.ids import RoomId
from kit.cursors import EventCursor, encode_cursor
from kit.live import Following, Step
from kit.operation import Operation
from kit.relay import Entry, Listener, Lost, Relay
from kit.scope import Scope
from models.bookings import Booking
from permissions.policy import may, refusal
from permissions.roles import P
from resolvers.booking_rows import seen_bookings
from subscriptions.following import AT_ONCE, TOO_SLOW, End, ResyncRequired, missed, patiently


@dataclass(frozen=True, slots=True)
class BookingChanged:
    """``booking`` is its present state, as the caller may see it now."""

    cursor: EventCursor
    type: EventType
    at: datetime
    booking: Booking


BookingEvent = BookingChanged | ResyncRequired


def booking_changed(
    operation: Operation,
    *,
    room_ids: Annotated[
        tuple[RoomId, ...] | None, Doc("Only of these rooms; a booking that moves is of both.")
    ] = None,
    types: Annotated[tuple[EventType, ...] | None, Doc("Only these events.")] = None,
    after: Annotated[
        EventCursor | None, Doc("Go on after this cursor, which may be 7 days old.")
    ] = None,
) -> Following[BookingEvent]:
    """Every change of a booking, in order. With `after`, first all that was missed."""
    return Following(operation, BookingChanges(room_ids, types), after)


@dataclass(frozen=True, slots=True)
class BookingChanges:
    """Those of some rooms and types, or of all."""

    room_ids: tuple[RoomId, ...] | None
    types: tuple[EventType, ...] | None

    @asynccontextmanager
    async def live(self, operation: Operation) -> AsyncIterator[AsyncGenerator[Step[BookingEvent]]]:
        relay = operation.scope.use(Relay)
        async with (
            relay.listening(operation.scope.tenant_id, wants=self._wants) as listener,
            aclosing(self._added(operation, listener)) as steps,
        ):
            yield steps

    async def missed(
        self, operation: Operation, after: EventCursor | None
    ) -> AsyncGenerator[Step[BookingEvent]]:
        async with aclosing(missed(operation, after, wants=self._wants)) as found:
            async for each in found:
                match each:
                    case ResyncRequired(cursor=cursor):
                        # Before any mark, because all that follows is still to be taken.
                        yield Step((0,), cursor, each)
                    case End(bookmark=bookmark):
                        yield Step(bookmark.mark, encode_cursor(bookmark), None)
                    case entries:
                        for step in await self._steps(operation, entries):
                            yield step

    def gap(self, cursor: EventCursor) -> BookingEvent:
        return ResyncRequired(cursor, TOO_SLOW)

    async def _added(
        self, operation: Operation, listener: Listener
    ) -> AsyncGenerator[Step[BookingEvent]]:
        while True:
            entry = await listener.next()
            if isinstance(entry, Lost):
                cursor = encode_cursor(entry.bookmark)
                yield Step(entry.bookmark.mark, cursor, self.gap(cursor))
            else:
                entries = [entry, *listener.waiting(AT_ONCE - 1)]
                if not operation.pace.wanted.is_set():
                    last = entries[-1].bookmark
                    yield Step(last.mark, encode_cursor(last), None)
                    continue
                for step in await self._steps(operation, entries):
                    yield step

    async def _steps(
        self, operation: Operation, entries: Sequence[Entry]
    ) -> list[Step[BookingEvent]]:
        """What entries tell, with the bookings as they are in one snapshot."""
        ids = {entry.subject_id for entry in entries}
        bookings = await patiently(operation, partial(self._visible, ids=ids))
        # Whoever waits for the next one holds no connection.
        await operation.rest()
        return [self._step(entry, bookings.get(entry.subject_id)) for entry in entries]

    def _step(self, entry: Entry, booking: Booking | None) -> Step[BookingEvent]:
        cursor = encode_cursor(entry.bookmark)
        if booking is None or not self._has_room(booking, entry):
            return Step(entry.bookmark.mark, cursor, None)
        event = BookingChanged(cursor, EventType(entry.type), entry.at, booking)
        return Step(entry.bookmark.mark, cursor, event)

    def _wants(self, entry: Entry) -> bool:
        return entry.subject_type == "Booking" and (self.types is None or entry.type in self.types)

    async def _visible(self, scope: Scope, *, ids: Collection[UUID]) -> Mapping[UUID, Booking]:
        """Those that the caller may see, as they are now. Raises where they may see none."""
        if not may(scope.actor, P.BOOKINGS_READ):
            raise refusal(scope.actor, P.BOOKINGS_READ)
        return await seen_bookings(scope, ids)

    def _has_room(self, booking: Booking, entry: Entry) -> bool:
        """Is the booking in one of the rooms, or was it until this very change?"""
        if self.room_ids is None:
            return True
        left = (entry.before or {}).get("room_id")
        return booking.room_id in self.room_ids or left in [str(each) for each in self.room_ids]
