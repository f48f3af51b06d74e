"""The next step of a guest whose booking is held."""

from enum import StrEnum

from domain.bookings.lifecycle import Status
from kit.scope import Scope
from models.bookings.bookings import Booking
from resolvers.bookings.booking_access import status
from resolvers.bookings.hooks import Prepayment


class GuestStep(StrEnum):
    """The next step of a guest to confirm a booking that is held."""

    BOOK = "BOOK"
    CONFIRM = "CONFIRM"
    PAY = "PAY"


async def next_step(scope: Scope, booking: Booking) -> GuestStep | None:
    """Returns the step that is due before `holdExpiresAt`, or None."""
    if status(scope, booking) is not Status.HELD:
        return None
    if await scope.service(Prepayment).is_requested(scope, booking):
        return GuestStep.PAY
    return GuestStep.BOOK if booking.customer_id is None else GuestStep.CONFIRM
