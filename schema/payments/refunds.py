"""Refunds: what was paid for a booking goes back."""

import strawberry

from domain.core.log_events import EventType
from permissions.roles import P
from resolvers.payments import refunds
from schema.bookings.bookings import Booking
from schema.core.mutations import follow_up, mutation, payload


@payload
class RefundBookingPayload:
    """The result of `refundBooking`: the money is reserved and sent afterwards."""

    booking: Booking | None
    replayed: bool


@strawberry.type
class RefundMutations:
    refund_booking: RefundBookingPayload | None = mutation(
        refunds.refund_booking,
        requires=P.PAYMENTS_REFUND,
        finds_by=P.BOOKINGS_READ,
        emits=[EventType.REFUND_REQUESTED, EventType.REFUND_SENT],
        idempotent=True,
        input_required=False,
        dry_run=True,
        then=follow_up,
    )
