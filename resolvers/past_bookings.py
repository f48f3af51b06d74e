"""Bookings whose time has come or is over, ended by nobody in particular."""

from typing import Final

from domain.bookings.lifecycle import Status, is_over, is_unanswered
from domain.core.ids import BookingId
from domain.core.refusals import NotFound
from kit.scope import Scope
from resolvers.bookings.booking_access import seen_booking
from resolvers.bookings.transitions import complete_booking, reject_booking

_UNANSWERED: Final = "Nobody confirmed it before it began."


async def complete_past_booking(scope: Scope, id: BookingId) -> None:
    """Complete a booking that is over, unless that is done or it has come to something else."""
    try:
        booking = await seen_booking(scope, id)
    except NotFound:
        return
    if is_over(Status(booking.status), booking.ends_at, now=scope.now()):
        await complete_booking(scope, id, version=booking.version)


async def reject_unanswered_booking(scope: Scope, id: BookingId) -> None:
    """Reject a booking that nobody confirmed in time; all that was paid goes back."""
    try:
        booking = await seen_booking(scope, id)
    except NotFound:
        return
    if is_unanswered(Status(booking.status), booking.starts_at, now=scope.now()):
        await reject_booking(scope, id, version=booking.version, reason=_UNANSWERED)
