"""Calls the gateway for a payment and its refunds, outside of any transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from domain.bookings.lifecycle import Status
from domain.core.money import Money
from domain.payments.payments import OPEN, PaymentStatus
from integrations.payments.protocol import TENANT, Capture, Declined, Gateway, GatewayRefused, Order
from integrations.payments.protocol import Payment as GatewayPayment
from integrations.payments.protocol import PaymentStatus as GatewayPaymentStatus
from integrations.payments.protocol import Refund as GatewayRefund
from kit.runtime import Runtime
from models.bookings.bookings import Booking
from models.payments.payments import Payment, Refund
from resolvers.payments.payments import is_card_hold

_REFUSED: Final = "refused"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PendingCalls:
    """A payment with pending calls; ``refunds`` are those that the gateway may not know yet."""

    payment: Payment
    refunds: Sequence[Refund]
    status: Status
    """The effective status of the booking, or of the hold of its new time."""
    hold: Booking | None = None
    """The hold of the time to which the booking moves by this payment."""


@dataclass(frozen=True, slots=True)
class GatewayResult:
    """What the gateway says; no ``said``: it never gave the payment away. ``refused`` refunds."""

    reported: GatewayPayment | None
    failure: str | None = None
    refused: frozenset[UUID] = frozenset()


async def execute(gateway: Gateway, due: PendingCalls, runtime: Runtime) -> GatewayResult:
    """Makes the pending calls of a payment. Raises GatewayError."""
    payment, now = due.payment, runtime.clock()
    status = PaymentStatus(payment.status)
    if payment.gateway_id is not None:
        reported = await gateway.fetch(payment.gateway_id)
    elif status is PaymentStatus.STARTING and now < payment.expires_at:
        try:
            reported = await gateway.create(_order(payment), key=_key(payment, "create", now))
        except GatewayRefused as error:
            log.warning("payment.refused", payment=str(payment.id), why=str(error))
            return GatewayResult(None, failure=_REFUSED)
    else:
        # Its secret was never returned to a client, so it can't be paid.
        return GatewayResult(None)
    failure = reported.failure
    is_unwanted = status not in {
        PaymentStatus.STARTING,
        PaymentStatus.PENDING,
        PaymentStatus.AUTHORIZED,
        PaymentStatus.CAPTURING,
    }
    is_late = now >= payment.expires_at or due.status not in {Status.HELD, Status.EXPIRED}
    is_over = is_unwanted or (status in OPEN and is_late)
    if reported.status is GatewayPaymentStatus.HELD and status is PaymentStatus.CAPTURING:
        amount = Money(payment.capture_minor or payment.amount_minor, payment.currency_code)
        reported = await gateway.capture(
            reported.id, amount=amount, key=_key(payment, "capture", now)
        )
    elif (reported.status is GatewayPaymentStatus.OPEN and is_over) or (
        reported.status is GatewayPaymentStatus.HELD and is_unwanted
    ):
        reported = await _cancelled(gateway, reported, payment, now)
    return await _sent(gateway, due.refunds, GatewayResult(reported, failure), now)


async def _cancelled(
    gateway: Gateway, reported: GatewayPayment, payment: Payment, now: datetime
) -> GatewayPayment:
    try:
        return await gateway.cancel(reported.id, key=_key(payment, "cancel", now))
    except GatewayRefused:
        # It was paid a moment ago.
        return await gateway.fetch(reported.id)


async def _sent(
    gateway: Gateway, refunds: Sequence[Refund], result: GatewayResult, now: datetime
) -> GatewayResult:
    """Sends the refunds that the gateway doesn't know, and returns the result with them."""
    reported = result.reported
    assert reported is not None
    refused = set()
    for refund in refunds:
        if any(is_of(each, refund) for each in reported.refunds):
            continue
        try:
            sent = await gateway.refund(
                reported.id,
                amount=refund.amount,
                reference=str(refund.id),
                key=_key(refund, "refund", now),
                metadata={TENANT: str(refund.tenant_id)},
            )
        except (GatewayRefused, Declined) as error:
            log.warning("refund.refused", refund=str(refund.id), why=str(error))
            refused.add(refund.id)
        else:
            reported = replace(reported, refunds=(*reported.refunds, sent))
    return replace(result, reported=reported, refused=frozenset(refused))


def _order(payment: Payment) -> Order:
    return Order(
        payment.amount,
        reference=str(payment.id),
        capture=Capture.LATER if is_card_hold(payment) else Capture.NOW,
        metadata={TENANT: str(payment.tenant_id), "booking_id": str(payment.booking_id)},
    )


def _key(about: Payment | Refund, call: str, now: datetime) -> str:
    """Returns an idempotency key, which stays the same for a day.

    Gateways store results under a key for a day, failures too. By then the gateway has shown that
    the call was not carried out.
    """
    return f"{about.id} {call} {(now - about.created_at).days}"


def is_of(reported: GatewayRefund, refund: Refund) -> bool:
    return reported.id == refund.gateway_id or reported.reference == str(refund.id)
