"""Two bookings that exchange their places."""

import strawberry

from domain.core.log_events import EventType as E
from kit.operation_context import Operation
from permissions.roles import P
from resolvers.payments import swaps
from schema.bookings.bookings import Booking
from schema.core.mutations import follow_up, mutation, payload


@payload
class SwapBookingsPayload:
    """The result of `swapBookings`."""

    first: Booking | None
    second: Booking | None


async def _follow_up(operation: Operation, swapped: swaps.Swap) -> None:
    await follow_up(operation, [swapped.first, swapped.second])


@strawberry.type
class SwapMutations:
    swap_bookings: SwapBookingsPayload | None = mutation(
        swaps.swap_bookings,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_RESCHEDULED, E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        wrapped=False,
        dry_run=True,
        then=_follow_up,
    )
