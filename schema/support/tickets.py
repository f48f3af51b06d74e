"""Support tickets: questions of customers, and the team's answers."""

from datetime import datetime
from typing import Annotated

import strawberry

import models
from domain.core.log_events import EventType as E
from domain.support.refusals import TicketTransition
from kit.events.event_cursors import EventCursor
from kit.scope import Scope
from models.audit import sql_fields as log_fields
from models.support.tickets import TicketFilter
from models.support.tickets import TicketMessage as Message
from permissions.roles import P
from resolvers.audit import log_position
from resolvers.support import ticket_steps, tickets, visibility
from schema.accounts.users import User
from schema.bookings.bookings import Booking
from schema.bookings.subscriptions import ResyncRequired
from schema.core.connections import Connection, View, connection
from schema.core.fields import Node, column, computed, node, query, related, subscription, value
from schema.core.inputs import input_type
from schema.core.mutations import mutation, payload
from schema.core.user_errors import UserError, shows
from schema.customers.customers import Customer
from schema.support.kinds import AuthorKind, MessageChannel, TicketPriority, TicketStatus
from subscriptions import ticket_changes

input_type(
    TicketFilter,
    "Which tickets to return. Tickets must match all fields that are given.",
    name="TicketFilter",
    statuses="Match tickets with any of these statuses.",
    priorities="Match tickets with any of these priorities.",
    customer_id="Match tickets of these customers. Requires `customers:read`.",
    assignee_id="Match tickets that these members of the team have. Requires `users:read`.",
    booking_id="Match tickets about these bookings. Requires `bookings:read`.",
    unassigned="True: match tickets that nobody has. False: match those that somebody has.",
    created_at="Match tickets that were opened in this period.",
)


@shows(TicketTransition)
class TicketTransitionError(UserError):
    """The ticket's status doesn't allow the change."""

    ticket_status: TicketStatus = column("The status of the ticket.", name="status")
    allowed_statuses: list[TicketStatus] = column(
        "The statuses that would allow the change.", name="allowed"
    )


@node(Message, visible=visibility.visible_messages, requires=P.SUPPORT_READ)
class TicketMessage(Node):
    """A message of a ticket, or an internal note, which no customer ever sees."""

    author_kind: AuthorKind = column("Who wrote it.")
    author: User | None = related(
        "The user who wrote it, or null if it came by mail, or from a guest or a program.",
        requires=P.USERS_READ,
    )
    is_internal: bool = column("Whether it is an internal note.")
    channel: MessageChannel = column("How it came in.")
    text: str = column("The text; of a mail, without what it quotes.")
    from_address: str | None = column(
        "The address from which a mail came that isn't the customer's; such a mail becomes an "
        "internal note. Otherwise null.",
        requires=P.CUSTOMERS_CONTACT,
    )
    attachment_count: int = column("How many attachments the mail had. They aren't kept.")
    created_at: datetime = column("When it was written.")


@node(models.Ticket, visible=visibility.visible_tickets, requires=P.SUPPORT_READ)
class Ticket(Node):
    """A question of a customer to the venue's team."""

    number: int = column("The number of the ticket, unique in the venue. It never changes.")
    subject: str = column("What it is about.")
    status: TicketStatus = column("The status of the ticket.")
    priority: TicketPriority = column("How urgent it is.")
    customer: Customer | None = related("The customer who needs help.", requires=P.CUSTOMERS_READ)
    is_verified: bool = column(
        "Whether the sender has proved to be the customer: they were logged in, or have read the "
        "mail that was sent to the customer's address."
    )
    booking: Booking | None = computed(tickets.booking_of)
    follow_up_of: "Ticket | None" = computed(tickets.follow_up_of)
    assignee: User | None = related(
        "The member of the team who is to answer, or null for nobody.", requires=P.USERS_READ
    )
    messages: Connection[TicketMessage] = connection(tickets.messages, under=Message.ticket_id)
    first_reply_due_at: datetime | None = computed(tickets.first_reply_due_at)
    first_replied_at: datetime | None = column(
        "When the team first answered, or null if it hasn't."
    )
    resolution_due_at: datetime | None = computed(tickets.resolution_due_at)
    is_escalated: bool = computed(tickets.is_escalated)
    rating: int | None = column("The customer's rating, 1 to 5, or null if there is none.")
    rating_comment: str | None = column("What the customer wrote about it, or null.")
    version: int = column(
        "The version of the ticket. It increases with every change and message; pass it to "
        "mutations that change the ticket."
    )
    created_at: datetime = column("When it was opened.")
    updated_at: datetime = column("When it last changed, or a message was added.")
    solved_at: datetime | None = column("When it was solved, or null if it isn't.")
    closed_at: datetime | None = column("When it was closed, or null if it isn't.")


async def _event_cursor(scope: Scope, _: View) -> str:
    """Pass it as `after` to `ticketChanged` to receive all later changes."""
    return await log_position.event_cursor(scope)


@strawberry.type(description="One page of a list of tickets.")
class TicketConnection(Connection[Ticket]):
    event_cursor: EventCursor = computed(
        _event_cursor,
        "Pass it as `after` to `ticketChanged` to receive all later changes. Some may already be "
        "in this list. Compare cursors only for equality.",
        sql=log_fields.event_cursor,
    )


@strawberry.type
class TicketQueries:
    ticket: Ticket | None = query(tickets.ticket, requires=P.SUPPORT_READ)
    tickets: TicketConnection | None = connection(tickets.tickets, requires=P.SUPPORT_READ)


@payload
class OpenTicketPayload:
    """The result of `openTicket`."""

    ticket: Ticket | None
    replayed: bool


@payload
class ReplyToTicketPayload:
    """The result of `replyToTicket`."""

    ticket: Ticket | None
    replayed: bool


@payload
class AddInternalNotePayload:
    """The result of `addInternalNote`."""

    note: TicketMessage | None


@payload
class AssignTicketPayload:
    """The result of `assignTicket`."""

    ticket: Ticket | None


@payload
class SetTicketPriorityPayload:
    """The result of `setTicketPriority`."""

    ticket: Ticket | None


@payload
class ResolveTicketPayload:
    """The result of `resolveTicket`."""

    ticket: Ticket | None


@payload
class ReopenTicketPayload:
    """The result of `reopenTicket`."""

    ticket: Ticket | None


@payload
class RateTicketPayload:
    """The result of `rateTicket`."""

    ticket: Ticket | None


@strawberry.type
class TicketMutations:
    open_ticket: OpenTicketPayload | None = mutation(
        tickets.open_ticket, requires=P.SUPPORT_WRITE, emits=[E.TICKET_OPENED], idempotent=True
    )
    reply_to_ticket: ReplyToTicketPayload | None = mutation(
        ticket_steps.reply_to_ticket,
        requires=P.SUPPORT_WRITE,
        finds_by=P.SUPPORT_READ,
        emits=[E.TICKET_REPLIED, E.TICKET_OPENED],
        idempotent=True,
    )
    add_internal_note: AddInternalNotePayload | None = mutation(
        ticket_steps.add_internal_note,
        requires=P.SUPPORT_WRITE,
        finds_by=P.SUPPORT_READ,
        emits=[E.TICKET_NOTE_ADDED],
    )
    assign_ticket: AssignTicketPayload | None = mutation(
        ticket_steps.assign_ticket,
        requires=P.SUPPORT_WRITE,
        finds_by=P.SUPPORT_READ,
        emits=[E.TICKET_ASSIGNED],
    )
    set_ticket_priority: SetTicketPriorityPayload | None = mutation(
        ticket_steps.set_ticket_priority,
        requires=P.SUPPORT_WRITE,
        finds_by=P.SUPPORT_READ,
        emits=[E.TICKET_PRIORITY_CHANGED],
    )
    resolve_ticket: ResolveTicketPayload | None = mutation(
        ticket_steps.resolve_ticket,
        requires=P.SUPPORT_WRITE,
        finds_by=P.SUPPORT_READ,
        emits=[E.TICKET_SOLVED],
    )
    reopen_ticket: ReopenTicketPayload | None = mutation(
        ticket_steps.reopen_ticket,
        requires=P.SUPPORT_WRITE,
        finds_by=P.SUPPORT_READ,
        emits=[E.TICKET_REOPENED],
    )
    rate_ticket: RateTicketPayload | None = mutation(
        ticket_steps.rate_ticket,
        requires=P.SUPPORT_WRITE,
        finds_by=P.SUPPORT_READ,
        emits=[E.TICKET_RATED],
    )


@value(ticket_changes.TicketChanged)
class TicketChanged:
    """A change of a ticket. The ticket is returned in its current state, which may be newer than
    the event."""

    cursor: EventCursor = column("Subscribe with it as `after` to continue after this event.")
    type: E = column("The type of the event.")
    at: datetime = column("When it happened.")
    ticket: Ticket = column("The ticket in its current state, which may include later changes.")
    message: TicketMessage | None = column("The message that was added, or null if none was.")


TicketEvent = Annotated[
    TicketChanged | ResyncRequired,
    strawberry.union(
        "TicketEvent",
        description="A change of a ticket, or a request to fetch the data again.",
    ),
]


@strawberry.type
class TicketSubscriptions:
    ticket_changed: TicketEvent = subscription(
        ticket_changes.ticket_changed, requires=P.SUPPORT_READ
    )
