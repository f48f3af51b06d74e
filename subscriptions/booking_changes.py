"""Streams changes of bookings, after a replay of those that the client missed."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from typing_extensions import Doc

from domain.core.ids import RoomId
from domain.core.log_events import EventType
from kit.actor import Actor
from kit.events.event_cursors import EventCursor, encode_cursor
from kit.events.event_streams import EventStream, StreamItem
from kit.events.log_relay import Entry, Listener, Overflow, Relay
from kit.operation_context import Operation
from kit.scope import Scope
from models.bookings.bookings import Booking, BookingOwner
from permissions.policy import may, refusal
from permissions.roles import P
from resolvers.bookings.booking_access import watched_bookings
from subscriptions.log_replay import (
    BATCH_SIZE,
    TOO_SLOW,
    ResyncRequired,
    changed_rights,
    read_with_retry,
    replay_items,
)


@dataclass(frozen=True, slots=True)
class BookingChanged:
    """A change of a booking; ``booking`` is its current state, as the caller may see it."""

    cursor: EventCursor
    type: EventType
    at: datetime
    booking: Booking


@dataclass(frozen=True, slots=True)
class BookingRemoved:
    """The caller may no longer see a booking that was theirs until this change."""

    cursor: EventCursor
    at: datetime
    booking_id: UUID


BookingEvent = BookingChanged | BookingRemoved | ResyncRequired


def booking_changed(
    operation: Operation,
    *,
    room_ids: Annotated[
        tuple[RoomId, ...] | None,
        Doc(
            "Receive only changes of bookings that have one of these rooms, alone or with others. "
            "A move counts for the rooms before and after it. All rooms by default."
        ),
    ] = None,
    types: Annotated[
        tuple[EventType, ...] | None, Doc("Receive only events of these types; all by default.")
    ] = None,
    after: Annotated[
        EventCursor | None,
        Doc(
            "The cursor after which to continue; by default only new events "
            "are delivered. It can be up to 7 days old."
        ),
    ] = None,
) -> EventStream[BookingEvent]:
    """Receive every change to bookings, in order.

    To keep a list of bookings up to date, subscribe with its `eventCursor` as `after`: what was
    missed is delivered first.
    """
    return EventStream(operation, BookingChanges(room_ids, types), after)


@dataclass(frozen=True, slots=True)
class BookingChanges:
    """The source of changes to bookings, optionally of some rooms and event types only."""

    room_ids: tuple[RoomId, ...] | None
    types: tuple[EventType, ...] | None

    @asynccontextmanager
    async def live(
        self, operation: Operation
    ) -> AsyncIterator[AsyncGenerator[StreamItem[BookingEvent]]]:
        relay = operation.scope.service(Relay)
        async with (
            relay.listening(operation.scope.tenant_id, wants=self._wants) as listener,
            aclosing(self._added(operation, listener)) as steps,
        ):
            yield steps

    async def replay(
        self, operation: Operation, after: EventCursor | None
    ) -> AsyncGenerator[Sequence[StreamItem[BookingEvent]]]:
        resync = await read_with_retry(operation, partial(changed_rights, after=after))
        if resync is not None:
            # The lowest sort key: all events after the cursor are still to be delivered.
            yield [StreamItem((0,), resync.cursor, resync)]
            after = resync.cursor
        steps = partial(self._steps, operation)
        replayed = replay_items(operation, after, wants=self._wants, items_of=steps)
        async with aclosing(replayed) as batches:
            async for batch in batches:
                yield batch

    def gap_event(self, cursor: EventCursor) -> BookingEvent:
        return ResyncRequired(cursor, TOO_SLOW)

    async def _added(
        self, operation: Operation, listener: Listener
    ) -> AsyncGenerator[StreamItem[BookingEvent]]:
        while True:
            entry = await listener.next()
            if isinstance(entry, Overflow):
                cursor = encode_cursor(entry.bookmark)
                yield StreamItem(entry.bookmark.sort_key, cursor, self.gap_event(cursor))
            else:
                entries = [entry, *listener.waiting(BATCH_SIZE - 1)]
                if not operation.pace.wanted.is_set():
                    last = entries[-1].bookmark
                    yield StreamItem(last.sort_key, encode_cursor(last), None)
                    continue
                for step in await self._steps(operation, entries):
                    yield step

    async def _steps(
        self, operation: Operation, entries: Sequence[Entry]
    ) -> list[StreamItem[BookingEvent]]:
        """Converts entries to steps, with the bookings as they are in one snapshot."""
        ids = {entry.subject_id for entry in entries}
        seen, others = await read_with_retry(operation, partial(self._watched, ids=ids))
        # No connection is held while waiting for the next entry.
        await operation.release()
        steps: list[StreamItem[BookingEvent]] = []
        for entry in entries:
            event = self._event(operation.actor, entry, seen.get(entry.subject_id), others)
            steps.append(StreamItem(entry.bookmark.sort_key, encode_cursor(entry.bookmark), event))
        return steps

    def _event(
        self,
        actor: Actor,
        entry: Entry,
        booking: Booking | None,
        others: Mapping[UUID, BookingOwner],
    ) -> BookingEvent | None:
        cursor = encode_cursor(entry.bookmark)
        if booking is not None:
            if not self._has_room(booking, entry):
                return None
            return BookingChanged(cursor, EventType(entry.type), entry.at, booking)
        # In any room: it may have been moved out of the rooms that the client watches.
        owner = others.get(entry.subject_id)
        if owner is not None and owner.was_owned_by(actor, entry.before):
            return BookingRemoved(cursor, entry.at, entry.subject_id)
        return None

    def _wants(self, entry: Entry) -> bool:
        return entry.subject_type == "Booking" and (self.types is None or entry.type in self.types)

    async def _watched(
        self, scope: Scope, *, ids: Collection[UUID]
    ) -> tuple[Mapping[UUID, Booking], Mapping[UUID, BookingOwner]]:
        """Returns the bookings that the caller may see, and the owners of the others.

        Raises if they may see no bookings at all.
        """
        if not may(scope.actor, P.BOOKINGS_READ):
            raise refusal(scope.actor, P.BOOKINGS_READ)
        return await watched_bookings(scope, ids)

    def _has_room(self, booking: Booking, entry: Entry) -> bool:
        """Returns whether the booking has one of the rooms, or had before this change."""
        if self.room_ids is None:
            return True
        before = entry.before or {}
        left = {before.get("room_id"), *(before.get("also_room_ids") or ())}
        return any(id in booking.room_ids or str(id) in left for id in self.room_ids)
