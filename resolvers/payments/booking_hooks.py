"""Handlers of payments for changes of bookings, in the transaction of each change."""

from collections.abc import Mapping
from typing import Any, Final

from domain.bookings.lifecycle import MOVABLE
from domain.core.log_events import EventType, Snapshot
from domain.core.money import Money
from domain.tenants.payment_policy import PolicyKind
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.payments.payments import stored_terms, terms_of_tenant
from models.tenants import Tenant
from resolvers.bookings.booking_access import has_changed_hands, record_change
from resolvers.bookings.hooks import BookingChange, BookingEvent, Prepayment
from resolvers.core.hooks import Conditional, Handler
from resolvers.payments import moves, pending_moves, refunds
from resolvers.payments.payments import (
    charge_price,
    due_first,
    is_requested,
    log_event,
    logged,
    request_payment,
)


def _is_paid_for(change: BookingChange) -> bool:
    return change.booking.terms is not None


async def _charge(scope: Scope, change: BookingChange) -> None:
    await charge_price(scope, change.booking)


async def _settle_update(scope: Scope, change: BookingChange) -> None:
    """Settles what a change of the party costs, and gives up a pending move of another customer.

    Only the customer who requested the move pays for it.
    """
    assert change.before is not None
    await moves.settle_party(scope, change.booking, _money(change.before["price"]))
    if has_changed_hands(scope.actor, change.booking, change.before):
        await pending_moves.give_up(scope, change.booking)


def _money(logged: Any) -> Money | None:
    return Money.parse(logged["amount"], logged["currencyCode"]) if logged else None


async def _recheck_move(scope: Scope, change: BookingChange) -> None:
    await moves.recheck(scope, change.booking, change.tenant)


async def _end(scope: Scope, change: BookingChange) -> None:
    """Gives up a pending move, and settles the payments of a booking that has ended."""
    was = change.status_before
    assert was is not None
    if was in MOVABLE:
        await pending_moves.give_up(scope, change.booking)
    await refunds.end_payments(
        scope, change.booking, was=was, waives_fee=change.waives_fee, refund=change.refund
    )


_HANDLERS: Final[Mapping[BookingEvent, Handler[BookingChange]]] = {
    EventType.BOOKING_CREATED: _charge,
    EventType.BOOKING_UPDATED: _settle_update,
    EventType.BOOKING_CONFIRMED: _recheck_move,
    EventType.BOOKING_REJECTED: _end,
    EventType.BOOKING_CANCELLED: _end,
    EventType.BOOKING_CHECKED_IN: _end,
    EventType.BOOKING_COMPLETED: _end,
    EventType.BOOKING_NO_SHOW: _end,
    EventType.BOOKING_EXPIRED: _end,
}
BOOKING_HANDLERS: Final[Mapping[BookingEvent, Handler[BookingChange]]] = {
    type: Conditional(_is_paid_for, handler) for type, handler in _HANDLERS.items()
}


# ------------------------------------------------------------------------------ prepayment


def _terms(tenant: Tenant) -> dict[str, Any] | None:
    # Most venues ask for nothing, and each new booking asks for the terms.
    has_fees = tenant.cancellation_fees_due or tenant.no_show_fee_percent
    if tenant.payment_policy == PolicyKind.NONE and not has_fees:
        return None
    return stored_terms(terms_of_tenant(tenant))


def _request(scope: Scope, hold: Booking, due: Money, before: Snapshot | None) -> None:
    assert hold.hold_expires_at is not None
    requested = request_payment(scope, hold, due, until=hold.hold_expires_at)
    if before is None:
        log_event(scope, EventType.PAYMENT_REQUESTED, hold, requested)
    else:
        record_change(scope, EventType.PAYMENT_REQUESTED, hold, before, also=logged(requested))


PREPAYMENT: Final = Prepayment(
    terms=_terms, due=due_first, is_requested=is_requested, request=_request
)
