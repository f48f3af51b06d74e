"""What the gateway says of a payment and its refunds, stored, with all that follows from it."""

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
from integrations.payments.protocol import PaymentStatus as SaidStatus
from integrations.payments.protocol import Refund as SaidRefund
from integrations.payments.protocol import RefundStatus as SaidRefundStatus
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
    look_later,
    move,
    tell,
)
from resolvers.payments.refunds import less, reserve
from resolvers.tenants.tenants import own_tenant

_UNDER_WAY: Final = timedelta(hours=1)
"""When to look again at a payment that a bank is slow about."""
_UNPAID: Final = "The payment failed."
_NOTHING: Final = frozenset({PaymentStatus.FAILED, PaymentStatus.CANCELLED})
_MISMATCH: Final = "amount_mismatch"

log = structlog.get_logger(__name__)


async def store(
    scope: Scope,
    *,
    payment_id: UUID,
    booking_id: UUID,
    answer: GatewayResult,
    hold: Booking | None = None,
) -> bool:
    """Store what the gateway says; False where that makes something else due at once.

    ``hold`` is that of the time to which the booking moves by this payment.
    """
    rooms = [hold.room_id] if hold else []
    booking = await locked_booking(scope, BookingId(booking_id), also_rooms=rooms)
    payment = await scope.one(payments_of(scope.tenant_id).where(col(Payment.id) == payment_id))
    assert payment is not None, "payments are never removed"
    said = answer.said
    if said is None:
        if payment.gateway_id is None:
            await _ended(scope, booking, payment, answer.failure)
        return payment.status in FINAL
    if payment.gateway_id is None:
        payment.gateway_id = said.id
        payment.client_secret = said.client_secret
        payment.checkout_url = said.checkout_url
    if payment.status in _NOTHING and said.status in (SaidStatus.OPEN, SaidStatus.HELD):
        # Asked for by a call that was still under way when we gave it up.
        move(scope, payment, PaymentStatus.VOIDING)
    match said.status:
        case SaidStatus.PAID:
            if payment.status not in (PaymentStatus.SUCCEEDED, PaymentStatus.MISMATCHED):
                await _payment_succeeded(scope, booking, payment, said.received)
        case SaidStatus.HELD:
            await _authorized(scope, booking, payment, said.amount)
        case SaidStatus.CANCELLED:
            await _ended(scope, booking, payment, answer.failure)
        case SaidStatus.OPEN | SaidStatus.PROCESSING:
            if payment.status == PaymentStatus.STARTING.value:
                move(scope, payment, PaymentStatus.PENDING)
            if said.status is SaidStatus.OPEN and answer.failure is not None:
                await _declined(scope, booking, payment, answer.failure)
            if scope.now() >= payment.expires_at:
                look_later(scope, booking, scope.now() + _UNDER_WAY)
    waiting = await _store_refunds(scope, booking, payment, answer)
    return not waiting and payment.status not in {
        PaymentStatus.STARTING,
        PaymentStatus.CAPTURING,
        PaymentStatus.VOIDING,
    }


async def _payment_succeeded(
    scope: Scope, booking: Booking, payment: Payment, amount: Money
) -> None:
    """The money is here: the booking stands, or it goes back."""
    asked = Money(payment.capture_minor or payment.amount_minor, payment.currency_code)
    if amount != asked:
        _mismatched(scope, booking, payment, amount)
        return
    was = PaymentStatus(payment.status)
    is_paid = await _is_paid(scope, booking, payment)
    payment.capture_minor = amount.amount_minor
    payment.failure = None
    move(scope, payment, PaymentStatus.SUCCEEDED)
    await scope.flush()
    await post(scope, booking, received(amount.amount_minor, payment.id))
    tell(scope, EventType.PAYMENT_RECEIVED, booking, payment)
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
    """Something else has arrived than was asked for: it is kept, and people decide about it.

    It is no money of the booking's: its ledger has one currency, and what it owes isn't paid.
    """
    log.error("payment.mismatched", payment=str(payment.id), received=str(amount))
    payment.received_minor = amount.amount_minor
    payment.received_currency_code = amount.currency_code
    payment.failure = _MISMATCH
    move(scope, payment, PaymentStatus.MISMATCHED)
    tell(scope, EventType.PAYMENT_FAILED, booking, payment)


async def _authorized(scope: Scope, booking: Booking, payment: Payment, amount: Money) -> None:
    """A card is held: the booking stands, or the card is let go."""
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
        tell(scope, EventType.PAYMENT_RECEIVED, booking, payment)
    else:
        move(scope, payment, PaymentStatus.VOIDING)


async def _declined(scope: Scope, booking: Booking, payment: Payment, failure: str) -> None:
    """A card was declined: the time is free, and is had again by one that is good in time."""
    is_first = payment.failure is None
    payment.failure = failure
    if not is_first or payment.status != PaymentStatus.PENDING.value:
        return
    tell(scope, EventType.PAYMENT_FAILED, booking, payment)
    held = await _held_for(scope, booking, payment)
    if status_of(scope, held) is Status.HELD:
        before = snapshot(held)
        held.status = Status.EXPIRED.value
        held.hold_expires_at = scope.now()
        record_change(scope, EventType.BOOKING_EXPIRED, held, before, reason=_UNPAID)


async def _ended(scope: Scope, booking: Booking, payment: Payment, failure: str | None) -> None:
    """The payment can't be made any more: what was held for it is free."""
    if payment.status in FINAL:
        return
    is_told = payment.status == PaymentStatus.VOIDING.value or payment.failure is not None
    payment.failure = failure
    failed = failure is not None or payment.status == PaymentStatus.CAPTURING.value
    move(scope, payment, PaymentStatus.FAILED if failed else PaymentStatus.CANCELLED)
    if not is_told:
        tell(scope, EventType.PAYMENT_FAILED, booking, payment)
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
    """What is held until the payment is made: the booking, or the time that it moves to."""
    if payment.hold_id is None:
        return booking
    hold = await scope.one(bookings_of(scope.tenant_id).where(col(Booking.id) == payment.hold_id))
    assert hold is not None, "bookings are never removed"
    return hold


async def _others(scope: Scope, booking: Booking, payment: Payment) -> list[Payment]:
    """The other payments for the same: for the booking to stand, or for this move of it."""
    made = await scope.all(payments_of_bookings(scope.tenant_id, [booking.id]))
    return [each for each in made if each.hold_id == payment.hold_id and each.id != payment.id]


async def _is_paid(scope: Scope, booking: Booking, payment: Payment) -> bool:
    """Whether what the payment is for has been paid by another."""
    if payment.hold_id is None:
        return (await balances_now(scope, booking)).held.amount_minor > 0
    return any(each.status in TAKEN for each in await _others(scope, booking, payment))


async def _is_good(
    scope: Scope, booking: Booking, payment: Payment, was: PaymentStatus, *, is_paid: bool
) -> bool:
    """Whether the booking stands, or moves, now that this is paid; False where it can't any more.

    ``was`` is where the payment stood: one for a move that was given up moves nothing.
    """
    if payment.hold_id is None:
        return await _confirm_or_reclaim(scope, booking, is_paid=is_paid)
    return was in OPEN and not is_paid and await pay_for_move(scope, booking, payment)


async def _confirm_or_reclaim(scope: Scope, booking: Booking, *, is_paid: bool) -> bool:
    """Whether the booking stands now that it is paid; False where it can't any more."""
    match arrival(status_of(scope, booking), is_paid=is_paid):
        case Arrival.CONFIRMS:
            is_free = True
        case Arrival.RECLAIMS:
            is_free = await _is_free_again(scope, booking)
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
    # Here, so that it is this change that is decided anew where the database finds it taken.
    await scope.flush()
    return True


async def _is_free_again(scope: Scope, booking: Booking) -> bool:
    """Whether the time of an expired hold can be had once more, by the rules of availability.

    The notice was kept when it was held. Its buffers become the room's present ones.
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
    booking.occupied = claimed.occupied
    return True


# ------------------------------------------------------------------------------ refunds


async def _store_refunds(
    scope: Scope, booking: Booking, payment: Payment, answer: GatewayResult
) -> bool:
    """Store what became of a payment's refunds; True where one is yet to be sent."""
    await scope.flush()
    assert answer.said is not None
    of_payment = refunds_of(scope.tenant_id).where(col(Refund.payment_id) == payment.id)
    ours = await scope.all(of_payment)
    for said in answer.said.refunds:
        own = next((each for each in ours if is_of(said, each)), None)
        if own is None:
            await _record_external_refund(scope, booking, payment, said)
        else:
            own.gateway_id = said.id
            await _update_refund(scope, booking, own, said.status)
    for own in ours:
        if own.id in answer.refused:
            await _update_refund(scope, booking, own, SaidRefundStatus.FAILED)
    return any(
        each.status == RefundStatus.PENDING.value and each.gateway_id is None for each in ours
    )


async def _update_refund(
    scope: Scope, booking: Booking, own: Refund, said: SaidRefundStatus
) -> None:
    amount = own.amount_minor
    match RefundStatus(own.status), said:
        case RefundStatus.PENDING, SaidRefundStatus.DONE:
            posting, status = refund_sent(amount, own.id), RefundStatus.SUCCEEDED
        case RefundStatus.PENDING, SaidRefundStatus.FAILED:
            posting, status = refund_failed(amount, own.id), RefundStatus.FAILED
        case RefundStatus.SUCCEEDED, SaidRefundStatus.FAILED:
            posting, status = refund_returned(amount, own.id), RefundStatus.FAILED
        case RefundStatus.FAILED, SaidRefundStatus.DONE:
            posting, status = refunded_elsewhere(amount, own.id), RefundStatus.SUCCEEDED
        case _:
            return
    own.status = status.value
    own.updated_at = scope.now()
    await post(scope, booking, posting)
    went = status is RefundStatus.SUCCEEDED
    tell(scope, EventType.REFUND_SENT if went else EventType.REFUND_FAILED, booking, own)


async def _record_external_refund(
    scope: Scope, booking: Booking, payment: Payment, said: SaidRefund
) -> None:
    """Somebody gave money back at the gateway itself."""
    is_ours = payment.status in FINAL - {PaymentStatus.MISMATCHED}
    if said.status is not SaidRefundStatus.DONE or not is_ours:
        return
    refund = scope.add(
        Refund(
            tenant_id=scope.tenant_id,
            id=new_id(),
            booking_id=booking.id,
            payment_id=payment.id,
            status=RefundStatus.SUCCEEDED.value,
            cause=RefundCause.AT_GATEWAY.value,
            amount_minor=said.amount.amount_minor,
            currency_code=payment.currency_code,
            gateway_id=said.id,
            created_at=scope.now(),
            updated_at=scope.now(),
        )
    )
    credit = less((await balances_now(scope, booking)).credit, refund.amount)
    await post(scope, booking, refunded_elsewhere(refund.amount_minor, refund.id))
    if came_to_nothing(booking):
        await close(scope, booking, credit=credit)
    tell(scope, EventType.REFUND_SENT, booking, refund)
