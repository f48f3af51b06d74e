"""Support tickets: finds them, opens them, and reads what is in them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.accounts.refusals import EmailNotVerified
from domain.accounts.users import Role
from domain.core.ids import BookingId, TicketId
from domain.core.log_events import EventType
from domain.core.refusals import LimitReached, NotFound, Refusal, Required
from domain.core.text import LongText, tidy_name
from domain.customers.customers import CustomerChoice
from domain.support.tickets import (
    MAX_OPEN_OF_CUSTOMER,
    AuthorKind,
    MessageChannel,
    TicketStatus,
    subject_refusals,
    text_refusals,
)
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.support.tickets import (
    Ticket,
    TicketFilter,
    TicketMessage,
    last_number,
    tickets_matching,
    unsolved_of,
)
from permissions.policy import may, only_own
from permissions.roles import P
from resolvers.bookings.booking_access import visible_bookings
from resolvers.core.lookups import raise_all
from resolvers.customers.customers import chosen_booker
from resolvers.support.clocks import set_clock
from resolvers.support.ticket_changes import add_message, log_ticket
from resolvers.support.visibility import sees_notes, visible_messages, visible_tickets

TICKETS = ("tickets",)
"""The lock of those who open a ticket of a venue, because tickets are numbered."""
Subject = Annotated[str, Doc("What it is about: one line of at most 200 characters.")]
Text = Annotated[LongText, Doc("The text of the message: at most 5,000 characters.")]


async def ticket(
    scope: Scope, id: Annotated[TicketId, Doc("The id of the ticket.")]
) -> Ticket | None:
    """Find a ticket by id. Null if there is no such ticket or the caller can't see it."""
    return await scope.one(visible_tickets(scope).where(col(Ticket.id) == id))


def tickets(
    scope: Scope,
    *,
    filter: Annotated[TicketFilter | None, Doc("Which tickets to return; all by default.")] = None,
) -> Listing[Ticket]:
    """The tickets of the venue, the last changed ones first. A customer sees only their own."""
    matching = tickets_matching(visible_tickets(scope), filter)
    return Listing(Ticket, matching, (Order(Ticket.updated_at, descending=True),))


def messages(scope: Scope) -> Listing[TicketMessage]:
    """The messages of the ticket, the oldest first; for the team with its internal notes."""
    return Listing(TicketMessage, visible_messages(scope), (Order(TicketMessage.created_at),))


async def open_ticket(
    scope: Scope,
    *,
    subject: Subject,
    text: Text,
    booking_id: Annotated[BookingId | None, Doc("The booking that it is about.")] = None,
    customer: Annotated[
        CustomerChoice | None,
        Doc(
            "The customer who needs help. Required for the team, unless a booking with a customer "
            "is given; customers write for themselves."
        ),
    ] = None,
) -> Ticket:
    """Ask the venue's team a question, or open a ticket for a customer who called or came by.

    Answers are also sent by mail. A customer can have 20 tickets that aren't solved.
    """
    actor = scope.actor
    if actor.role == Role.CUSTOMER and actor.user_id is not None and actor.own_id is None:
        raise EmailNotVerified
    await scope.lock(TICKETS)
    refused = _refusals(subject, text)
    booking = None
    if booking_id is not None:
        booking = await scope.one(visible_bookings(scope).where(col(Booking.id) == booking_id))
        if booking is None:
            refused.append(NotFound("booking", path=("booking_id",)))
    customer_id = booking.customer_id if booking is not None and customer is None else None
    if customer_id is None:
        booker, unknown = await chosen_booker(scope, customer)
        refused += unknown
        customer_id = booker.customer_id
        if customer_id is None and not unknown:
            refused.append(Required(path=("customer",)))
    raise_all(refused)
    assert customer_id is not None
    is_own = only_own(actor, P.SUPPORT_WRITE)
    if is_own:
        await check_number(scope, customer_id)
    return await new_ticket(
        scope,
        subject=subject,
        text=text,
        customer_id=customer_id,
        booking_id=None if booking is None else booking.id,
        author=AuthorKind.CUSTOMER if is_own else AuthorKind.STAFF,
        is_verified=True,
    )


async def check_number(scope: Scope, customer_id: UUID) -> None:
    """Raises LimitReached if a customer has as many unsolved tickets as they can have."""
    used = await scope.value(unsolved_of(scope.tenant_id, customer_id))
    if used >= MAX_OPEN_OF_CUSTOMER:
        problem = f"At most {MAX_OPEN_OF_CUSTOMER} tickets can be unsolved: write in one of these."
        raise LimitReached("unsolved tickets", MAX_OPEN_OF_CUSTOMER, used, hint=problem)


async def new_ticket(
    scope: Scope,
    *,
    subject: str,
    text: str,
    customer_id: UUID,
    is_verified: bool,
    booking_id: UUID | None = None,
    conversation_id: UUID | None = None,
    follow_up_of_id: UUID | None = None,
    author: AuthorKind = AuthorKind.CUSTOMER,
    channel: MessageChannel = MessageChannel.API,
    message_id: str | None = None,
    attachment_count: int = 0,
) -> Ticket:
    """Adds a ticket with its first message, under the lock ``TICKETS``. Raises refusals as a group.

    ``is_verified``: who asks has proved to be the customer.
    """
    raise_all(_refusals(subject, text))
    number = (await scope.value(last_number(scope.tenant_id)) or 0) + 1
    new = scope.add(
        Ticket(
            tenant_id=scope.tenant_id,
            number=number,
            subject=tidy_name(subject),
            customer_id=customer_id,
            booking_id=booking_id,
            conversation_id=conversation_id,
            follow_up_of_id=follow_up_of_id,
            is_verified=is_verified,
            created_at=scope.now(),
            updated_at=scope.now(),
        )
    )
    await scope.flush()
    await set_clock(scope, new, TicketStatus.NEW)
    message = await add_message(
        scope,
        new,
        text,
        author,
        author_id=scope.actor.user_id,
        channel=channel,
        message_id=message_id,
        attachment_count=attachment_count,
    )
    about = {"message_id": str(message.id), "author_kind": author.value}
    log_ticket(scope, EventType.TICKET_OPENED, new, None, **about)
    return new


def _refusals(subject: str, text: str) -> list[Refusal]:
    return [*subject_refusals(tidy_name(subject)), *text_refusals(text)]


# ------------------------------------------------------------------------------ fields


async def booking_of(scope: Scope, ticket: Ticket) -> Booking | None:
    """The booking that it is about, or null if it is about none or the caller can't see it."""
    booking: Booking | None = await scope.loaders.related(ticket, "booking")
    return booking if may(scope.actor, P.BOOKINGS_READ, booking) else None


async def follow_up_of(scope: Scope, ticket: Ticket) -> Ticket | None:
    """The closed ticket that was answered, which opened this one; null if there was none."""
    previous: Ticket | None = await scope.loaders.related(ticket, "follow_up_of")
    return previous if may(scope.actor, P.SUPPORT_READ, previous) else None


async def first_reply_due_at(scope: Scope, ticket: Ticket) -> datetime | None:
    """When the first reply is due by the venue's opening hours. Null once it was given, while the
    clock is paused, and for customers.
    """
    return ticket.first_reply_due_at if sees_notes(scope) else None


async def resolution_due_at(scope: Scope, ticket: Ticket) -> datetime | None:
    """When it is due to be solved by the venue's opening hours. Null while the clock is paused,
    and for customers.
    """
    return ticket.resolution_due_at if sees_notes(scope) else None


async def is_escalated(scope: Scope, ticket: Ticket) -> bool:
    """Whether the managers were warned that a reply or the solution is almost due. False for
    customers.
    """
    warned = ticket.first_reply_warned_at or ticket.resolution_warned_at
    return warned is not None and sees_notes(scope)
