"""Payments of guests: balances, refunds, and moves of a booking."""

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
    room_id: Annotated[RoomId | None, Doc("The new room; the current one by default.")] = None,
    start: Annotated[Start, Doc("The new start.")],
    duration_minutes: Annotated[
        int | None, Doc("The new duration in minutes; the current one by default.")
    ] = None,
    reason: Reason = None,
) -> Booking:
    """Move a guest's booking to another time or room.

    The code stays valid until a day after the new end.
    """
    id = await act_by_token(scope, token)
    with hide_details():
        (moved,) = await moves.move_booking(
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
    """The latest payment that was requested. While the booking is held for it, this is the payment
    to make.

    Null if none was requested.
    """
    return await payments.payment(public(scope, booking.tenant_id), booking)


async def receipt_of(scope: Scope, payment: Payment) -> Receipt | None:
    """The receipt for the customer, or null while there is no payment that the venue keeps."""
    return await payments.receipt(public(scope, payment.tenant_id), payment)


async def amount_paid(scope: Scope, booking: Booking) -> Money:
    """The sum of all payments received, without subtracting refunds."""
    return await payments.amount_paid(public(scope, booking.tenant_id), booking)


async def amount_refunded(scope: Scope, booking: Booking) -> Money:
    """The sum of all refunds sent."""
    return await payments.amount_refunded(public(scope, booking.tenant_id), booking)


async def balance_due(scope: Scope, booking: Booking) -> Money | None:
    """The amount that is still to be paid, or null for holds and for bookings of a venue without
    payments."""
    return await payments.balance_due(public(scope, booking.tenant_id), booking)


async def credit(scope: Scope, booking: Booking) -> Money | None:
    """The amount that the venue owes the guest, for example after a move to a lower price.

    Null if there is none. The venue's team sends it.
    """
    return await payments.credit(public(scope, booking.tenant_id), booking)


async def cancellation_quote(scope: Scope, booking: Booking) -> Quote | None:
    """The refund and fee if the booking were cancelled now.

    Null if it can't be cancelled or has no cancellation terms.
    """
    return await payments.cancellation_quote(public(scope, booking.tenant_id), booking)


async def pending_move(scope: Scope, booking: Booking) -> Booking | None:
    """The move that waits for `payment`, or null if there is none."""
    return await pending_moves.pending_move(public(scope, booking.tenant_id), booking)


async def cancellation_refund(scope: Scope, booking: Booking) -> Money | None:
    """The amount that is refunded, or null if there is none."""
    return await payments.cancellation_refund(public(scope, booking.tenant_id), [booking])
