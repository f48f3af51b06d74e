"""Confirms and declines what the assistant has proposed."""

from dataclasses import dataclass, field
from functools import partial
from typing import Annotated
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.assistant.proposals import ProposalKind, ProposalState, state_at
from domain.assistant.refusals import ProposalClosed
from domain.core.ids import CustomerId, ProposalId
from domain.customers.customers import NewCustomer
from kit.postgres.advisory_locks import advisory_key
from kit.scope import Scope
from models.assistant.proposals import Proposal
from models.bookings.bookings import Booking, bookings_of
from models.support.tickets import Ticket, tickets_of
from models.venue.rooms import Room, rooms_of
from permissions.policy import is_guest, may
from permissions.policy import refusal as lacking
from permissions.roles import P
from resolvers.assistant.access import GuestToken, Owner, act_as_owner
from resolvers.assistant.conversations import own_view_of_message
from resolvers.assistant.proposed_changes import GuestTicketOpened, Result, carry_out
from resolvers.bookings.guest_bookings import GuestBooked, GuestProof
from resolvers.bookings.guest_links import token_for
from resolvers.core.lookups import get_or_refuse


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What confirming a proposal has made, and the proposal."""

    result: Result = field(repr=False)
    proposal: Proposal

    @property
    def booking(self) -> Booking | None:
        match self.result:
            case Booking() as booking:
                return booking
            case GuestBooked(booking):
                return booking
            case _:
                return None


class _ConfirmedBefore(Exception):
    """The proposal was confirmed by another call."""


async def confirm_proposal(
    scope: Scope,
    id: Annotated[ProposalId, Doc("The id of the proposal.")],
    *,
    customer: Annotated[
        NewCustomer | None,
        Doc(
            "Whom a booking is for. A guest who leaves it out gets a hold, and goes on with "
            "`bookAsGuest`. The venue's team gives it for somebody who isn't a customer yet."
        ),
    ] = None,
    customer_id: Annotated[
        CustomerId | None, Doc("The customer that a booking of the venue's team is for.")
    ] = None,
    guest_proof: GuestProof = None,
    guest_token: GuestToken = None,
) -> Confirmed:
    """Make the change that the assistant has proposed, with the caller's permissions.

    It is the same change that the usual mutation makes, and is refused like it: also with
    PRICE_CHANGED, if the price isn't the one of the proposal any more. A proposal can be confirmed
    for 10 minutes, and once: a second call returns the first one's result.
    """
    owner = await act_as_owner(scope, guest_token)
    seen = await scope.read_outside(owner.proposals().where(col(Proposal.id) == id))
    if seen is None:
        # Raises NotFound; nothing is locked for it.
        return await _again(scope, owner, id)
    needed = P.SUPPORT_WRITE if seen.kind == ProposalKind.TICKET else P.BOOKINGS_WRITE
    if not (is_guest(scope.actor) or may(scope.actor, needed)):
        raise lacking(scope.actor, needed)
    if seen.state != ProposalState.PROPOSED:
        return await _again(scope, owner, id)
    found: list[Proposal] = []
    scope.before_locks = partial(_check, scope, owner, id, found)
    try:
        result = await carry_out(
            scope, seen, customer=customer, customer_id=customer_id, guest_proof=guest_proof
        )
    except _ConfirmedBefore:
        return await _again(scope, owner, id)
    (proposal,) = found
    _close(proposal, ProposalState.CONFIRMED, scope)
    proposal.result_id = result.booking.id if isinstance(result, GuestBooked) else result.id
    return Confirmed(result, proposal)


async def decline_proposal(
    scope: Scope,
    id: Annotated[ProposalId, Doc("The id of the proposal.")],
    *,
    guest_token: GuestToken = None,
) -> Proposal:
    """Decline what the assistant has proposed. Declining it again changes nothing."""
    owner = await act_as_owner(scope, guest_token)
    await scope.lock(_lock(id))
    proposal = await get_or_refuse(scope, owner.proposals(), id, what="proposal")
    state = state_at(ProposalState(proposal.state), proposal.expires_at, scope.now())
    if state is ProposalState.CONFIRMED:
        raise ProposalClosed(state, path=("id",))
    if state is ProposalState.PROPOSED:
        _close(proposal, ProposalState.DECLINED, scope)
    return proposal


def _lock(id: UUID) -> tuple[object, ...]:
    return ("assistant proposal", id)


def _close(proposal: Proposal, state: ProposalState, scope: Scope) -> None:
    proposal.state = state.value
    proposal.decided_at = scope.now()
    # Notes and names aren't kept once they aren't needed.
    proposal.arguments = {}


async def _check(scope: Scope, owner: Owner, id: UUID, found: list[Proposal]) -> None:
    """Locks the proposal, before the change takes its own locks. Raises ProposalClosed."""
    await scope.advisory_lock(advisory_key(owner.tenant_id, *_lock(id)))
    proposal = await get_or_refuse(scope, owner.proposals(), id, what="proposal")
    state = state_at(ProposalState(proposal.state), proposal.expires_at, scope.now())
    if state is ProposalState.CONFIRMED:
        raise _ConfirmedBefore
    if state is not ProposalState.PROPOSED:
        raise ProposalClosed(state, path=("id",))
    found.append(proposal)


async def _again(scope: Scope, owner: Owner, id: UUID) -> Confirmed:
    """Returns what an earlier call has made. Raises NotFound, and ProposalClosed if none has."""
    proposal = await get_or_refuse(scope, owner.proposals(), id, what="proposal")
    if proposal.state != ProposalState.CONFIRMED:
        raise ProposalClosed(ProposalState(proposal.state), path=("id",))
    if proposal.kind == ProposalKind.TICKET:
        ticket = await scope.one(
            tickets_of(scope.tenant_id).where(col(Ticket.id) == proposal.result_id)
        )
        assert ticket is not None, "tickets are never removed"
        is_guests = is_guest(scope.actor)
        return Confirmed(
            GuestTicketOpened(ticket.id, ticket.number) if is_guests else ticket, proposal
        )
    booking = await scope.one(
        bookings_of(scope.tenant_id).where(col(Booking.id) == proposal.result_id)
    )
    assert booking is not None, "bookings are never removed"
    if is_guest(scope.actor):
        return Confirmed(GuestBooked(booking, token_for(scope, booking)), proposal)
    return Confirmed(booking, proposal)


# ------------------------------------------------------------------------------ fields


async def kind_of(_: Scope, proposal: Proposal) -> ProposalKind:
    """What it would do."""
    return ProposalKind(proposal.kind)


async def state_of(scope: Scope, proposal: Proposal) -> ProposalState:
    """Whether it can be confirmed, or what became of it."""
    return state_at(ProposalState(proposal.state), proposal.expires_at, scope.now())


async def room_of(scope: Scope, proposal: Proposal) -> Room | None:
    """The room that would be booked, or null if it is about no room."""
    if proposal.room_id is None:
        return None
    reader = own_view_of_message(scope, proposal)
    return await reader.one(rooms_of(proposal.tenant_id).where(col(Room.id) == proposal.room_id))
