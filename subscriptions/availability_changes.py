"""What is free, as it changes: by what is done, and by time alone.

Each step looks at the log and the rows in one snapshot, and leads from where the last one led.
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
from resolvers.bookings.availability import AvailabilityQuery, RoomSlot
from resolvers.bookings.availability_changes import (
    TIME_TAKING,
    AvailabilityChanges,
    SlotKey,
    TooOld,
    availability_changes,
)
from resolvers.bookings.availability_cursors import Known, known_from
from resolvers.core.log_position import end_of_log
from subscriptions.log_replay import (
    TOO_SLOW,
    UNKNOWN,
    ResyncRequired,
    read_with_retry,
    replay_window,
    start_of,
    too_old,
)

LONGEST_WAIT: Final = timedelta(seconds=10)
"""How long it may take to notice that the clock was put forward."""

# Steps begun later have higher marks, whatever source they are of.
_marks: Final = count(1)


@dataclass(frozen=True, slots=True)
class AvailabilityDelta:
    """What to change in the slots that are known: set these, and forget those."""

    cursor: EventCursor
    upserted: Sequence[RoomSlot]
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
    """The changes of the answer to a query."""

    query: AvailabilityQuery

    @asynccontextmanager
    async def live(
        self, operation: Operation
    ) -> AsyncIterator[AsyncGenerator[StreamItem[AvailabilityEvent]]]:
        relay = operation.scope.service(Relay)
        async with relay.listening(operation.scope.tenant_id, wants=_may_tell) as listener:
            begun = await read_with_retry(operation, self._begun)
            async with aclosing(self._added(operation, listener, begun)) as steps:
                yield steps

    async def missed(
        self, operation: Operation, after: EventCursor | None
    ) -> AsyncGenerator[StreamItem[AvailabilityEvent]]:
        # Before anything is read: of a live step that ends later, all may be news.
        mark = (next(_marks),)
        read = self._begun if after is None else partial(self._since, after=after)
        changes = await read_with_retry(operation, read)
        # Whoever waits for a turn to answer holds no connection.
        await operation.rest()
        if isinstance(changes, ResyncRequired):
            yield StreamItem(mark, changes.cursor, changes)
        else:
            yield StreamItem(mark, changes.known.cursor, _delta(changes))

    def gap(self, cursor: EventCursor) -> AvailabilityEvent:
        return ResyncRequired(cursor, TOO_SLOW)

    async def _added(
        self, operation: Operation, listener: Listener, changes: AvailabilityChanges
    ) -> AsyncGenerator[StreamItem[AvailabilityEvent]]:
        while True:
            # Whoever waits for what follows, or for a turn to answer, holds no connection.
            await operation.rest()
            await _until_due(operation.runtime.clock, listener, changes)
            await operation.pace.wanted.wait()
            generation = changes.known.bookmark.generation
            changes = await read_with_retry(operation, partial(self._changes, known=changes.known))
            await operation.rest()
            cursor = changes.known.cursor
            event: AvailabilityEvent | None = _delta(changes)
            if changes.known.bookmark.generation != generation:
                # What was done until then lies in a log that this one can't be compared with.
                event = ResyncRequired(cursor, UNKNOWN)
            yield StreamItem((next(_marks),), cursor, event)

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
    """Wait until something was done that isn't known, or time alone changes something."""
    while True:
        wait = LONGEST_WAIT
        if changes.next_at is not None:
            wait = min(wait, changes.next_at - clock())
        if wait <= timedelta():
            return
        try:
            async with asyncio.timeout(wait.total_seconds()):
                entry = await listener.next()
        except TimeoutError:
            continue
        if entry.bookmark.mark > changes.known.bookmark.mark:
            return


def _may_tell(entry: Entry) -> bool:
    if entry.subject_type != "Booking" or entry.before is None:
        return entry.subject_type in TELLING
    # A note or the size of a party takes no time.
    return not TIME_TAKING.isdisjoint(entry.before)


def _delta(changes: AvailabilityChanges) -> AvailabilityDelta | None:
    if not changes.upserted and not changes.removed:
        return None
    return AvailabilityDelta(changes.known.cursor, changes.upserted, changes.removed)
