"""Tools that propose a change: it is tried, and what came of it is shown to the person.

Nothing is stored but the proposal, which only the person can confirm.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field
from sqlmodel import col

from domain.assistant.citations import Source
from domain.assistant.proposals import VALID_FOR, ProposalKind
from domain.bookings.lifecycle import reference_read
from domain.bookings.refusals import GuestBookingClosed
from domain.core.formatting import span
from domain.core.ids import BookingId, CustomerId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import resolve_start
from domain.core.money import Money
from domain.core.refusals import NotFound
from domain.customers.customers import CustomerChoice, NewCustomer
from domain.support.tickets import subject_refusals, text_refusals
from kit.scope import Scope
from models.assistant.proposals import Proposal
from models.bookings.bookings import Booking
from permissions.policy import is_guest, only_own
from permissions.roles import P
from resolvers.assistant.tool_times import (
    Minutes,
    People,
    RoomRef,
    StartText,
    local,
    money,
    start_of,
)
from resolvers.assistant.tools import Caller, Parameters, Result, ToolSpec
from resolvers.bookings import bookings
from resolvers.bookings.booking_access import visible_bookings
from resolvers.bookings.transitions import cancel_booking
from resolvers.core.lookups import raise_all
from resolvers.core.transactions import perform
from resolvers.payments.rescheduling import reschedule_booking

Reference = Annotated[str, Field(description="The reference of a booking.", max_length=40)]
Text = Annotated[str, Field(min_length=1, max_length=2_000)]


class ProposeBooking(Parameters):
    room_id: RoomRef
    start: StartText
    duration_minutes: Minutes
    party_size: People | None
    note: Text | None
    customer_id: UUID | None
    customer_name: Annotated[str, Field(min_length=1, max_length=100)] | None


class ProposeReschedule(Parameters):
    reference: Reference
    start: StartText
    room_id: RoomRef | None
    duration_minutes: Minutes | None


class ProposeCancellation(Parameters):
    reference: Reference
    reason: Annotated[str, Field(min_length=1, max_length=500)] | None


class ProposeTicket(Parameters):
    subject: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=2_000)]
    reference: Reference | None


@dataclass(frozen=True, slots=True)
class Tried:
    """What a change would do."""

    room_id: UUID
    room: str
    time: Interval
    price: Money | None
    booking_id: UUID | None = None


async def propose_booking(caller: Caller, given: ProposeBooking) -> Result:
    for_themselves = is_guest(caller.actor) or only_own(caller.actor, P.BOOKINGS_WRITE)
    customer = None
    if not for_themselves and given.customer_id is not None:
        customer = CustomerChoice(id=CustomerId(given.customer_id))
    elif not for_themselves and given.customer_name is not None:
        customer = CustomerChoice(new=NewCustomer(given.customer_name))
    wanted: dict[str, Any] = {
        "room_id": RoomId(given.room_id),
        "start": start_of(given.start),
        "duration_minutes": given.duration_minutes,
        "party_size": given.party_size or 1,
    }

    async def change(scope: Scope) -> Booking:
        if is_guest(scope.actor):
            if not caller.tenant.allows_guest_booking:
                raise GuestBookingClosed
            return await bookings.hold_booking(scope, **wanted)
        if for_themselves or customer is not None:
            return await bookings.create_booking(
                scope, **wanted, customer=customer, note=given.note
            )
        # Whom it is for is said when it is confirmed.
        return await bookings.hold_booking(scope, **wanted)

    tried = await _tried(caller, change)
    return await _propose(caller, ProposalKind.BOOKING, given.model_dump(mode="json"), tried)


async def propose_reschedule(caller: Caller, given: ProposeReschedule) -> Result:
    seen = await _seen(caller, given.reference)
    start = start_of(given.start)

    async def change(scope: Scope) -> Booking:
        moved = await reschedule_booking(
            scope,
            BookingId(seen.id),
            version=seen.version,
            room_id=None if given.room_id is None else RoomId(given.room_id),
            start=start,
            duration_minutes=given.duration_minutes,
        )
        return moved[0]

    tried = await _tried(caller, change)
    starts_at = resolve_start(start, caller.zone)
    minutes = given.duration_minutes or Interval(seen.starts_at, seen.ends_at).minutes
    # Where it has to be paid first, the booking is still at its old time.
    room_id = tried.room_id if given.room_id is None else given.room_id
    tried = Tried(
        room_id, tried.room, Interval.of_minutes(starts_at, minutes), tried.price, seen.id
    )
    arguments = {**given.model_dump(mode="json"), "version": seen.version}
    return await _propose(caller, ProposalKind.RESCHEDULE, arguments, tried)


async def propose_cancellation(caller: Caller, given: ProposeCancellation) -> Result:
    seen = await _seen(caller, given.reference)

    async def change(scope: Scope) -> Booking:
        return (
            await cancel_booking(
                scope, BookingId(seen.id), version=seen.version, reason=given.reason
            )
        )[0]

    tried = await _tried(caller, change)
    arguments = {**given.model_dump(mode="json"), "version": seen.version}
    return await _propose(caller, ProposalKind.CANCELLATION, arguments, tried)


async def propose_ticket(caller: Caller, given: ProposeTicket) -> Result:
    """Proposes a ticket, which isn't tried: nothing but its text could refuse it."""
    booking = None if given.reference is None else await _seen(caller, given.reference)
    raise_all([*subject_refusals(given.subject), *text_refusals(given.text)])
    shown = {"summary": given.subject, "booking_id": None if booking is None else booking.id}
    return await _stored(caller, ProposalKind.TICKET, given.model_dump(mode="json"), shown)


async def _seen(caller: Caller, reference: str) -> Booking:
    async with caller.reading() as scope:
        found = await scope.one(
            visible_bookings(scope).where(col(Booking.reference) == reference_read(reference))
        )
    if found is None:
        raise NotFound("booking")
    return found


async def _tried(caller: Caller, change: Callable[[Scope], Awaitable[Booking]]) -> Tried:
    """Tries a change, and returns what it would do. Raises what refuses it."""
    outcome = await perform(caller.runtime, caller.actor, caller.request, change, dry_run=True)
    assert outcome.uncommitted is not None
    try:
        booking = outcome.result
        reader = outcome.uncommitted.reading_as(caller.actor)
        room = await reader.loaders.related(booking, "room")
        return Tried(
            room.id,
            room.name,
            Interval(booking.starts_at, booking.ends_at),
            booking.price,
            booking.id,
        )
    finally:
        await outcome.uncommitted.close()


async def _propose(
    caller: Caller, kind: ProposalKind, arguments: dict[str, Any], tried: Tried
) -> Result:
    """Stores a proposal, and returns it for the model."""
    shown = {
        "summary": f"{tried.room}, {span(tried.time, caller.zone)}",
        "room_id": tried.room_id,
        # What would be new has no id yet.
        "booking_id": None if kind is ProposalKind.BOOKING else tried.booking_id,
        "starts_at": tried.time.start,
        "ends_at": tried.time.end,
        "price_minor": None if tried.price is None else tried.price.amount_minor,
        "currency_code": None if tried.price is None else tried.price.currency_code,
    }
    return await _stored(caller, kind, arguments, shown)


async def _stored(
    caller: Caller, kind: ProposalKind, arguments: dict[str, Any], shown: dict[str, Any]
) -> Result:
    async def store(scope: Scope) -> Proposal:
        await scope.lock(("assistant proposals", caller.conversation_id))
        now = scope.now()
        return scope.add(
            Proposal(
                tenant_id=scope.tenant_id,
                conversation_id=caller.conversation_id,
                message_id=caller.message_id,
                kind=kind.value,
                arguments=arguments,
                **shown,
                created_at=now,
                expires_at=now + VALID_FOR,
            )
        )

    proposal = (await perform(caller.runtime, caller.actor, caller.request, store)).result
    return shown_proposal(proposal, caller)


def shown_proposal(proposal: Proposal, caller: Caller) -> Result:
    """Returns a proposal for the model."""
    id = f"proposal:{proposal.id}"

    def at(instant: datetime | None) -> str | None:
        return None if instant is None else local(instant, caller.zone)

    shown = {
        "id": id,
        "kind": proposal.kind,
        "summary": {
            "text": proposal.summary,
            "start": at(proposal.starts_at),
            "end": at(proposal.ends_at),
        },
        "price": money(proposal.price),
        "expires_at": at(proposal.expires_at),
    }
    source = Source(id, proposal.summary, ("Proposal", str(proposal.id)))
    return Result({"proposal": shown}, [source])


PROPOSAL_TOOLS: Final = (
    ToolSpec(
        "propose_booking",
        "Proposes a booking, which the person can confirm. `customer_id` or `customer_name` are "
        "for the venue's team, which books for others. Don't ask for contact data.",
        ProposeBooking,
        propose_booking,
        requires=P.BOOKINGS_WRITE,
        for_guests=True,
        points=10,
    ),
    ToolSpec(
        "propose_reschedule",
        "Proposes to move a booking to another time or room, which the person can confirm.",
        ProposeReschedule,
        propose_reschedule,
        requires=P.BOOKINGS_WRITE,
        points=10,
    ),
    ToolSpec(
        "propose_cancellation",
        "Proposes to cancel a booking, which the person can confirm.",
        ProposeCancellation,
        propose_cancellation,
        requires=P.BOOKINGS_WRITE,
        points=10,
    ),
    ToolSpec(
        "propose_ticket",
        "Proposes to ask the venue's team, who answer by mail: where nothing that you can look up "
        "answers the question. Write the text in the person's words.",
        ProposeTicket,
        propose_ticket,
        requires=P.SUPPORT_WRITE,
        for_guests=True,
        for_team=False,
    ),
)
