"""What happens to a ticket: replies, notes, and changes of its state."""

from typing import Annotated
from uuid import UUID

from typing_extensions import Doc

from domain.accounts.users import Role
from domain.core.ids import CannedReplyId, UserId
from domain.core.log_events import Event, EventType, Snapshot
from domain.core.refusals import Invalid, NotFound, Refusal
from domain.core.text import LongText
from domain.customers.customers import tidy
from domain.support.refusals import TicketTransition
from domain.support.tickets import (
    UNSOLVED,
    AuthorKind,
    MessageChannel,
    TicketPriority,
    TicketStatus,
    TicketStep,
    rating_refusals,
    text_refusals,
)
from kit.errors import Forbidden
from kit.scope import Scope
from models.accounts.users import user_of
from models.core.base import snapshot
from models.support.tickets import Ticket, TicketMessage
from permissions.policy import only_own
from permissions.roles import P
from resolvers.core.lookups import raise_all
from resolvers.support.canned_replies import filled_reply
from resolvers.support.clocks import reset_deadlines
from resolvers.support.ticket_changes import (
    Id,
    Version,
    add_message,
    locked_ticket,
    log_ticket,
    take_step,
)
from resolvers.support.tickets import TICKETS, Text, check_number, new_ticket

Rating = Annotated[int, Doc("1 for the worst, to 5 for the best.")]
Comment = Annotated[str | None, Doc("Why, for the team: at most 1,000 characters.")]


async def reply_to_ticket(
    scope: Scope,
    id: Id,
    *,
    text: Annotated[
        LongText | None,
        Doc("The text: at most 5,000 characters. Required, unless a canned reply is given."),
    ] = None,
    canned_reply_id: Annotated[
        CannedReplyId | None, Doc("The canned reply to send instead of a text; for the team.")
    ] = None,
    awaits_customer: Annotated[
        bool,
        Doc(
            "For the team: whether the customer has to answer, so that the ticket is PENDING. "
            "Otherwise it is OPEN."
        ),
    ] = True,
) -> Ticket:
    """Write to the other side: the customer to the team, or the team to the customer.

    A customer's reply opens a ticket again that is PENDING or SOLVED; if the ticket is CLOSED, it
    opens a new one, which is returned and has `followUpOf`. The team's reply is also sent by mail,
    and isn't possible in a CLOSED ticket.
    """
    if only_own(scope.actor, P.SUPPORT_WRITE):
        _check_plain(text, canned_reply_id)
        return await customer_reply(scope, id, text or "")
    raise_all(_reply_refusals(text, canned_reply_id))
    ticket = await locked_ticket(scope, id)
    written: str = text or ""
    if canned_reply_id is not None:
        written = await filled_reply(scope, canned_reply_id, ticket)
    before = snapshot(ticket)
    step = TicketStep.STAFF_QUESTION if awaits_customer else TicketStep.STAFF_REPLY
    await take_step(scope, ticket, step)
    message = await add_message(
        scope, ticket, written, AuthorKind.STAFF, author_id=scope.actor.user_id
    )
    _log_reply(scope, ticket, before, message)
    return ticket


async def customer_reply(
    scope: Scope,
    id: UUID,
    text: str,
    *,
    channel: MessageChannel = MessageChannel.API,
    message_id: str | None = None,
    attachment_count: int = 0,
) -> Ticket:
    """Adds a reply of the customer; a closed ticket is followed by a new one."""
    raise_all(list(text_refusals(text)))
    # The tickets' too, because whether it is closed is only known under its own.
    ticket = await locked_ticket(scope, id, also=[TICKETS])
    if ticket.status == TicketStatus.CLOSED.value:
        await check_number(scope, ticket.customer_id)
        return await new_ticket(
            scope,
            subject=ticket.subject,
            text=text,
            customer_id=ticket.customer_id,
            booking_id=ticket.booking_id,
            conversation_id=ticket.conversation_id,
            follow_up_of_id=ticket.id,
            is_verified=True,
            channel=channel,
            message_id=message_id,
            attachment_count=attachment_count,
        )
    before = snapshot(ticket)
    await take_step(scope, ticket, TicketStep.CUSTOMER_REPLY)
    # Only who reads their mail, or is logged in, can answer.
    ticket.is_verified = True
    message = await add_message(
        scope,
        ticket,
        text,
        AuthorKind.CUSTOMER,
        author_id=scope.actor.user_id,
        channel=channel,
        message_id=message_id,
        attachment_count=attachment_count,
    )
    _log_reply(scope, ticket, before, message)
    return ticket


async def add_internal_note(scope: Scope, id: Id, *, text: Text) -> TicketMessage:
    """Add a note that only the venue's team sees. It changes nothing else of the ticket."""
    _check_team(scope)
    raise_all(list(text_refusals(text)))
    ticket = await locked_ticket(scope, id)
    note = await add_message(
        scope,
        ticket,
        text,
        AuthorKind.STAFF,
        author_id=scope.actor.user_id,
        is_internal=True,
    )
    scope.emit(note_added(note))
    return note


async def assign_ticket(
    scope: Scope,
    id: Id,
    *,
    version: Version,
    assignee_id: Annotated[
        UserId | None, Doc("The member of the team who is to answer; nobody by default.")
    ] = None,
) -> Ticket:
    """Give a ticket to a member of the team. A NEW one becomes OPEN."""
    _check_team(scope)
    ticket = await locked_ticket(scope, id, version=version)
    if assignee_id is not None:
        user = await scope.one(user_of(scope.tenant_id, assignee_id))
        if user is None or not user.has_joined or user.role == Role.CUSTOMER.value:
            raise NotFound("member of the team", path=("assignee_id",))
    if ticket.assignee_id == assignee_id:
        return ticket
    before = snapshot(ticket)
    if assignee_id is not None:
        await take_step(scope, ticket, TicketStep.ASSIGN)
    ticket.assignee_id = assignee_id
    log_ticket(scope, EventType.TICKET_ASSIGNED, ticket, before)
    return ticket


async def set_ticket_priority(
    scope: Scope,
    id: Id,
    *,
    version: Version,
    priority: Annotated[TicketPriority, Doc("How urgent the ticket is.")],
) -> Ticket:
    """Say how urgent a ticket is. What is due when follows at once."""
    _check_team(scope)
    ticket = await locked_ticket(scope, id, version=version)
    if ticket.priority == priority.value:
        return ticket
    before = snapshot(ticket)
    ticket.priority = priority.value
    ticket.first_reply_warned_at = ticket.resolution_warned_at = None
    await reset_deadlines(scope, ticket)
    log_ticket(scope, EventType.TICKET_PRIORITY_CHANGED, ticket, before)
    return ticket


async def resolve_ticket(scope: Scope, id: Id, *, version: Version) -> Ticket:
    """Mark a ticket as SOLVED. Some days later it is CLOSED, unless the customer answers."""
    ticket = await locked_ticket(scope, id, version=version)
    before = snapshot(ticket)
    await take_step(scope, ticket, TicketStep.RESOLVE)
    log_ticket(scope, EventType.TICKET_SOLVED, ticket, before)
    return ticket


async def reopen_ticket(scope: Scope, id: Id, *, version: Version) -> Ticket:
    """Open a SOLVED ticket again."""
    ticket = await locked_ticket(scope, id, version=version)
    before = snapshot(ticket)
    await take_step(scope, ticket, TicketStep.REOPEN)
    log_ticket(scope, EventType.TICKET_REOPENED, ticket, before)
    return ticket


async def rate_ticket(scope: Scope, id: Id, *, rating: Rating, comment: Comment = None) -> Ticket:
    """Say how content you are with the answer to your ticket, once, when it is SOLVED or CLOSED."""
    ticket = await locked_ticket(scope, id)
    if not only_own(scope.actor, P.SUPPORT_WRITE):
        raise Forbidden("Only the customer of the ticket can rate the answer.")
    refused: list[Refusal] = list(rating_refusals(rating, comment))
    if TicketStatus(ticket.status) in UNSOLVED:
        refused.append(TicketTransition(ticket.status, ("SOLVED", "CLOSED")))
    if ticket.rating is not None:
        refused.append(Invalid("The answer was rated already.", path=("rating",)))
    raise_all(refused)
    before = snapshot(ticket)
    ticket.rating, ticket.rated_at = rating, scope.now()
    ticket.rating_comment = tidy(comment)
    log_ticket(scope, EventType.TICKET_RATED, ticket, before)
    return ticket


def note_added(note: TicketMessage) -> Event:
    """Returns the event of an internal note."""
    after = {"message_id": str(note.id)}
    return Event(EventType.TICKET_NOTE_ADDED, "Ticket", note.ticket_id, after=after)


def _log_reply(scope: Scope, ticket: Ticket, before: Snapshot, message: TicketMessage) -> None:
    about = {"message_id": str(message.id), "author_kind": message.author_kind}
    log_ticket(scope, EventType.TICKET_REPLIED, ticket, before, **about)


def _check_team(scope: Scope) -> None:
    """Raises Forbidden for customers."""
    if only_own(scope.actor, P.SUPPORT_WRITE):
        raise Forbidden("Only the venue's team can do this.")


def _check_plain(text: str | None, canned_reply_id: CannedReplyId | None) -> None:
    if canned_reply_id is not None:
        raise NotFound("canned reply", path=("canned_reply_id",))
    raise_all(list(text_refusals(text or "")))


def _reply_refusals(text: str | None, canned_reply_id: CannedReplyId | None) -> list[Refusal]:
    if canned_reply_id is None:
        return list(text_refusals(text or ""))
    if text is not None:
        return [Invalid("Give either a text or a canned reply.", path=("canned_reply_id",))]
    return []
