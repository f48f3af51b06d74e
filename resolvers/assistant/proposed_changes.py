"""Makes what was proposed, by the usual mutations."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col

from domain.assistant.proposals import ProposalKind
from domain.core.ids import BookingId, CustomerId, RoomId
from domain.core.refusals import Path, Refusal, Required, refusals_in
from domain.core.text import LongText, TokenText
from domain.customers.customers import CustomerChoice, NewCustomer
from kit.scope import Scope
from models.assistant.proposals import Proposal
from models.bookings.bookings import Booking
from models.support.tickets import Ticket, tickets_of
from models.tenants import tenant_of
from permissions.policy import is_guest, only_own
from permissions.roles import P
from resolvers.assistant.tool_times import start_of
from resolvers.bookings import bookings
from resolvers.bookings.guest_bookings import GuestBooked, book_as_guest, hold_as_guest
from resolvers.bookings.transitions import cancel_booking
from resolvers.payments.rescheduling import reschedule_booking
from resolvers.support.guest_tickets import open_ticket_as_guest
from resolvers.support.tickets import open_ticket


@dataclass(frozen=True, slots=True)
class GuestTicketOpened:
    """A guest's ticket, of which they learn the number; a mail brings its code."""

    id: UUID
    number: int


Result = Booking | GuestBooked | Ticket | GuestTicketOpened
"""What a proposal makes or changes."""


async def carry_out(
    scope: Scope,
    proposal: Proposal,
    *,
    customer: NewCustomer | None,
    customer_id: CustomerId | None,
    guest_proof: TokenText | None,
) -> Result:
    """Runs the mutation that was tried."""
    with _places_of_confirmation():
        return await _carried_out(
            scope, proposal, customer=customer, customer_id=customer_id, guest_proof=guest_proof
        )


async def _carried_out(
    scope: Scope,
    proposal: Proposal,
    *,
    customer: NewCustomer | None,
    customer_id: CustomerId | None,
    guest_proof: TokenText | None,
) -> Result:
    given = proposal.arguments
    match ProposalKind(proposal.kind):
        case ProposalKind.BOOKING if is_guest(scope.actor):
            return await _book_as_guest(scope, proposal, customer, guest_proof)
        case ProposalKind.BOOKING:
            return await bookings.create_booking(
                scope,
                **_wanted(given),
                customer=_choice(scope, given, customer, customer_id),
                note=given["note"],
                expected_total=proposal.price,
            )
        case ProposalKind.RESCHEDULE:
            assert proposal.booking_id is not None
            moved = await reschedule_booking(
                scope,
                BookingId(proposal.booking_id),
                version=given["version"],
                room_id=None if given["room_id"] is None else RoomId(UUID(given["room_id"])),
                start=start_of(given["start"]),
                duration_minutes=given["duration_minutes"],
            )
            return moved[0]
        case ProposalKind.CANCELLATION:
            assert proposal.booking_id is not None
            cancelled = await cancel_booking(
                scope,
                BookingId(proposal.booking_id),
                version=given["version"],
                reason=given["reason"],
            )
            return cancelled[0]
        case ProposalKind.TICKET if is_guest(scope.actor):
            return await _ticket_of_guest(scope, proposal, customer, guest_proof)
        case ProposalKind.TICKET:
            return await _ticket(scope, proposal, customer, customer_id)


@contextmanager
def _places_of_confirmation() -> Iterator[None]:
    """Gives refusals the places of what the confirmation was given, not of what was proposed."""
    try:
        yield
    except* Refusal as group:
        for each in refusals_in(group):
            each.path = _place(each.path)
        raise


def _place(path: Path) -> Path:
    match path:
        case ("customer", "new", *steps):
            return "customer", *steps
        case ("customer", "id"):
            return ("customer_id",)
        case () | ("customer" | "guest_proof", *_):
            return path
        case _:
            return ("id",)


def _wanted(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "room_id": RoomId(UUID(given["room_id"])),
        "start": start_of(given["start"]),
        "duration_minutes": given["duration_minutes"],
        "party_size": given["party_size"] or 1,
    }


def _choice(
    scope: Scope,
    given: dict[str, Any],
    customer: NewCustomer | None,
    customer_id: CustomerId | None,
) -> CustomerChoice | None:
    """Returns whom a booking is for: customers book for themselves."""
    if only_own(scope.actor, P.BOOKINGS_WRITE):
        return None
    if customer_id is not None or customer is not None:
        return CustomerChoice(id=customer_id, new=customer)
    if given["customer_id"] is not None:
        return CustomerChoice(id=CustomerId(UUID(given["customer_id"])))
    if given["customer_name"] is not None:
        return CustomerChoice(new=NewCustomer(given["customer_name"]))
    return None


async def _book_as_guest(
    scope: Scope, proposal: Proposal, customer: NewCustomer | None, guest_proof: TokenText | None
) -> GuestBooked:
    tenant = await scope.read_outside(tenant_of(proposal.tenant_id))
    assert tenant is not None, "a tenant is never removed"
    wanted = {**_wanted(proposal.arguments), "subdomain": tenant.subdomain}
    if customer is None:
        return await hold_as_guest(scope, **wanted, guest_proof=guest_proof)
    return await book_as_guest(
        scope,
        **wanted,
        customer=customer,
        note=proposal.arguments["note"],
        expected_total=proposal.price,
        guest_proof=guest_proof,
    )


async def _ticket(
    scope: Scope,
    proposal: Proposal,
    customer: NewCustomer | None,
    customer_id: CustomerId | None,
) -> Ticket:
    given = proposal.arguments
    choice = None
    if customer_id is not None or customer is not None:
        choice = CustomerChoice(id=customer_id, new=customer)
    booking_id = None if proposal.booking_id is None else BookingId(proposal.booking_id)
    opened = await open_ticket(
        scope,
        subject=given["subject"],
        text=LongText(given["text"]),
        booking_id=booking_id,
        customer=choice,
    )
    opened.conversation_id = proposal.conversation_id
    return opened


async def _ticket_of_guest(
    scope: Scope,
    proposal: Proposal,
    customer: NewCustomer | None,
    guest_proof: TokenText | None,
) -> GuestTicketOpened:
    if customer is None:
        raise Required(path=("customer",))
    tenant = await scope.read_outside(tenant_of(proposal.tenant_id))
    assert tenant is not None, "a tenant is never removed"
    number = await open_ticket_as_guest(
        scope,
        subdomain=tenant.subdomain,
        customer=customer,
        subject=proposal.arguments["subject"],
        text=LongText(proposal.arguments["text"]),
        guest_proof=guest_proof,
    )
    await scope.flush()
    opened = await scope.one(tickets_of(scope.tenant_id).where(col(Ticket.number) == number))
    assert opened is not None, "it was just opened"
    opened.conversation_id = proposal.conversation_id
    return GuestTicketOpened(opened.id, number)
