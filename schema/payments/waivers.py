"""Waivers: what a customer owes for a booking needn't be paid."""

import strawberry

from domain.core.log_events import EventType
from permissions.roles import P
from resolvers.payments import waivers
from schema.bookings.bookings import Booking
from schema.core.mutations import mutation, payload


@payload
class WaiveBalancePayload:
    """The result of `waiveBalance`."""

    booking: Booking | None


@strawberry.type
class WaiverMutations:
    waive_balance: WaiveBalancePayload | None = mutation(
        waivers.waive_balance,
        requires=P.PAYMENTS_REFUND,
        finds_by=P.BOOKINGS_READ,
        emits=[EventType.BOOKING_UPDATED],
        input_required=False,
        dry_run=True,
    )
