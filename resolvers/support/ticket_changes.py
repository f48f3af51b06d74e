"""What every change of a ticket does: lock, check, set its status and clock, tell the log."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from typing_extensions import Doc

from domain.core.ids import TicketId
from domain.core.log_events import Event, EventType, Snapshot
from domain.core.refusals import LimitReached
from domain.support.tickets import (
    MAX_MESSAGES,
    AuthorKind,
    MessageChannel,
    TicketStatus,
    TicketStep,
    status_after,
)
from kit.scope import Scope
from models.core.base import snapshot
from models.support.tickets import Ticket, TicketMessage, message_landed, messages_counted
from resolvers.core.lookups import get_at_version, get_or_refuse
from resolvers.support.clocks import set_clock
from resolvers.support.settings import settings_in_use
from resolvers.support.visibility import sees_notes, visible_tickets

Id = Annotated[TicketId, Doc("The id of the ticket.")]
Version = Annotated[
    int,
    Doc(
        "The version of the ticket that you read. If it has changed since, as by a new message, "
        "the mutation is refused with STALE_VERSION."
    ),
]

_ANSWERS: Final = frozenset({TicketStep.STAFF_REPLY, TicketStep.STAFF_QUESTION})


class AlreadyLanded(Exception):
    """The mail with this Message-ID is a message already."""


async def locked_ticket(
    scope: Scope, id: UUID, *, version: int | None = None, also: Sequence[tuple[str, ...]] = ()
) -> Ticket:
    """Locks a ticket that the caller may see, and more. Raises NotFound, StaleVersion."""
    await scope.lock(("ticket", id), *also)
    visible = visible_tickets(scope)
    if version is None:
        return await get_or_refuse(scope, visible, id, what="ticket")
    return await get_at_version(scope, visible, id, version=version, what="ticket")


async def take_step(scope: Scope, ticket: Ticket, step: TicketStep) -> None:
    """Gives a ticket the status that a step leads to. Raises TicketTransition."""
    before = TicketStatus(ticket.status)
    after = status_after(before, step)
    now = scope.now()
    is_answered = step in _ANSWERS or (step is TicketStep.RESOLVE and sees_notes(scope))
    if is_answered and ticket.first_replied_at is None:
        ticket.first_replied_at = now
    ticket.status = after.value
    if after is TicketStatus.SOLVED and before is not after:
        settings = await settings_in_use(scope)
        ticket.solved_at = now
        ticket.closes_at = now + timedelta(days=settings.close_after_days)
    elif after is TicketStatus.CLOSED:
        ticket.closed_at, ticket.closes_at = now, None
    elif after is not TicketStatus.SOLVED:
        ticket.solved_at = ticket.closes_at = None
    await set_clock(scope, ticket, before)


async def add_message(
    scope: Scope,
    ticket: Ticket,
    text: str,
    author: AuthorKind,
    *,
    author_id: UUID | None = None,
    channel: MessageChannel = MessageChannel.API,
    is_internal: bool = False,
    from_address: str | None = None,
    message_id: str | None = None,
    attachment_count: int = 0,
) -> TicketMessage:
    """Adds a message or a note to a ticket. Raises LimitReached, AlreadyLanded."""
    if message_id is not None:
        known = message_landed(scope.tenant_id, message_id)
        if await scope.one(known) is not None:
            raise AlreadyLanded
    used = await scope.value(messages_counted(scope.tenant_id, ticket.id))
    if used >= MAX_MESSAGES:
        problem = "The ticket is full: solve it, and open another one."
        raise LimitReached("messages of a ticket", MAX_MESSAGES, used, hint=problem)
    return scope.add(
        TicketMessage(
            tenant_id=scope.tenant_id,
            ticket_id=ticket.id,
            author_kind=author.value,
            author_id=author_id,
            is_internal=is_internal,
            channel=channel.value,
            text=text.strip(),
            from_address=from_address,
            message_id=message_id,
            attachment_count=attachment_count,
            created_at=scope.now(),
        )
    )


def log_ticket(
    scope: Scope, type: EventType, ticket: Ticket, before: Snapshot | None, **about: str
) -> None:
    """Raises the version of a ticket that was changed, and logs it."""
    if before is not None:
        ticket.version += 1
    ticket.updated_at = scope.now()
    after = {**snapshot(ticket), **about}
    scope.emit(Event(type, "Ticket", ticket.id, before=before, after=after))
