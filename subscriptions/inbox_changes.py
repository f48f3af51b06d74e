"""Streams changes of the caller's own inbox, after a replay of those that the client missed."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from typing_extensions import Doc

from domain.core.log_events import EventType
from kit.events.event_cursors import EventCursor, encode_cursor
from kit.events.event_streams import EventStream, StreamItem
from kit.events.log_relay import Entry, Listener, Overflow, Relay
from kit.operation_context import Operation
from kit.scope import Scope
from models.notifications.inbox import InboxEntry
from permissions.policy import may, own_user_id, refusal
from permissions.roles import P
from resolvers.notifications.inbox import added_at, unread_count
from subscriptions.log_replay import (
    BATCH_SIZE,
    TOO_SLOW,
    ResyncRequired,
    read_with_retry,
    replay_items,
)


@dataclass(frozen=True, slots=True)
class InboxChanged:
    """A change of the caller's inbox; ``unread_count`` is the current one."""

    cursor: EventCursor
    at: datetime
    added: Sequence[InboxEntry]
    unread_count: int


InboxEvent = InboxChanged | ResyncRequired


def inbox_changed(
    operation: Operation,
    *,
    after: Annotated[
        EventCursor | None,
        Doc(
            "The cursor after which to continue; by default only new events "
            "are delivered. It can be up to 7 days old."
        ),
    ] = None,
) -> EventStream[InboxEvent]:
    """Receive what is added to the caller's own inbox, and when its entries are read elsewhere.

    To keep the inbox up to date, subscribe with its `eventCursor` as `after`: what was missed is
    delivered first.
    """
    user_id = own_user_id(operation.actor)
    return EventStream(operation, InboxChanges(user_id), after, is_personal=True)


@dataclass(frozen=True, slots=True)
class InboxChanges:
    """The source of changes to the inbox of one user."""

    user_id: UUID

    @asynccontextmanager
    async def live(
        self, operation: Operation
    ) -> AsyncIterator[AsyncGenerator[StreamItem[InboxEvent]]]:
        relay = operation.scope.service(Relay)
        async with (
            relay.listening(operation.scope.tenant_id, wants=self._wants) as listener,
            aclosing(self._added(operation, listener)) as steps,
        ):
            yield steps

    async def replay(
        self, operation: Operation, after: EventCursor | None
    ) -> AsyncGenerator[Sequence[StreamItem[InboxEvent]]]:
        steps = partial(self._steps, operation)
        replayed = replay_items(operation, after, wants=self._wants, items_of=steps)
        async with aclosing(replayed) as batches:
            async for batch in batches:
                yield batch

    def gap_event(self, cursor: EventCursor) -> InboxEvent:
        return ResyncRequired(cursor, TOO_SLOW)

    async def _added(
        self, operation: Operation, listener: Listener
    ) -> AsyncGenerator[StreamItem[InboxEvent]]:
        while True:
            entry = await listener.next()
            if isinstance(entry, Overflow):
                cursor = encode_cursor(entry.bookmark)
                yield StreamItem(entry.bookmark.sort_key, cursor, self.gap_event(cursor))
                continue
            for step in await self._steps(operation, [entry, *listener.waiting(BATCH_SIZE - 1)]):
                yield step

    async def _steps(
        self, operation: Operation, entries: Sequence[Entry]
    ) -> list[StreamItem[InboxEvent]]:
        """Converts entries of the log to steps, with the inbox as it is in one snapshot."""
        added, unread = await read_with_retry(operation, partial(self._read, entries=entries))
        # No connection is held while waiting for the next entry.
        await operation.release()
        steps: list[StreamItem[InboxEvent]] = []
        for entry in entries:
            cursor = encode_cursor(entry.bookmark)
            new = [each for each in added if each.created_at == entry.at]
            event = InboxChanged(cursor, entry.at, new, unread)
            steps.append(StreamItem(entry.bookmark.sort_key, cursor, event))
        return steps

    async def _read(
        self, scope: Scope, *, entries: Sequence[Entry]
    ) -> tuple[Sequence[InboxEntry], int]:
        if not may(scope.actor, P.MEMBER):
            raise refusal(scope.actor, P.MEMBER)
        added = await added_at(scope, self.user_id, {entry.at for entry in entries})
        return added, await unread_count(scope, self.user_id)

    def _wants(self, entry: Entry) -> bool:
        return entry.type == EventType.INBOX_CHANGED and entry.subject_id == self.user_id
