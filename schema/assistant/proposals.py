"""What the assistant proposes, and how it is decided."""

from datetime import datetime
from typing import Annotated

import strawberry

import models
from domain.assistant.proposals import ProposalKind, ProposalState
from domain.core.log_events import EventType as E
from kit.operation_context import Operation
from permissions.roles import P
from resolvers.assistant import access, proposals
from resolvers.assistant.proposed_changes import GuestTicketOpened
from resolvers.bookings.guest_bookings import GuestBooked
from schema.assistant import refusals  # noqa: F401 - describes the enum
from schema.bookings.bookings import Booking
from schema.bookings.guest_bookings import GuestBooking
from schema.bookings.public_venue import VenueRoom
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, value
from schema.core.money import Money
from schema.core.mutations import follow_up, mutation, payload, unless_refused
from schema.support.tickets import Ticket

describe(
    ProposalKind,
    "What a proposal would do.",
    BOOKING="Make a booking; for a guest, a hold or a booking to confirm by e-mail.",
    RESCHEDULE="Move a booking to another time or room.",
    CANCELLATION="Cancel a booking.",
    TICKET="Open a ticket, which a person at the venue answers.",
)


@node(models.Proposal, visible=access.visible_proposals, requires=P.MEMBER)
class Proposal(Node):
    """A change that the assistant has tried, and that only the person can make."""

    kind: ProposalKind = computed(proposals.kind_of, sql=lambda _, row: row.kind)
    state: ProposalState = computed(proposals.state_of)
    summary: str = column("What it would do, in English, for a person.")
    room: VenueRoom | None = computed(proposals.room_of)
    starts_at: datetime | None = column("When the booking would start or starts, or null.")
    ends_at: datetime | None = column("When the booking would end or ends, or null.")
    price: Money | None = column("The price of the booking then, or null if it has none.")
    expires_at: datetime = column("Until when it can be confirmed: 10 minutes from its making.")
    decided_at: datetime | None = column("When it was confirmed or declined, or null.")


@value(GuestBooked)
class GuestConfirmation:
    """What a guest has confirmed."""

    booking: GuestBooking = column("The hold, or the booking that waits for its next step.")
    token: str = column("The code of the booking, with which the guest sees and changes it.")


@value(GuestTicketOpened)
class GuestTicketConfirmation:
    """A guest's ticket; the mail about it has the code with which they see and answer it."""

    number: int = column("The number of the ticket.")


ProposalResult = Annotated[
    Booking | GuestConfirmation | Ticket | GuestTicketConfirmation,
    strawberry.union(
        "ProposalResult", description="What confirming a proposal has made or changed."
    ),
]


@payload
class ConfirmProposalPayload:
    """The result of `confirmProposal`."""

    result: ProposalResult | None = column(unless_refused("What was made or changed"))
    proposal: Proposal | None


@payload
class DeclineProposalPayload:
    """The result of `declineProposal`."""

    proposal: Proposal | None


async def _follow_up(operation: Operation, confirmed: proposals.Confirmed) -> None:
    if confirmed.booking is not None:
        await follow_up(operation, confirmed.booking)


@strawberry.type
class ProposalMutations:
    confirm_proposal: ConfirmProposalPayload | None = mutation(
        proposals.confirm_proposal,
        requires=P.PUBLIC,
        needs=P.BOOKINGS_WRITE,
        emits=[
            E.CUSTOMER_CREATED,
            E.BOOKING_CREATED,
            E.BOOKING_HELD,
            E.BOOKING_RESCHEDULED,
            E.BOOKING_CANCELLED,
            E.PAYMENT_REQUESTED,
            E.REFUND_REQUESTED,
            E.TICKET_OPENED,
        ],
        personal=True,
        dry_run=True,
        input_required=False,
        then=_follow_up,
    )
    decline_proposal: DeclineProposalPayload | None = mutation(
        proposals.decline_proposal, requires=P.PUBLIC, personal=True, input_required=False
    )
