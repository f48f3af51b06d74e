"""Streams changes of availability, caused by bookings or by the passing of time.

Each step reads the log and the rows in one snapshot, and continues from the last step's position.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Annotated, Final

from typing_extensions import Doc

from kit.clock import Clock
from kit.events.event_cursors import EventCursor
from kit.events.event_streams import EventStream, StreamItem
from kit.events.log_relay import Entry, Listener, Relay
from kit.operation_context import Operation
from kit.scope import Scope
from models.bookings.availability_changes import TELLING
from permissions.policy import may, refusal
from permissions.roles import P
from resolvers.audit.log_position import end_of_log
from resolvers.bookings.availability import AvailabilityQuery
from resolvers.bookings.availability_changes import (
    TIME_TAKING,
    AvailabilityChanges,
    SlotKey,
    TooOld,
    availability_changes,
)
from resolvers.bookings.availability_cursors import Known, known_from
from resolvers.bookings.slot_pages import SlotPage
from subscriptions.log_replay import (
    TOO_SLOW,
    UNKNOWN,
    ResyncRequired,
    read_with_retry,
    replay_window,
    start_of,
    too_old,
)

MAX_WAIT: Final = timedelta(seconds=10)
"""How long it may take to notice that the clock was set forward."""

# Steps begun later have higher sort keys, in all streams.
_sort_keys: Final = count(1)


@dataclass(frozen=True, slots=True)
class AvailabilityDelta:
    """The changes to a client's slots: those to insert or replace, and those to remove."""

    cursor: EventCursor
    upserted: SlotPage
    removed: Sequence[SlotKey]


AvailabilityEvent = AvailabilityDelta | ResyncRequired


def availability_changed(
    operation: Operation,
    *,
    query: Annotated[AvailabilityQuery, Doc("The same query as for the `Availability`.")],
    after: Annotated[
        EventCursor | None,
        Doc(
            "The cursor after which to continue: at first that of the `Availability`. It "
            "can be up to 7 days old."
        ),
    ] = None,
) -> EventStream[AvailabilityEvent]:
    """Receive the changes to an `Availability` that was read before. Apply `upserted` and `removed`
    in order.

    Costs 1 point, plus 1 point for each room and each day begun; without `roomIds` 20 rooms are
    charged. Each delta costs the same again, plus 3 points.
    """
    return EventStream(operation, AvailabilitySteps(query), after)


@dataclass(frozen=True, slots=True)
class AvailabilitySteps:
    """The source of changes to the result of an availability query."""

    query: AvailabilityQuery

    @asynccontextmanager
    async def live(
        self, operation: Operation
    ) -> AsyncIterator[AsyncGenerator[StreamItem[AvailabilityEvent]]]:
        relay = operation.scope.service(Relay)
        async with relay.listening(operation.scope.tenant_id, wants=_may_matter) as listener:
            begun = await read_with_retry(operation, self._begun)
            async with aclosing(self._added(operation, listener, begun)) as steps:
                yield steps

    async def replay(
        self, operation: Operation, after: EventCursor | None
    ) -> AsyncGenerator[Sequence[StreamItem[AvailabilityEvent]]]:
        # Taken before anything is read: a live step that ends later may have other changes.
        sort_key = (next(_sort_keys),)
        read = self._begun if after is None else partial(self._since, after=after)
        changes = await read_with_retry(operation, read)
        # No connection is held while waiting for a turn to answer.
        await operation.release()
        if isinstance(changes, ResyncRequired):
            yield [StreamItem(sort_key, changes.cursor, changes)]
        else:
            yield [StreamItem(sort_key, changes.known.cursor, _delta(changes))]

    def gap_event(self, cursor: EventCursor) -> AvailabilityEvent:
        return ResyncRequired(cursor, TOO_SLOW)

    async def _added(
        self, operation: Operation, listener: Listener, changes: AvailabilityChanges
    ) -> AsyncGenerator[StreamItem[AvailabilityEvent]]:
        while True:
            # No connection is held while waiting for events, or for a turn to answer.
            await operation.release()
            await _until_due(operation.runtime.clock, listener, changes)
            await operation.pace.wanted.wait()
            generation = changes.known.bookmark.generation
            changes = await read_with_retry(operation, partial(self._changes, known=changes.known))
            await operation.release()
            cursor = changes.known.cursor
            event: AvailabilityEvent | None = _delta(changes)
            if changes.known.bookmark.generation != generation:
                # Positions of the log before a restore can't be compared with those of this one.
                event = ResyncRequired(cursor, UNKNOWN)
            yield StreamItem((next(_sort_keys),), cursor, event)

    async def _begun(self, scope: Scope) -> AvailabilityChanges:
        return await self._changes(scope, known=None)

    async def _since(
        self, scope: Scope, *, after: EventCursor
    ) -> AvailabilityChanges | ResyncRequired:
        start = start_of(after, await end_of_log(scope))
        if start is None:
            return await self._resync(scope, UNKNOWN)
        try:
            return await self._changes(scope, known=known_from(start))
        except TooOld:
            return await self._resync(scope, too_old(replay_window(scope)))

    async def _resync(self, scope: Scope, reason: str) -> ResyncRequired:
        begun = await self._begun(scope)
        return ResyncRequired(begun.known.cursor, reason)

    async def _changes(self, scope: Scope, *, known: Known | None) -> AvailabilityChanges:
        if not may(scope.actor, P.AVAILABILITY_READ):
            raise refusal(scope.actor, P.AVAILABILITY_READ)
        not_before = scope.now() - replay_window(scope)
        return await availability_changes(scope, self.query, known, not_before=not_before)


async def _until_due(clock: Clock, listener: Listener, changes: AvailabilityChanges) -> None:
    """Waits for an entry after the known position, or until time alone changes something."""
    while True:
        wait = MAX_WAIT
        if changes.next_at is not None:
            wait = min(wait, changes.next_at - clock())
        if wait <= timedelta():
            return
        try:
            async with asyncio.timeout(wait.total_seconds()):
                entry = await listener.next()
        except TimeoutError:
            continue
        if entry.bookmark.sort_key > changes.known.bookmark.sort_key:
            return


def _may_matter(entry: Entry) -> bool:
    if entry.subject_type != "Booking" or entry.before is None:
        return entry.subject_type in TELLING
    # Changes of other fields, such as the note, take or free no time.
    return not TIME_TAKING.isdisjoint(entry.before)


def _delta(changes: AvailabilityChanges) -> AvailabilityDelta | None:
    if not changes.upserted and not changes.removed:
        return None
    return AvailabilityDelta(changes.known.cursor, changes.upserted, changes.removed)
