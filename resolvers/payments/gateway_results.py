"""Stores the gateway's state of a payment and its refunds, and applies it to the booking."""

from datetime import timedelta
from typing import Final, assert_never
from uuid import UUID

import structlog
from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start
from domain.core.log_events import EventType
from domain.core.money import Money
from domain.core.refusals import Refusal
from domain.payments.ledger import (
    received,
    refund_failed,
    refund_returned,
    refund_sent,
    refunded_elsewhere,
)
from domain.payments.payments import (
    FINAL,
    OPEN,
    TAKEN,
    Arrival,
    PaymentStatus,
    RefundCause,
    RefundStatus,
    arrival,
)
from domain.tenants.refusals import PlanLimitReached
from integrations.payments.protocol import PaymentStatus as GatewayPaymentStatus
from integrations.payments.protocol import Refund as GatewayRefund
from integrations.payments.protocol import RefundStatus as GatewayRefundStatus
from kit.ids import new_id
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.core.base import snapshot
from models.payments.payments import Payment, Refund, payments_of, payments_of_bookings, refunds_of
from resolvers.bookings.booking_access import locked_booking, record_change
from resolvers.bookings.booking_access import status as status_of
from resolvers.bookings.slot_claims import claim
from resolvers.bookings.standing import stand
from resolvers.payments import receipts
from resolvers.payments.gateway_requests import GatewayResult, is_of
from resolvers.payments.ledger import balances_now, post
from resolvers.payments.moves import pay_for_move
from resolvers.payments.payments import (
    came_to_nothing,
    close,
    is_card_hold,
    log_event,
    move,
    settle_later,
)
from resolvers.payments.refunds import less, reserve
from resolvers.tenants.tenants import own_tenant

_UNDER_WAY: Final = timedelta(hours=1)
"""When to fetch a payment again that the bank is still processing."""
_UNPAID: Final = "The payment failed."
_NOTHING: Final = frozenset({PaymentStatus.FAILED, PaymentStatus.CANCELLED})
_MISMATCH: Final = "amount_mismatch"

log = structlog.get_logger(__name__)


async def store(
    scope: Scope,
    *,
    payment_id: UUID,
    booking_id: UUID,
    result: GatewayResult,
    hold: Booking | None = None,
) -> bool:
    """Stores the result of the gateway; returns False if that makes another call due at once.

    ``hold`` is the hold of the time to which the booking moves by this payment.
    """
    also = hold.spaces if hold else []
    booking = await locked_booking(scope, BookingId(booking_id), also_spaces=also)
    payment = await scope.one(payments_of(scope.tenant_id).where(col(Payment.id) == payment_id))
    assert payment is not None, "payments are never removed"
    reported = result.reported
    if reported is None:
        if payment.gateway_id is None:
            await _ended(scope, booking, payment, result.failure)
        return payment.status in FINAL
    if payment.gateway_id is None:
        payment.gateway_id = reported.id
        payment.client_secret = reported.client_secret
        payment.checkout_url = reported.checkout_url
    if payment.status in _NOTHING and reported.status in (
        GatewayPaymentStatus.OPEN,
        GatewayPaymentStatus.HELD,
    ):
        # Opened by a call that was still running when the payment was given up.
        move(scope, payment, PaymentStatus.VOIDING)
    match reported.status:
        case GatewayPaymentStatus.PAID:
            if payment.status not in (PaymentStatus.SUCCEEDED, PaymentStatus.MISMATCHED):
                await _payment_succeeded(scope, booking, payment, reported.received)
        case GatewayPaymentStatus.HELD:
            await _authorized(scope, booking, payment, reported.amount)
        case GatewayPaymentStatus.CANCELLED:
            await _ended(scope, booking, payment, result.failure)
        case GatewayPaymentStatus.OPEN | GatewayPaymentStatus.PROCESSING:
            if payment.status == PaymentStatus.STARTING.value:
                move(scope, payment, PaymentStatus.PENDING)
            if reported.status is GatewayPaymentStatus.OPEN and result.failure is not None:
                await _declined(scope, booking, payment, result.failure)
            if scope.now() >= payment.expires_at:
                settle_later(scope, booking, scope.now() + _UNDER_WAY)
    waiting = await _store_refunds(scope, booking, payment, result)
    return not waiting and payment.status not in {
        PaymentStatus.STARTING,
        PaymentStatus.CAPTURING,
        PaymentStatus.VOIDING,
    }


async def _payment_succeeded(
    scope: Scope, booking: Booking, payment: Payment, amount: Money
) -> None:
    """Applies a received payment: confirms the booking, or refunds the payment."""
    requested = Money(payment.capture_minor or payment.amount_minor, payment.currency_code)
    if amount != requested:
        _mismatched(scope, booking, payment, amount)
        return
    was = PaymentStatus(payment.status)
    is_paid = await _is_paid(scope, booking, payment)
    payment.capture_minor = amount.amount_minor
    payment.failure = None
    move(scope, payment, PaymentStatus.SUCCEEDED)
    await scope.flush()
    await post(scope, booking, received(amount.amount_minor, payment.id))
    log_event(scope, EventType.PAYMENT_RECEIVED, booking, payment)
    if is_card_hold(payment):
        is_kept = booking.status == Status.NO_SHOW.value and was is PaymentStatus.CAPTURING
    else:
        is_kept = await _is_good(scope, booking, payment, was, is_paid=is_paid)
    if is_kept:
        await receipts.issue(scope, booking, payment)
        return
    cause = RefundCause.SURPLUS if is_paid else RefundCause.TOO_LATE
    await reserve(scope, booking, amount, cause, of=payment)


def _mismatched(scope: Scope, booking: Booking, payment: Payment, amount: Money) -> None:
    """Stores a payment with another amount than requested, for people to decide about.

    It isn't posted to the booking's ledger, which has one currency, and pays for nothing.
    """
    log.error("payment.mismatched", payment=str(payment.id), received=str(amount))
    payment.received_minor = amount.amount_minor
    payment.received_currency_code = amount.currency_code
    payment.failure = _MISMATCH
    move(scope, payment, PaymentStatus.MISMATCHED)
    log_event(scope, EventType.PAYMENT_FAILED, booking, payment)


async def _authorized(scope: Scope, booking: Booking, payment: Payment, amount: Money) -> None:
    """Applies a held card: confirms the booking, or releases the card."""
    if payment.status not in OPEN:
        return
    if amount != payment.amount:
        log.error("payment.mismatched", payment=str(payment.id), held=str(amount))
        payment.failure = _MISMATCH
        move(scope, payment, PaymentStatus.VOIDING)
    elif await _is_good(
        scope,
        booking,
        payment,
        PaymentStatus(payment.status),
        is_paid=payment.hold_id is not None and await _is_paid(scope, booking, payment),
    ):
        payment.failure = None
        move(scope, payment, PaymentStatus.AUTHORIZED)
        log_event(scope, EventType.PAYMENT_RECEIVED, booking, payment)
    else:
        move(scope, payment, PaymentStatus.VOIDING)


async def _declined(scope: Scope, booking: Booking, payment: Payment, failure: str) -> None:
    """Frees the time after a declined card; another card can take it again."""
    is_first = payment.failure is None
    payment.failure = failure
    if not is_first or payment.status != PaymentStatus.PENDING.value:
        return
    log_event(scope, EventType.PAYMENT_FAILED, booking, payment)
    held = await _held_for(scope, booking, payment)
    if status_of(scope, held) is Status.HELD:
        before = snapshot(held)
        held.status = Status.EXPIRED.value
        held.hold_expires_at = scope.now()
        record_change(scope, EventType.BOOKING_EXPIRED, held, before, reason=_UNPAID)


async def _ended(scope: Scope, booking: Booking, payment: Payment, failure: str | None) -> None:
    """Frees the time that was held for a payment that can't be made any more."""
    if payment.status in FINAL:
        return
    is_told = payment.status == PaymentStatus.VOIDING.value or payment.failure is not None
    payment.failure = failure
    failed = failure is not None or payment.status == PaymentStatus.CAPTURING.value
    move(scope, payment, PaymentStatus.FAILED if failed else PaymentStatus.CANCELLED)
    if not is_told:
        log_event(scope, EventType.PAYMENT_FAILED, booking, payment)
    others = await _others(scope, booking, payment)
    is_last = not any(each.status not in _NOTHING for each in others)
    held = await _held_for(scope, booking, payment)
    if is_last and status_of(scope, held) is Status.HELD:
        before = snapshot(held)
        held.status = Status.CANCELLED.value
        held.hold_expires_at = None
        record_change(scope, EventType.BOOKING_CANCELLED, held, before, reason=_UNPAID)


# ------------------------------------------------------------------------------ the booking


async def _held_for(scope: Scope, booking: Booking, payment: Payment) -> Booking:
    """Returns what is held until the payment is made: the booking, or its new time."""
    if payment.hold_id is None:
        return booking
    hold = await scope.one(bookings_of(scope.tenant_id).where(col(Booking.id) == payment.hold_id))
    assert hold is not None, "bookings are never removed"
    return hold


async def _others(scope: Scope, booking: Booking, payment: Payment) -> list[Payment]:
    """Returns the other payments for the same booking, or for the same move of it."""
    made = await scope.all(payments_of_bookings(scope.tenant_id, [booking.id]))
    return [each for each in made if each.hold_id == payment.hold_id and each.id != payment.id]


async def _is_paid(scope: Scope, booking: Booking, payment: Payment) -> bool:
    """Returns whether another payment for the same purpose has succeeded."""
    if payment.hold_id is None:
        return (await balances_now(scope, booking)).held.amount_minor > 0
    return any(each.status in TAKEN for each in await _others(scope, booking, payment))


async def _is_good(
    scope: Scope, booking: Booking, payment: Payment, was: PaymentStatus, *, is_paid: bool
) -> bool:
    """Confirms or moves the booking now that this is paid; returns False if that is impossible.

    ``was`` is the payment's earlier status: a payment for an abandoned move moves nothing.
    """
    if payment.hold_id is None:
        return await _confirm_or_reclaim(scope, booking, is_paid=is_paid)
    return was in OPEN and not is_paid and await pay_for_move(scope, booking, payment)


async def _confirm_or_reclaim(scope: Scope, booking: Booking, *, is_paid: bool) -> bool:
    """Confirms the booking now that it is paid; returns False if that is impossible."""
    match arrival(status_of(scope, booking), is_paid=is_paid):
        case Arrival.CONFIRMS:
            is_free = True
        case Arrival.RECLAIMS:
            # Not of a booking that was paid and that the venue then didn't confirm in time.
            was_held = booking.hold_expires_at is not None
            is_free = was_held and await _is_free_again(scope, booking)
        case Arrival.IS_SURPLUS | Arrival.IS_TOO_LATE:
            is_free = False
        case never:
            assert_never(never)
    if not is_free:
        return False
    before = snapshot(booking)
    try:
        by_guest = booking.held_from is not None
        await stand(scope, booking, await own_tenant(scope), before, by_guest=by_guest)
    except PlanLimitReached:
        return False
    # Flushed here, so that this change is retried if the database finds the time taken.
    await scope.flush()
    return True


async def _is_free_again(scope: Scope, booking: Booking) -> bool:
    """Returns whether the time of an expired hold is still available.

    The minimum notice was met when it was held. Its buffers become the room's current ones.
    """
    try:
        claimed = await claim(
            scope,
            RoomId(booking.room_id),
            Start(at=booking.starts_at),
            duration_minutes=Interval(booking.starts_at, booking.ends_at).minutes,
            party_size=booking.party_size,
            moving=booking,
        )
    except Refusal:
        return False
    if claimed.refusals:
        return False
    booking.occupied, booking.space_ids = claimed.occupied, claimed.space_ids
    booking.seat_numbers = claimed.seat_numbers
    return True


# ------------------------------------------------------------------------------ refunds


async def _store_refunds(
    scope: Scope, booking: Booking, payment: Payment, result: GatewayResult
) -> bool:
    """Stores the states of a payment's refunds; returns True if one is still to be sent."""
    await scope.flush()
    assert result.reported is not None
    of_payment = refunds_of(scope.tenant_id).where(col(Refund.payment_id) == payment.id)
    ours = await scope.all(of_payment)
    for reported in result.reported.refunds:
        own = next((each for each in ours if is_of(reported, each)), None)
        if own is None:
            await _record_external_refund(scope, booking, payment, reported)
        else:
            own.gateway_id = reported.id
            await _update_refund(scope, booking, own, reported.status)
    for own in ours:
        if own.id in result.refused:
            await _update_refund(scope, booking, own, GatewayRefundStatus.FAILED)
    return any(
        each.status == RefundStatus.PENDING.value and each.gateway_id is None for each in ours
    )


async def _update_refund(
    scope: Scope, booking: Booking, own: Refund, reported: GatewayRefundStatus
) -> None:
    amount = own.amount_minor
    match RefundStatus(own.status), reported:
        case RefundStatus.PENDING, GatewayRefundStatus.DONE:
            posting, status = refund_sent(amount, own.id), RefundStatus.SUCCEEDED
        case RefundStatus.PENDING, GatewayRefundStatus.FAILED:
            posting, status = refund_failed(amount, own.id), RefundStatus.FAILED
        case RefundStatus.SUCCEEDED, GatewayRefundStatus.FAILED:
            posting, status = refund_returned(amount, own.id), RefundStatus.FAILED
        case RefundStatus.FAILED, GatewayRefundStatus.DONE:
            posting, status = refunded_elsewhere(amount, own.id), RefundStatus.SUCCEEDED
        case _:
            return
    own.status = status.value
    own.updated_at = scope.now()
    await post(scope, booking, posting)
    went = status is RefundStatus.SUCCEEDED
    log_event(scope, EventType.REFUND_SENT if went else EventType.REFUND_FAILED, booking, own)


async def _record_external_refund(
    scope: Scope, booking: Booking, payment: Payment, reported: GatewayRefund
) -> None:
    """Records a refund that was made at the gateway itself."""
    is_ours = payment.status in FINAL - {PaymentStatus.MISMATCHED}
    if reported.status is not GatewayRefundStatus.DONE or not is_ours:
        return
    refund = scope.add(
        Refund(
            tenant_id=scope.tenant_id,
            id=new_id(),
            booking_id=booking.id,
            payment_id=payment.id,
            status=RefundStatus.SUCCEEDED.value,
            cause=RefundCause.AT_GATEWAY.value,
            amount_minor=reported.amount.amount_minor,
            currency_code=payment.currency_code,
            gateway_id=reported.id,
            created_at=scope.now(),
            updated_at=scope.now(),
        )
    )
    credit = less((await balances_now(scope, booking)).credit, refund.amount)
    await post(scope, booking, refunded_elsewhere(refund.amount_minor, refund.id))
    if came_to_nothing(booking):
        await close(scope, booking, credit=credit)
    log_event(scope, EventType.REFUND_SENT, booking, refund)
