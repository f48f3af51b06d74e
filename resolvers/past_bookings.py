"""Bookings whose time is over, completed by nobody in particular."""

from domain.bookings import Status, is_over
from domain.errors import NotFound
from domain.ids import BookingId
from kit.scope import Scope
from resolvers.booking_progress import complete_booking
from resolvers.booking_rows import seen_booking


async def complete_past_booking(scope: Scope, id: BookingId) -> None:
    """Complete a booking that is over, unless that is done or it has come to something else."""
    try:
        booking = await seen_booking(scope, id)
    except NotFound:
        return
    if is_over(Status(booking.status), booking.ends_at, now=scope.now()):
        await complete_booking(scope, id, version=booking.version)
