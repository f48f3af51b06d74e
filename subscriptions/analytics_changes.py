"""Streams the totals of a span whenever they have changed.

An entry of the log only says that they may have. Each step waits until the entry is counted, and
reads the totals and how far is counted in one snapshot.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Final

from typing_extensions import Doc

from domain.analytics.metrics import BookingMetrics
from domain.analytics.spans import DateSpan
from kit.events.event_cursors import EventCursor, LogPosition
from kit.events.event_streams import EventStream, StreamItem
from kit.events.log_relay import Entry, Listener, Relay
from kit.operation_context import Operation
from kit.scope import Scope
from models.analytics.filters import AnalyticsFilter
from models.bookings.availability_changes import TELLING
from permissions.policy import may, refusal
from permissions.roles import P
from resolvers.analytics.analytics import CountedTotals, check_span, counted_totals, counted_until
from resolvers.analytics.rollups import COUNTED_TYPES
from resolvers.audit.log_position import end_of_log
from subscriptions.log_replay import (
    TOO_SLOW,
    UNKNOWN,
    ResyncRequired,
    read_with_retry,
    start_of,
)

FIRST_PAUSE_SECONDS: Final = 0.1
MAX_PAUSE_SECONDS: Final = 1.0
MAX_WAITING: Final = 1_000
"""So many entries at most are one step."""

# Steps begun later have higher sort keys, in all streams.
_sort_keys: Final = count(1)


@dataclass(frozen=True, slots=True)
class AnalyticsChanged:
    """The totals of a span, which may be the same as before."""

    cursor: EventCursor
    totals: BookingMetrics


AnalyticsEvent = AnalyticsChanged | ResyncRequired


def analytics_changed(
    operation: Operation,
    *,
    span: Annotated[DateSpan, Doc("The dates to count: at most 800.")],
    filter: Annotated[
        AnalyticsFilter | None, Doc("Counts only some rooms; all rooms by default.")
    ] = None,
    after: Annotated[
        EventCursor | None,
        Doc(
            "The cursor after which to continue: at first the `asOf` of `analytics`. By default "
            "only new changes are delivered."
        ),
    ] = None,
) -> EventStream[AnalyticsEvent]:
    """Receive the totals of a span whenever they have changed, within 3 seconds.

    Changes that come close together are delivered as one. Without analytics in the plan, only
    today and the current week are available.
    """
    check_span(span)
    return EventStream(operation, AnalyticsSteps(span, filter), after)


@dataclass(frozen=True, slots=True)
class AnalyticsSteps:
    """The source of changes to the totals of a span."""

    span: DateSpan
    filter: AnalyticsFilter | None

    @asynccontextmanager
    async def live(
        self, operation: Operation
    ) -> AsyncIterator[AsyncGenerator[StreamItem[AnalyticsEvent]]]:
        relay = operation.scope.service(Relay)
        async with relay.listening(operation.scope.tenant_id, wants=_may_matter) as listener:
            end = await read_with_retry(operation, end_of_log)
            begun = await read_with_retry(operation, self._totals)
            async with aclosing(self._added(operation, listener, begun, end)) as steps:
                yield steps

    async def replay(
        self, operation: Operation, after: EventCursor | None
    ) -> AsyncGenerator[Sequence[StreamItem[AnalyticsEvent]]]:
        # Taken before anything is read: a live step that ends later may have newer totals.
        sort_key = (next(_sort_keys),)
        end = await read_with_retry(operation, end_of_log)
        counted = await read_with_retry(operation, self._totals)
        # No connection is held while waiting for a turn to answer.
        await operation.release()
        event: AnalyticsEvent | None = None
        if after is not None:
            start = start_of(after, end)
            if start is None:
                event = ResyncRequired(counted.cursor, UNKNOWN)
            elif start.place < counted.bookmark.place:
                event = AnalyticsChanged(counted.cursor, counted.totals)
        yield [StreamItem(sort_key, counted.cursor, event)]

    def gap_event(self, cursor: EventCursor) -> AnalyticsEvent:
        return ResyncRequired(cursor, TOO_SLOW)

    async def _added(
        self,
        operation: Operation,
        listener: Listener,
        known: CountedTotals,
        last: LogPosition,
    ) -> AsyncGenerator[StreamItem[AnalyticsEvent]]:
        while True:
            # Entries from before the first step may not be counted yet: ``last`` is their end.
            await _until_counted(operation, last)
            await operation.pace.wanted.wait()
            found = await read_with_retry(operation, self._totals)
            await operation.release()
            event: AnalyticsEvent | None = None
            if found.bookmark.generation != known.bookmark.generation:
                event = ResyncRequired(found.cursor, UNKNOWN)
            elif found.totals != known.totals:
                event = AnalyticsChanged(found.cursor, found.totals)
            known = found
            yield StreamItem((next(_sort_keys),), found.cursor, event)
            # No connection is held while waiting for events, or for a turn to answer.
            await operation.release()
            entry = await listener.next()
            last = [entry, *listener.waiting(MAX_WAITING)][-1].bookmark

    async def _totals(self, scope: Scope) -> CountedTotals:
        if not may(scope.actor, P.ANALYTICS_READ):
            raise refusal(scope.actor, P.ANALYTICS_READ)
        return await counted_totals(scope, self.span, self.filter)


async def _until_counted(operation: Operation, entry: LogPosition) -> None:
    """Waits until an entry is counted: half a second, and longer where many wait."""
    pause = FIRST_PAUSE_SECONDS
    while (await read_with_retry(operation, counted_until)).sort_key < entry.sort_key:
        await operation.release()
        await asyncio.sleep(pause)
        pause = min(2 * pause, MAX_PAUSE_SECONDS)


def _may_matter(entry: Entry) -> bool:
    if entry.subject_type == "Booking":
        return entry.type in COUNTED_TYPES
    return entry.subject_type in TELLING
