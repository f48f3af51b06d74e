"""Replays the log after a cursor, and tells clients to refetch if that isn't possible."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

import structlog

from kit.events.event_cursors import (
    EventCursor,
    LogOffset,
    LogPosition,
    decode_cursor,
    encode_cursor,
)
from kit.events.event_streams import StreamItem
from kit.events.log_relay import BATCH, Entry, entries_of, read_after
from kit.operation_context import Operation
from kit.postgres.failures import is_away
from kit.scope import Scope
from kit.settings import Settings
from models.audit.log import READ_AFTER, rights_changes
from permissions.policy import only_own
from permissions.roles import P
from resolvers.audit.log_position import end_of_log

UNKNOWN: Final = "The cursor is unknown."
BATCH_SIZE: Final = 50
"""Entries whose objects are read together; larger batches would delay other reads."""

OTHER_RIGHTS: Final = "Your permissions have changed."
TOO_SLOW: Final = "The client was too slow, so events were dropped."

_RIGHTS_SETTLE: Final = timedelta(seconds=5)
"""For how long after a change of rights a caller may still have read with the old ones."""

_MAX_PAUSE_SECONDS: Final = 1.0

R = TypeVar("R")
E = TypeVar("E")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ResyncRequired:
    """Some events were not sent; after a refetch, those after ``cursor`` are all there is."""

    cursor: EventCursor
    reason: str


@dataclass(frozen=True, slots=True)
class ReplayEnd:
    """The end of a replay: everything up to this position has been replayed."""

    bookmark: LogPosition


async def replay_items(
    operation: Operation,
    after: EventCursor | None,
    *,
    wants: Callable[[Entry], bool],
    items_of: Callable[[Sequence[Entry]], Awaitable[Sequence[StreamItem[E]]]],
) -> AsyncGenerator[Sequence[StreamItem[E | ResyncRequired]]]:
    """Replays like ``replay``, with the wanted entries converted to items of a stream."""
    async with aclosing(replay(operation, after, wants=wants)) as found:
        async for each in found:
            match each:
                case ResyncRequired(cursor=cursor):
                    # The lowest sort key: all events after the cursor are still to be delivered.
                    yield [StreamItem((0,), cursor, each)]
                case ReplayEnd(bookmark=bookmark):
                    yield [StreamItem(bookmark.sort_key, encode_cursor(bookmark), None)]
                case entries:
                    yield await items_of(entries)


async def replay(
    operation: Operation, after: EventCursor | None, *, wants: Callable[[Entry], bool]
) -> AsyncGenerator[Sequence[Entry] | ResyncRequired | ReplayEnd]:
    """Yields the wanted entries after a cursor, in order, then the end; without one, the end.

    Entries are yielded in batches of 1 to 50. If the log can't be read from the cursor,
    ResyncRequired is yielded in their place.
    """
    end = await read_with_retry(operation, end_of_log)
    await operation.release()
    start = end if after is None else start_of(after, end)
    if start is None:
        yield ResyncRequired(encode_cursor(end), UNKNOWN)
        start = end
    place = start.place
    replayed_for = replay_window(operation.scope)
    oldest = operation.runtime.clock() - replayed_for
    is_behind = place < end.place
    while is_behind:
        entries = await read_with_retry(operation, partial(_after, place=place))
        # No connection is held while waiting for the client.
        await operation.release()
        if entries and entries[0].at < oldest:
            yield ResyncRequired(encode_cursor(end), too_old(replayed_for))
            break
        wanted = [entry for entry in entries if wants(entry)]
        for number in range(0, len(wanted), BATCH_SIZE):
            yield wanted[number : number + BATCH_SIZE]
        if entries:
            place = entries[-1].place
        is_behind = len(entries) == BATCH
    last = LogPosition(end.tenant_id, end.generation, max(place, end.place))
    yield ReplayEnd(last)


async def changed_rights(scope: Scope, *, after: EventCursor | None) -> ResyncRequired | None:
    """Returns ResyncRequired if the caller's rights have changed since the cursor was issued.

    The log has no entries for rows that became visible by that. Callers who may see everybody's
    rows see them in every role, so nothing changes for them.
    """
    user_id = scope.actor.user_id
    if after is None or user_id is None or not only_own(scope.actor, P.BOOKINGS_READ):
        return None
    end = await end_of_log(scope)
    start = start_of(after, end)
    if start is None:
        return None
    xid, position = start.place.xid, start.place.position
    since = scope.now() - _RIGHTS_SETTLE
    changes = rights_changes(scope.tenant_id, user_id, xid=xid, position=position, since=since)
    if await scope.value(changes) is None:
        return None
    return ResyncRequired(encode_cursor(end), OTHER_RIGHTS)


async def read_with_retry(operation: Operation, read: Callable[[Scope], Awaitable[R]]) -> R:
    """Reads from a new snapshot, and retries while the database is unavailable."""
    pause = 0.1
    while True:
        try:
            await operation.release()
            async with operation.pace.turn:
                return await read(operation.scope)
        except Exception as error:
            if not is_away(error):
                raise
            log.info("database.away", reason=type(error).__name__)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _MAX_PAUSE_SECONDS)


def start_of(after: EventCursor, end: LogPosition) -> LogPosition | None:
    """Returns the position of a client's cursor; None if this log can't be read from there."""
    found = decode_cursor(after)
    if found is None or found.tenant_id != end.tenant_id or found.generation != end.generation:
        return None
    return found if found.place <= end.place else None


def replay_window(scope: Scope) -> timedelta:
    """Returns how long entries can be replayed."""
    return timedelta(days=scope.service(Settings).replay_days)


def too_old(window: timedelta) -> str:
    return f"The cursor is older than {window.days} {'day' if window.days == 1 else 'days'}."


async def _after(scope: Scope, *, place: LogOffset) -> list[Entry]:
    rows = await scope.fetch_prepared(READ_AFTER, **read_after({scope.tenant_id: place}))
    return list(entries_of(rows))
