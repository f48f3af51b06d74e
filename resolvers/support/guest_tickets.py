"""Tickets of guests, who have no account and see one ticket by the code from its mail."""

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.accounts.refusals import InvalidCredentials
from domain.accounts.users import Role
from domain.core.contact import normalised_email
from domain.core.ids import TicketId
from domain.core.refusals import Code, Required, WithoutDetails
from domain.customers.customers import CustomerChoice, NewCustomer, tidy
from kit.actor import Actor, ActorKind
from kit.errors import Unauthenticated
from kit.scope import Scope
from kit.security.allowances import Allowance, Allowances
from kit.security.network_addresses import network_of
from kit.security.tokens import Link, TicketLinks
from models.bookings.availability import VENUE
from models.support.tickets import Ticket, TicketMessage, messages_in, public
from permissions.roles import P
from resolvers.bookings.guest_bookings import (
    GuestProof,
    Subdomain,
    check_proof,
    hide_details,
    tenant_named,
)
from resolvers.customers.customers import booker_for
from resolvers.support import ticket_steps
from resolvers.support.settings import settings_in_use
from resolvers.support.ticket_steps import Comment, Rating
from resolvers.support.tickets import TICKETS, Subject, Text, check_number, new_ticket
from resolvers.support.visibility import visible_tickets

BY_NETWORK: Final = Allowance("guest tickets by network", 5, timedelta(hours=1))
BY_ADDRESS: Final = Allowance("guest tickets of a venue by address", 3, timedelta(hours=1))
MAX_SHOWN: Final = 100
"""The most messages that a guest sees, the last ones."""
Token = Annotated[str, Doc("The code of the ticket, from a mail about it.")]


def guest_of(tenant_id: UUID, ticket_id: UUID | None = None) -> Actor:
    """Returns the actor of a guest, who may see and answer one ticket, or none."""
    return Actor(
        ActorKind.CUSTOMER,
        tenant_id,
        role=Role.CUSTOMER.value if ticket_id else None,
        scopes=frozenset({P.SUPPORT_READ, P.SUPPORT_WRITE}),
        confined_to=ticket_id,
    )


async def open_ticket_as_guest(
    scope: Scope,
    *,
    subdomain: Subdomain,
    customer: Annotated[
        NewCustomer, Doc("The guest's details. `email` is required: answers are sent there.")
    ],
    subject: Subject,
    text: Text,
    guest_proof: GuestProof = None,
) -> int:
    """Ask a venue's team a question without an account.

    A mail with a code for the ticket is sent to the address, and so are the answers; the guest can
    answer by mail too. At most 5 tickets an hour are accepted from one network address, and 3 for
    one e-mail address. The result doesn't reveal whether the venue knows the address.
    """
    tenant_id = await tenant_named(scope, subdomain)
    if tidy(customer.email) is None:
        raise Required(path=("customer", "email"))
    scope.actor = guest_of(tenant_id)
    await scope.enter(tenant_id)
    (tenant,), *_ = await scope.read_batch_outside(VENUE, room_ids=[])
    if tenant.allows_guest_booking and tenant.requires_guest_proof:
        await check_proof(scope, guest_proof)
    allowances, network = scope.service(Allowances), network_of(scope.request.ip_address)
    await allowances.spend(BY_NETWORK, network)
    await allowances.spend(BY_ADDRESS, str(tenant_id), normalised_email(customer.email or "") or "")
    with hide_details():
        opened = await open_guest_ticket(scope, customer=customer, subject=subject, text=text)
    return opened.number


async def open_guest_ticket(
    scope: Scope,
    *,
    customer: NewCustomer,
    subject: str,
    text: str,
    conversation_id: UUID | None = None,
) -> Ticket:
    """Opens a ticket for a guest in the scope's tenant, once allowances are spent."""
    await scope.lock(TICKETS)
    if not (await settings_in_use(scope)).takes_guest_tickets:
        text = "The venue takes no tickets from guests: log in, or call."
        raise WithoutDetails(Code.INVALID, text, path=("subdomain",))
    booker = await booker_for(scope, CustomerChoice(new=customer))
    assert booker.customer_id is not None
    await check_number(scope, booker.customer_id)
    return await new_ticket(
        scope,
        subject=subject,
        text=text,
        customer_id=booker.customer_id,
        conversation_id=conversation_id,
        is_verified=False,
    )


async def guest_ticket(scope: Scope, *, token: Token) -> Ticket | None:
    """Find a ticket by the code from a mail about it."""
    link = scope.service(TicketLinks).read(token)
    if link is not None:
        seen_by_guest = scope.as_actor(guest_of(link.tenant_id, link.subject_id))
        found = await seen_by_guest.one(visible_tickets(seen_by_guest))
        if found is not None:
            return found
    raise Unauthenticated("This code is not valid.")


async def reply_to_guest_ticket(scope: Scope, *, token: Token, text: Text) -> Ticket:
    """Write to the team in a guest's ticket. If it is CLOSED, this opens a new one, whose code is
    sent by mail.
    """
    id = await _act_by_token(scope, token)
    return await ticket_steps.customer_reply(scope, id, text)


async def rate_guest_ticket(
    scope: Scope, *, token: Token, rating: Rating, comment: Comment = None
) -> Ticket:
    """Say how content you are with the answer to a guest's ticket, once, when it is SOLVED or
    CLOSED.
    """
    id = await _act_by_token(scope, token)
    return await ticket_steps.rate_ticket(scope, id, rating=rating, comment=comment)


async def messages_of(scope: Scope, ticket: Ticket) -> list[TicketMessage]:
    """The last 100 messages, the oldest of them first."""
    seen_by_guest = scope.as_actor(guest_of(ticket.tenant_id, ticket.id))
    found = await seen_by_guest.all(
        public(messages_in(ticket.tenant_id, ticket.id))
        .order_by(None)
        .order_by(col(TicketMessage.created_at).desc(), col(TicketMessage.id).desc())
        .limit(MAX_SHOWN)
    )
    return found[::-1]


async def _act_by_token(scope: Scope, token: str) -> TicketId:
    """Switches to the guest of a code's ticket. Raises InvalidCredentials."""
    link: Link | None = scope.service(TicketLinks).read(token)
    if link is None:
        raise InvalidCredentials(path=("token",))
    scope.actor = guest_of(link.tenant_id, link.subject_id)
    await scope.enter(link.tenant_id)
    return TicketId(link.subject_id)
