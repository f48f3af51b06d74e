"""Streams changes of support tickets, after a replay of those that the client missed."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import TicketId
from domain.core.log_events import EventType
from kit.events.event_cursors import EventCursor, encode_cursor
from kit.events.event_streams import EventStream, StreamItem
from kit.events.log_relay import Entry, Listener, Overflow, Relay
from kit.operation_context import Operation
from kit.scope import Scope
from models.support.tickets import Ticket, TicketMessage
from permissions.policy import may, only_own, refusal
from permissions.roles import P
from resolvers.support.visibility import visible_messages, visible_tickets
from subscriptions.log_replay import (
    BATCH_SIZE,
    TOO_SLOW,
    ResyncRequired,
    read_with_retry,
    replay_items,
)

_OF_THE_TEAM: Final = frozenset(
    {
        EventType.TICKET_NOTE_ADDED,
        EventType.TICKET_ASSIGNED,
        EventType.TICKET_PRIORITY_CHANGED,
        EventType.TICKET_ESCALATED,
    }
)
"""The events that customers aren't told of."""


@dataclass(frozen=True, slots=True)
class TicketChanged:
    """A change of a ticket, with the message that it has added; both as the caller sees them."""

    cursor: EventCursor
    type: EventType
    at: datetime
    ticket: Ticket
    message: TicketMessage | None


TicketEvent = TicketChanged | ResyncRequired
Found = tuple[Mapping[UUID, Ticket], Mapping[tuple[UUID, datetime], TicketMessage]]
"""Tickets by id, and messages by ticket and instant."""


def ticket_changed(
    operation: Operation,
    *,
    ids: Annotated[
        tuple[TicketId, ...] | None, Doc("Receive only changes of these tickets; all by default.")
    ] = None,
    after: Annotated[
        EventCursor | None,
        Doc(
            "The cursor after which to continue; by default only new events "
            "are delivered. It can be up to 7 days old."
        ),
    ] = None,
) -> EventStream[TicketEvent]:
    """Receive every change to tickets, in order. A customer receives those of their own tickets,
    and nothing of what the team does among itself.

    To keep a list of tickets up to date, subscribe with its `eventCursor` as `after`: what was
    missed is delivered first.
    """
    wanted = None if ids is None else frozenset(ids)
    is_own = only_own(operation.actor, P.SUPPORT_READ)
    return EventStream(operation, TicketChanges(wanted, is_own), after)


@dataclass(frozen=True, slots=True)
class TicketChanges:
    """The source of changes to tickets, for the team or for a customer."""

    ids: frozenset[UUID] | None
    is_own: bool

    @asynccontextmanager
    async def live(
        self, operation: Operation
    ) -> AsyncIterator[AsyncGenerator[StreamItem[TicketEvent]]]:
        relay = operation.scope.service(Relay)
        async with (
            relay.listening(operation.scope.tenant_id, wants=self._wants) as listener,
            aclosing(self._added(operation, listener)) as steps,
        ):
            yield steps

    async def replay(
        self, operation: Operation, after: EventCursor | None
    ) -> AsyncGenerator[Sequence[StreamItem[TicketEvent]]]:
        steps = partial(self._steps, operation)
        replayed = replay_items(operation, after, wants=self._wants, items_of=steps)
        async with aclosing(replayed) as batches:
            async for batch in batches:
                yield batch

    def gap_event(self, cursor: EventCursor) -> TicketEvent:
        return ResyncRequired(cursor, TOO_SLOW)

    async def _added(
        self, operation: Operation, listener: Listener
    ) -> AsyncGenerator[StreamItem[TicketEvent]]:
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
    ) -> list[StreamItem[TicketEvent]]:
        """Converts entries to steps, with the tickets as they are in one snapshot."""
        tickets, messages = await read_with_retry(operation, partial(self._read, entries=entries))
        # No connection is held while waiting for the next entry.
        await operation.release()
        steps: list[StreamItem[TicketEvent]] = []
        for entry in entries:
            cursor, event = encode_cursor(entry.bookmark), None
            if (ticket := tickets.get(entry.subject_id)) is not None:
                message = messages.get((ticket.id, entry.at))
                event = TicketChanged(cursor, EventType(entry.type), entry.at, ticket, message)
            steps.append(StreamItem(entry.bookmark.sort_key, cursor, event))
        return steps

    async def _read(self, scope: Scope, *, entries: Sequence[Entry]) -> Found:
        if not may(scope.actor, P.SUPPORT_READ):
            raise refusal(scope.actor, P.SUPPORT_READ)
        ids = {entry.subject_id for entry in entries}
        tickets = await scope.all(visible_tickets(scope).where(col(Ticket.id).in_(ids)))
        # A message has the instant of its entry.
        added = await scope.all(
            visible_messages(scope).where(
                col(TicketMessage.ticket_id).in_(ids),
                col(TicketMessage.created_at).in_({entry.at for entry in entries}),
            )
        )
        return (
            {each.id: each for each in tickets},
            {(each.ticket_id, each.created_at): each for each in added},
        )

    def _wants(self, entry: Entry) -> bool:
        if entry.subject_type != "Ticket":
            return False
        if self.ids is not None and entry.subject_id not in self.ids:
            return False
        is_told = entry.type not in _OF_THE_TEAM or "status" in (entry.before or {})
        return is_told or not self.is_own
