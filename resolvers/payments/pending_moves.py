"""Reads and gives up moves that wait for their payment."""

from typing import Any

from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.core.log_events import EventType
from domain.payments.payments import OPEN, PaymentStatus
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of, holds_of_move
from models.core.base import snapshot
from models.payments.payments import Payment, payments_of_bookings
from resolvers.bookings.booking_access import record_change
from resolvers.bookings.booking_access import status as status_of
from resolvers.payments import payments

_GIVEN_UP = "The booking doesn't move here."


async def pending_move(scope: Scope, booking: Booking) -> Booking | None:
    """The move that waits for `payment`, or null if there is none."""
    if booking.terms is None:
        return None
    last = await payments.payment(scope, booking)
    if last is None or last.hold_id is None or last.status not in OPEN:
        return None

    async def load(ids: list[Any]) -> list[Booking | None]:
        rows = await scope.all(bookings_of(scope.tenant_id).where(col(Booking.id).in_(ids)))
        found = {row.id: row for row in rows}
        return [found.get(id) for id in ids]

    hold = await scope.loaders.batch("holds of moves", load, last.hold_id)
    return hold if hold is not None and status_of(scope, hold) is Status.HELD else None


async def open_payments(scope: Scope, booking: Booking) -> list[Payment]:
    """Returns the open payments for the booking's move."""
    if booking.terms is None:
        return []
    made = await scope.all(payments_of_bookings(scope.tenant_id, [booking.id]))
    return [each for each in made if each.hold_id is not None and each.status in OPEN]


async def give_up(scope: Scope, booking: Booking) -> bool:
    """Frees the new time of a locked booking, and cancels the payment for it.

    Returns whether there was any.
    """
    if booking.terms is None:
        return False
    holds = await scope.all(holds_of_move(scope.tenant_id, booking.id))
    unpaid = await open_payments(scope, booking)
    for hold in holds:
        before = snapshot(hold)
        hold.status = Status.CANCELLED.value
        hold.hold_expires_at = None
        record_change(scope, EventType.BOOKING_CANCELLED, hold, before, reason=_GIVEN_UP)
    for each in unpaid:
        payments.move(scope, each, PaymentStatus.VOIDING)
        payments.settle_later(scope, booking, scope.now() + payments.SOON)
    await scope.flush()
    return bool(holds or unpaid)
