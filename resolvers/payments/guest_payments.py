"""A guest's money: what was asked of them, what goes back, and a move that has its price."""

from typing import Annotated

from typing_extensions import Doc

from domain.core.ids import RoomId
from domain.core.local_time import Start
from domain.core.money import Money
from domain.payments.cancellation import Quote
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.payments.payments import Payment, Receipt
from resolvers.bookings.booking_access import Reason, Version
from resolvers.bookings.guest_bookings import LinkToken, act_by_token, hide_details
from resolvers.bookings.public_venue import public
from resolvers.payments import moves, payments, pending_moves


async def reschedule_guest_booking(
    scope: Scope,
    *,
    token: LinkToken,
    version: Version,
    room_id: Annotated[RoomId | None, Doc("Another room; absent: the same.")] = None,
    start: Annotated[Start, Doc("When it starts now.")],
    duration_minutes: Annotated[int | None, Doc("How long; absent: as it was.")] = None,
    reason: Reason = None,
) -> Booking:
    """Move the booking of a code; the code stays good, until a day after the new end."""
    id = await act_by_token(scope, token)
    with hide_details():
        (moved,) = await moves.reschedule_booking(
            scope,
            id,
            version=version,
            room_id=room_id,
            start=start,
            duration_minutes=duration_minutes,
            reason=reason,
        )
    return moved


async def payment_of(scope: Scope, booking: Booking) -> Payment | None:
    """What was asked for last: the payment to make, while the booking is held for it."""
    return await payments.payment(public(scope, booking.tenant_id), booking)


async def receipt_of(scope: Scope, payment: Payment) -> Receipt | None:
    """For the customer; null until money has arrived that the venue keeps."""
    return await payments.receipt(public(scope, payment.tenant_id), payment)


async def amount_paid(scope: Scope, booking: Booking) -> Money:
    """All that has arrived, whatever of it went back."""
    return await payments.amount_paid(public(scope, booking.tenant_id), booking)


async def amount_refunded(scope: Scope, booking: Booking) -> Money:
    """All that has gone back."""
    return await payments.amount_refunded(public(scope, booking.tenant_id), booking)


async def balance_due(scope: Scope, booking: Booking) -> Money | None:
    """What is still owed for it; null where nothing is kept of it."""
    return await payments.balance_due(public(scope, booking.tenant_id), booking)


async def credit(scope: Scope, booking: Booking) -> Money | None:
    """What the venue owes the guest, as after a move to where it costs less; null where nothing.

    It is sent once somebody of the venue does so.
    """
    return await payments.credit(public(scope, booking.tenant_id), booking)


async def cancellation_quote(scope: Scope, booking: Booking) -> Quote | None:
    """What cancelling it now would give back; null when it can't be cancelled, or has no terms."""
    return await payments.cancellation_quote(public(scope, booking.tenant_id), booking)


async def pending_move(scope: Scope, booking: Booking) -> Booking | None:
    """Where it moves to once `payment` is made; null where nothing is to be paid for a move."""
    return await pending_moves.pending_move(public(scope, booking.tenant_id), booking)


async def cancellation_refund(scope: Scope, booking: Booking) -> Money | None:
    """What goes back of what was paid; null where nothing does."""
    return await payments.cancellation_refund(public(scope, booking.tenant_id), [booking])
