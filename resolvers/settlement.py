"""What is due of payments, asked of the gateway: never inside a transaction, and never twice.

Read what is wanted, ask with a key that makes the call safe to repeat, store what the gateway
says is so. Whoever is cut off between these steps is followed by another who begins anew; what
was refunded is looked for at the gateway first, for its keys are kept for a day only.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, assert_never
from uuid import UUID

import structlog
from sqlmodel import col

from domain.bookings import Status
from domain.errors import Refusal
from domain.events import EventType
from domain.ids import BookingId, RoomId
from domain.intervals import Interval
from domain.ledger import (
    received,
    refund_failed,
    refund_returned,
    refund_sent,
    refunded_elsewhere,
)
from domain.money import Money
from domain.payments import (
    FINAL,
    OPEN,
    Arrival,
    PaymentStatus,
    RefundCause,
    RefundStatus,
    arrival,
)
from domain.venue_time import Start
from integrations.payments.protocol import (
    TENANT,
    AnotherGateway,
    Capture,
    Declined,
    Gateway,
    GatewayError,
    GatewayEvent,
    GatewayRefused,
    Order,
    Subject,
)
from integrations.payments.protocol import Payment as Said
from integrations.payments.protocol import PaymentStatus as SaidStatus
from integrations.payments.protocol import Refund as SaidRefund
from integrations.payments.protocol import RefundStatus as SaidRefundStatus
from kit.errors import Unavailable
from kit.ids import new_id
from kit.scope import Actor, ActorKind, Request, Runtime, Scope
from models.base import snapshot
from models.bookings import Booking
from models.payments import (
    Payment,
    Refund,
    payments_of,
    payments_of_bookings,
    refunds_of,
    refunds_of_bookings,
)
from resolvers import receipts
from resolvers.booking_rows import changed_booking, locked_booking, seen_booking
from resolvers.booking_rows import status as status_of
from resolvers.claims import claim
from resolvers.ledger import balances_now, post
from resolvers.payments import (
    came_to_nothing,
    charge_price,
    close,
    is_card_hold,
    look_later,
    move,
    tell,
)
from resolvers.refunds import reserve
from resolvers.tenants import own_tenant
from resolvers.transactions import perform
from resolvers.usage import count_booking

ROUNDS: Final = 4
"""Asking for a payment, storing it and letting it go again are three."""
AT_ONCE_SECONDS: Final = 6.0
"""How long the answer to a change waits for the gateway; then the job goes on."""

_UNDER_WAY: Final = timedelta(hours=1)
"""When to look again at a payment that a bank is slow about."""
_UNPAID: Final = "The payment failed."
_REFUSED: Final = "refused"
_NOTHING: Final = frozenset({PaymentStatus.FAILED, PaymentStatus.CANCELLED})

log = structlog.get_logger(__name__)


class NotSettled(Exception):
    """The gateway's answers lead nowhere; a job tries again."""


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be asked of the gateway; ``refunds`` are those it may not know of."""

    payment: Payment
    refunds: Sequence[Refund]
    status: Status
    """Of the booking, as it counts now."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the gateway says; no ``said``: it never gave the payment away. ``refused`` refunds."""

    said: Said | None
    failure: str | None = None
    refused: frozenset[UUID] = frozenset()


# ------------------------------------------------------------------------------ when


async def settle_now(runtime: Runtime, tenant_id: UUID, booking_id: UUID) -> None:
    """Ask for what a change has just made due; what fails now is for the job."""
    try:
        async with asyncio.timeout(AT_ONCE_SECONDS):
            await settle_booking(runtime, tenant_id, booking_id)
    except (GatewayError, NotSettled, Refusal, TimeoutError, Unavailable) as error:
        log.warning("payment.later", booking=str(booking_id), why=type(error).__name__)


async def settle_changed(runtime: Runtime, booking: Booking) -> None:
    """Settle at once what a change of the booking has made due; the row is then as it is stored."""
    await settle_now(runtime, booking.tenant_id, booking.id)
    scope = _reading(runtime, booking.tenant_id)
    try:
        now = await seen_booking(scope, BookingId(booking.id))
    finally:
        await scope.close()
    if now.version != booking.version:
        for name in Booking.model_fields:
            setattr(booking, name, getattr(now, name))


async def settle_booking(runtime: Runtime, tenant_id: UUID, booking_id: UUID) -> None:
    """Ask for all that is due of a booking. Raises GatewayError, to be tried again."""
    scope = _reading(runtime, tenant_id)
    try:
        payments = await scope.all(payments_of_bookings(tenant_id, [booking_id]))
        refunds = await scope.all(refunds_of_bookings(tenant_id, [booking_id]))
    finally:
        await scope.close()
    going_back = {each.payment_id for each in refunds if each.status == RefundStatus.PENDING.value}
    for payment in payments:
        if payment.status not in FINAL or payment.id in going_back:
            await settle_payment(runtime, tenant_id, payment.id)


async def payment_event(runtime: Runtime, event: GatewayEvent) -> None:
    """Look again at the payment that a gateway's event is about. Others' events do nothing.

    Raises GatewayError, NotSettled, Unavailable, AnotherGateway: then it is due again.
    """
    gateway: Gateway = runtime.parts[Gateway]  # type: ignore[assignment]
    if event.gateway != gateway.name:
        raise AnotherGateway(event.gateway)
    gateway_id = event.payment_id
    if gateway_id is None and event.subject is Subject.PAYMENT:
        gateway_id = event.object_id
    if event.account is not None or event.tenant_id is None or gateway_id is None:
        return
    scope = _reading(runtime, event.tenant_id)
    try:
        known = payments_of(event.tenant_id).where(col(Payment.gateway_id) == gateway_id)
        payment = await scope.one(known)
    finally:
        await scope.close()
    if payment is None:
        payment = await _adopted(runtime, event.tenant_id, gateway_id)
    if payment is not None:
        await settle_payment(runtime, event.tenant_id, payment.id)


async def settle_payment(runtime: Runtime, tenant_id: UUID, payment_id: UUID) -> None:
    """Ask for what is due of a payment and its refunds, and store the truth about them.

    Raises GatewayError, NotSettled, Unavailable: then it is due again.
    """
    gateway: Gateway = runtime.parts[Gateway]  # type: ignore[assignment]
    for _ in range(ROUNDS):
        due = await _due(runtime, tenant_id, payment_id)
        if due is None:
            return
        answer = await _ask(gateway, due, runtime)
        store = partial(
            _store, payment_id=payment_id, booking_id=due.payment.booking_id, answer=answer
        )
        outcome = await perform(runtime, _system(tenant_id), Request(new_id()), store)
        if outcome.result:
            return
    raise NotSettled


# ------------------------------------------------------------------------------ reading


def _system(tenant_id: UUID) -> Actor:
    return Actor(ActorKind.SYSTEM, tenant_id)


def _reading(runtime: Runtime, tenant_id: UUID) -> Scope:
    return Scope(runtime, _system(tenant_id), Request(new_id()))


async def _due(runtime: Runtime, tenant_id: UUID, payment_id: UUID) -> _Due | None:
    scope = _reading(runtime, tenant_id)
    try:
        payment = await scope.one(payments_of(tenant_id).where(col(Payment.id) == payment_id))
        if payment is None:
            return None
        waiting = refunds_of(tenant_id).where(
            col(Refund.payment_id) == payment_id, col(Refund.status) == RefundStatus.PENDING.value
        )
        refunds = await scope.all(waiting)
        booking = await seen_booking(scope, BookingId(payment.booking_id))
        return _Due(payment, refunds, status_of(scope, booking))
    finally:
        await scope.close()


# ------------------------------------------------------------------------------ asking


async def _ask(gateway: Gateway, due: _Due, runtime: Runtime) -> _Answer:
    """Do at the gateway what is wanted and not yet done. Raises GatewayError."""
    payment, now = due.payment, runtime.clock()
    status = PaymentStatus(payment.status)
    if payment.gateway_id is not None:
        said = await gateway.fetch(payment.gateway_id)
    elif status is PaymentStatus.STARTING and now < payment.expires_at:
        try:
            said = await gateway.create(_order(payment), key=_key(payment, "create", now))
        except GatewayRefused as error:
            log.warning("payment.refused", payment=str(payment.id), why=str(error))
            return _Answer(None, failure=_REFUSED)
    else:
        # Nobody was ever told how to make it, so nobody can.
        return _Answer(None)
    failure = said.failure
    is_unwanted = status not in {
        PaymentStatus.STARTING,
        PaymentStatus.PENDING,
        PaymentStatus.AUTHORIZED,
        PaymentStatus.CAPTURING,
    }
    is_late = now >= payment.expires_at or due.status not in {Status.HELD, Status.EXPIRED}
    is_over = is_unwanted or (status in OPEN and is_late)
    if said.status is SaidStatus.HELD and status is PaymentStatus.CAPTURING:
        amount = Money(payment.capture_minor or payment.amount_minor, payment.currency_code)
        said = await gateway.capture(said.id, amount=amount, key=_key(payment, "capture", now))
    elif (said.status is SaidStatus.OPEN and is_over) or (
        said.status is SaidStatus.HELD and is_unwanted
    ):
        said = await _cancelled(gateway, said, payment, now)
    return await _sent(gateway, due.refunds, _Answer(said, failure), now)


async def _cancelled(gateway: Gateway, said: Said, payment: Payment, now: datetime) -> Said:
    try:
        return await gateway.cancel(said.id, key=_key(payment, "cancel", now))
    except GatewayRefused:
        # It was made a moment ago.
        return await gateway.fetch(said.id)


async def _sent(
    gateway: Gateway, refunds: Sequence[Refund], answer: _Answer, now: datetime
) -> _Answer:
    """The answer with the refunds that the gateway hadn't heard of."""
    said = answer.said
    assert said is not None
    refused = set()
    for refund in refunds:
        if any(_is_of(each, refund) for each in said.refunds):
            continue
        try:
            sent = await gateway.refund(
                said.id,
                amount=refund.amount,
                reference=str(refund.id),
                key=_key(refund, "refund", now),
                metadata={TENANT: str(refund.tenant_id)},
            )
        except (GatewayRefused, Declined) as error:
            log.warning("refund.refused", refund=str(refund.id), why=str(error))
            refused.add(refund.id)
        else:
            said = replace(said, refunds=(*said.refunds, sent))
    return replace(answer, said=said, refused=frozenset(refused))


def _order(payment: Payment) -> Order:
    return Order(
        payment.amount,
        reference=str(payment.id),
        capture=Capture.LATER if is_card_hold(payment) else Capture.NOW,
        metadata={TENANT: str(payment.tenant_id), "booking_id": str(payment.booking_id)},
    )


def _key(about: Payment | Refund, call: str, now: datetime) -> str:
    """The same for a day, for which gateways keep what they answered, their failures too.

    Then it is another: by now the gateway has shown that the call was not carried out.
    """
    return f"{about.id} {call} {(now - about.created_at).days}"


def _is_of(said: SaidRefund, refund: Refund) -> bool:
    return said.id == refund.gateway_id or said.reference == str(refund.id)


# ------------------------------------------------------------------------------ storing


async def _store(scope: Scope, *, payment_id: UUID, booking_id: UUID, answer: _Answer) -> bool:
    """Store what the gateway says; False where that makes something else due at once."""
    booking = await locked_booking(scope, BookingId(booking_id))
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
            if payment.status != PaymentStatus.SUCCEEDED.value:
                await _arrived(scope, booking, payment, said.received)
        case SaidStatus.HELD:
            await _authorized(scope, booking, payment)
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


async def _arrived(scope: Scope, booking: Booking, payment: Payment, amount: Money) -> None:
    """The money is here: the booking stands, or it goes back."""
    is_paid = (await balances_now(scope, booking)).held.amount_minor > 0
    payment.capture_minor = amount.amount_minor
    payment.failure = None
    move(scope, payment, PaymentStatus.SUCCEEDED)
    await scope.flush()
    await post(scope, booking, received(amount.amount_minor, payment.id))
    tell(scope, EventType.PAYMENT_RECEIVED, booking, payment)
    if is_card_hold(payment):
        is_kept = booking.status == Status.NO_SHOW.value and not is_paid
    else:
        is_kept = await _stands(scope, booking, is_paid=is_paid)
    if is_kept:
        await receipts.issue(scope, booking, payment)
        return
    cause = RefundCause.SURPLUS if is_paid else RefundCause.TOO_LATE
    await reserve(scope, booking, amount, cause, of=payment)


async def _authorized(scope: Scope, booking: Booking, payment: Payment) -> None:
    """A card is held: the booking stands, or the card is let go."""
    if payment.status not in OPEN:
        return
    if await _stands(scope, booking, is_paid=False):
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
    if status_of(scope, booking) is Status.HELD:
        before = snapshot(booking)
        booking.status = Status.EXPIRED.value
        booking.hold_expires_at = scope.now()
        changed_booking(scope, EventType.BOOKING_EXPIRED, booking, before, reason=_UNPAID)


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
    others = await scope.all(
        payments_of_bookings(scope.tenant_id, [booking.id]).where(col(Payment.id) != payment.id)
    )
    is_last = not any(each.status not in _NOTHING for each in others)
    if is_last and status_of(scope, booking) is Status.HELD:
        before = snapshot(booking)
        booking.status = Status.CANCELLED.value
        booking.hold_expires_at = None
        changed_booking(scope, EventType.BOOKING_CANCELLED, booking, before, reason=_UNPAID)


# ------------------------------------------------------------------------------ the booking


async def _stands(scope: Scope, booking: Booking, *, is_paid: bool) -> bool:
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
    tenant = await own_tenant(scope)
    try:
        if is_free:
            await count_booking(scope, tenant)
    except Refusal:
        is_free = False
    if not is_free:
        return False
    before = snapshot(booking)
    booking.status = (Status.PENDING if tenant.requires_confirmation else Status.CONFIRMED).value
    booking.hold_expires_at = None
    changed_booking(scope, EventType.BOOKING_CREATED, booking, before)
    # Here, so that it is this change that is decided anew where the database finds it taken.
    await scope.flush()
    await charge_price(scope, booking)
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


async def _store_refunds(scope: Scope, booking: Booking, payment: Payment, answer: _Answer) -> bool:
    """Store what became of a payment's refunds; True where one is yet to be sent."""
    await scope.flush()
    assert answer.said is not None
    of_payment = refunds_of(scope.tenant_id).where(col(Refund.payment_id) == payment.id)
    ours = await scope.all(of_payment)
    for said in answer.said.refunds:
        own = next((each for each in ours if _is_of(said, each)), None)
        if own is None:
            await _found(scope, booking, payment, said)
        else:
            own.gateway_id = said.id
            await _became(scope, booking, own, said.status)
    for own in ours:
        if own.id in answer.refused:
            await _became(scope, booking, own, SaidRefundStatus.FAILED)
    return any(
        each.status == RefundStatus.PENDING.value and each.gateway_id is None for each in ours
    )


async def _became(scope: Scope, booking: Booking, own: Refund, said: SaidRefundStatus) -> None:
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


async def _found(scope: Scope, booking: Booking, payment: Payment, said: SaidRefund) -> None:
    """Somebody gave money back at the gateway itself."""
    if said.status is not SaidRefundStatus.DONE or payment.status not in FINAL:
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
    await post(scope, booking, refunded_elsewhere(refund.amount_minor, refund.id))
    if came_to_nothing(booking):
        await close(scope, booking)
    tell(scope, EventType.REFUND_SENT, booking, refund)


# ------------------------------------------------------------------------------ strays


async def _adopted(runtime: Runtime, tenant_id: UUID, gateway_id: str) -> Payment | None:
    """The payment that a gateway's object belongs to, though we don't know it by this id.

    It was made by a call whose answer was lost; made twice, it becomes a payment of its own.
    """
    gateway: Gateway = runtime.parts[Gateway]  # type: ignore[assignment]
    said = await gateway.fetch(gateway_id)
    if said.metadata.get(TENANT) != str(tenant_id) or said.reference is None:
        return None
    try:
        payment_id = UUID(said.reference)
    except ValueError:
        return None
    due = await _due(runtime, tenant_id, payment_id)
    if due is None:
        return None
    adopt = partial(_adopt, payment_id=payment_id, booking_id=due.payment.booking_id, said=said)
    return (await perform(runtime, _system(tenant_id), Request(new_id()), adopt)).result


async def _adopt(scope: Scope, *, payment_id: UUID, booking_id: UUID, said: Said) -> Payment:
    await locked_booking(scope, BookingId(booking_id))
    payments = payments_of(scope.tenant_id)
    known = await scope.one(payments.where(col(Payment.gateway_id) == said.id))
    if known is not None:
        return known
    payment = await scope.one(payments.where(col(Payment.id) == payment_id))
    assert payment is not None, "payments are never removed"
    if payment.gateway_id is None:
        payment.gateway_id = said.id
        payment.client_secret = said.client_secret
        payment.checkout_url = said.checkout_url
        return payment
    return scope.add(
        Payment(
            tenant_id=scope.tenant_id,
            id=new_id(),
            booking_id=booking_id,
            kind=payment.kind,
            status=PaymentStatus.PENDING.value,
            amount_minor=said.amount.amount_minor,
            currency_code=said.amount.currency_code,
            gateway_id=said.id,
            expires_at=payment.expires_at,
            created_at=scope.now(),
            updated_at=scope.now(),
        )
    )
