"""Settles payments at the gateway: outside of transactions, and each call with effect once.

Each attempt reads the pending calls, makes them with idempotency keys, and stores the gateway's
result. If an attempt is interrupted, the next one starts over. Refunds are looked up at the gateway
first, because it keeps keys only for a day.
"""

import asyncio
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from sqlmodel import col

from domain.core.ids import BookingId
from domain.core.refusals import Refusal
from domain.payments.payments import AT_REST, PaymentStatus, RefundStatus
from integrations.payments.protocol import (
    TENANT,
    AnotherGateway,
    Gateway,
    GatewayError,
    GatewayEvent,
    Subject,
)
from integrations.payments.protocol import Payment as GatewayPayment
from kit.actor import Actor, ActorKind, Request
from kit.errors import Unavailable
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.payments.payments import (
    Payment,
    Refund,
    payments_of,
    payments_of_bookings,
    refunds_of,
    refunds_of_bookings,
)
from resolvers.bookings.booking_access import load_visible_booking, locked_booking
from resolvers.bookings.booking_access import status as status_of
from resolvers.core.transactions import perform
from resolvers.payments.gateway_requests import PendingCalls, execute
from resolvers.payments.gateway_results import store

ROUNDS: Final = 4
"""Opening a payment, storing it and releasing it again takes three rounds."""
AT_ONCE_SECONDS: Final = 6.0
"""How long the response to a change waits for the gateway; then the job takes over."""

log = structlog.get_logger(__name__)


class SettlementIncomplete(Exception):
    """The gateway's results don't settle the payment; a job retries."""


# ------------------------------------------------------------------------------ when


async def settle_now(runtime: Runtime, tenant_id: UUID, booking_id: UUID) -> None:
    """Makes the calls that a change needs; if they fail, the job retries."""
    try:
        async with asyncio.timeout(AT_ONCE_SECONDS):
            await settle_booking(runtime, tenant_id, booking_id)
    except (GatewayError, SettlementIncomplete, Refusal, TimeoutError, Unavailable) as error:
        log.warning("payment.later", booking=str(booking_id), why=type(error).__name__)


async def settle_changed(runtime: Runtime, booking: Booking) -> None:
    """Settles at once what a change of the booking needs, and refreshes the row."""
    await settle_now(runtime, booking.tenant_id, booking.moves_id or booking.id)
    scope = _reading(runtime, booking.tenant_id)
    try:
        now = await load_visible_booking(scope, BookingId(booking.id))
    finally:
        await scope.close()
    if now.version != booking.version:
        for name in Booking.model_fields:
            setattr(booking, name, getattr(now, name))


async def settle_booking(runtime: Runtime, tenant_id: UUID, booking_id: UUID) -> None:
    """Makes all pending calls of a booking. Raises GatewayError, to be retried."""
    scope = _reading(runtime, tenant_id)
    try:
        payments = await scope.all(payments_of_bookings(tenant_id, [booking_id]))
        refunds = await scope.all(refunds_of_bookings(tenant_id, [booking_id]))
    finally:
        await scope.close()
    going_back = {each.payment_id for each in refunds if each.status == RefundStatus.PENDING.value}
    for payment in payments:
        if payment.status not in AT_REST or payment.id in going_back:
            await settle_payment(runtime, tenant_id, payment.id)


async def payment_event(runtime: Runtime, event: GatewayEvent) -> None:
    """Settles the payment of a gateway's event. Events of other payments do nothing.

    Raises GatewayError, SettlementIncomplete, Unavailable, AnotherGateway, to be retried.
    """
    gateway: Gateway = runtime.services[Gateway]  # type: ignore[assignment]
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
    """Makes the pending calls of a payment and its refunds, and stores their results.

    Raises GatewayError, SettlementIncomplete, Unavailable, to be retried.
    """
    gateway: Gateway = runtime.services[Gateway]  # type: ignore[assignment]
    for _ in range(ROUNDS):
        due = await _due(runtime, tenant_id, payment_id)
        if due is None:
            return
        result = await execute(gateway, due, runtime)
        stored = partial(
            store,
            payment_id=payment_id,
            booking_id=due.payment.booking_id,
            result=result,
            hold=due.hold,
        )
        outcome = await perform(runtime, _system(tenant_id), Request(new_id()), stored)
        if outcome.result:
            return
    raise SettlementIncomplete


# ------------------------------------------------------------------------------ reading


def _system(tenant_id: UUID) -> Actor:
    return Actor(ActorKind.SYSTEM, tenant_id)


def _reading(runtime: Runtime, tenant_id: UUID) -> Scope:
    return Scope(runtime, _system(tenant_id), Request(new_id()))


async def _due(runtime: Runtime, tenant_id: UUID, payment_id: UUID) -> PendingCalls | None:
    scope = _reading(runtime, tenant_id)
    try:
        payment = await scope.one(payments_of(tenant_id).where(col(Payment.id) == payment_id))
        if payment is None:
            return None
        waiting = refunds_of(tenant_id).where(
            col(Refund.payment_id) == payment_id, col(Refund.status) == RefundStatus.PENDING.value
        )
        refunds = await scope.all(waiting)
        held = await load_visible_booking(scope, BookingId(payment.hold_id or payment.booking_id))
        hold = held if payment.hold_id is not None else None
        return PendingCalls(payment, refunds, status_of(scope, held), hold)
    finally:
        await scope.close()


# ------------------------------------------------------------------------------ strays


async def _adopted(runtime: Runtime, tenant_id: UUID, gateway_id: str) -> Payment | None:
    """Returns the payment of a gateway's object whose id isn't stored yet.

    A call created it, and its response was lost. A second object becomes a payment of its own.
    """
    gateway: Gateway = runtime.services[Gateway]  # type: ignore[assignment]
    reported = await gateway.fetch(gateway_id)
    if reported.metadata.get(TENANT) != str(tenant_id) or reported.reference is None:
        return None
    try:
        payment_id = UUID(reported.reference)
    except ValueError:
        return None
    due = await _due(runtime, tenant_id, payment_id)
    if due is None:
        return None
    adopt = partial(
        _link_payment, payment_id=payment_id, booking_id=due.payment.booking_id, reported=reported
    )
    return (await perform(runtime, _system(tenant_id), Request(new_id()), adopt)).result


async def _link_payment(
    scope: Scope, *, payment_id: UUID, booking_id: UUID, reported: GatewayPayment
) -> Payment:
    await locked_booking(scope, BookingId(booking_id))
    payments = payments_of(scope.tenant_id)
    known = await scope.one(payments.where(col(Payment.gateway_id) == reported.id))
    if known is not None:
        return known
    payment = await scope.one(payments.where(col(Payment.id) == payment_id))
    assert payment is not None, "payments are never removed"
    if payment.gateway_id is None:
        payment.gateway_id = reported.id
        payment.client_secret = reported.client_secret
        payment.checkout_url = reported.checkout_url
        return payment
    return scope.add(
        Payment(
            tenant_id=scope.tenant_id,
            id=new_id(),
            booking_id=booking_id,
            hold_id=payment.hold_id,
            kind=payment.kind,
            status=PaymentStatus.PENDING.value,
            amount_minor=payment.amount_minor,
            currency_code=payment.currency_code,
            gateway_id=reported.id,
            expires_at=payment.expires_at,
            created_at=scope.now(),
            updated_at=scope.now(),
        )
    )
