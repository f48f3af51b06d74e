"""Payments for bookings: requests, reads and releases them, and posts prices to the ledger.

A change stores what it needs from the gateway. ``resolvers/payments/settlement.py`` calls the
gateway after the commit, and a job retries until it succeeds.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.bookings.lifecycle import OCCUPYING, Status, allowed_transitions
from domain.core.log_events import Event, EventType
from domain.core.money import Money
from domain.payments.cancellation import Quote, quote
from domain.payments.ledger import Balances, charge, repriced
from domain.payments.payments import OPEN, PaymentStatus, RefundCause
from domain.tenants.payment_policy import PolicyKind
from kit.ids import new_id
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.payments.payments import (
    Payment,
    Receipt,
    Refund,
    payments_of_bookings,
    receipts_of_payments,
    refunds_of_bookings,
    terms_of_booking,
    terms_read,
)
from models.tenants import Tenant
from permissions.policy import grant_of
from permissions.roles import GrantScope, P
from resolvers.bookings.booking_access import state_of
from resolvers.payments.ledger import balances_now, balances_of, post

SETTLE: Final = "settle_booking"
"""The job that makes all pending calls of a booking."""
SOON: Final = timedelta(seconds=15)
"""When the job checks whether the calls right after the change succeeded."""
LAST_LOOK: Final = timedelta(seconds=20)
"""How long before the end of a hold its payment is fetched, in case a webhook was lost."""


# ------------------------------------------------------------------------------ fields


async def payments(scope: Scope, booking: Booking) -> list[Payment]:
    """The payments that were requested for the booking, oldest first."""

    async def load(ids: list[UUID]) -> list[list[Payment]]:
        rows = await scope.all(payments_of_bookings(scope.tenant_id, ids))
        return [[row for row in rows if row.booking_id == id] for id in ids]

    return await scope.loaders.batch("payments of bookings", load, booking.id)


async def payment(scope: Scope, booking: Booking) -> Payment | None:
    """The latest payment that was requested. While the booking is held for it, this is the payment
    to make.

    Null if none was requested.
    """
    made = await payments(scope, booking)
    return made[-1] if made else None


async def refunds(scope: Scope, booking: Booking) -> list[Refund]:
    """The refunds of the booking, oldest first, including those not sent yet."""

    async def load(ids: list[UUID]) -> list[list[Refund]]:
        rows = await scope.all(refunds_of_bookings(scope.tenant_id, ids))
        return [[row for row in rows if row.booking_id == id] for id in ids]

    return await scope.loaders.batch("refunds of bookings", load, booking.id)


async def receipt(scope: Scope, payment: Payment) -> Receipt | None:
    """The receipt for the customer, or null while there is no payment that the venue keeps."""

    async def load(ids: list[UUID]) -> list[Receipt | None]:
        rows = await scope.all(receipts_of_payments(scope.tenant_id, ids))
        found = {row.payment_id: row for row in rows}
        return [found.get(id) for id in ids]

    return await scope.loaders.batch("receipts of payments", load, payment.id)


async def client_secret(_: Scope, payment: Payment) -> str | None:
    """The secret with which the customer's browser makes the payment.

    Null if there is no payment to make.
    """
    return payment.client_secret if payment.status == PaymentStatus.PENDING.value else None


async def checkout_url(_: Scope, payment: Payment) -> str | None:
    """The address of a page that makes the payment, if the payment service has one.

    Null if there is no payment to make. It can be a path on this server, as for the demo.
    """
    return payment.checkout_url if payment.status == PaymentStatus.PENDING.value else None


async def amount_paid(scope: Scope, booking: Booking) -> Money:
    """The sum of all payments received, without subtracting refunds."""
    return (await balances_of(scope, booking)).amount_paid


async def amount_refunded(scope: Scope, booking: Booking) -> Money:
    """The sum of all refunds sent."""
    return (await balances_of(scope, booking)).amount_refunded


async def balance_due(scope: Scope, booking: Booking) -> Money | None:
    """The amount that is still to be paid: the price minus payments plus refunds.

    Null for holds, and for bookings of a venue without payments.
    """
    if booking.terms is None or booking.status in (Status.HELD, Status.EXPIRED):
        return None
    return (await balances_of(scope, booking)).balance_due


async def credit(scope: Scope, booking: Booking) -> Money | None:
    """The amount that the venue owes the customer, or null if there is none.

    It arises when a booking is moved to a lower price by a caller who can't refund payments. Send
    it with `refundBooking`.
    """
    if booking.terms is None:
        return None
    owed = (await balances_of(scope, booking)).credit
    return owed if owed.amount_minor else None


async def cancellation_quote(scope: Scope, booking: Booking) -> Quote | None:
    """The refund and fee if the booking were cancelled now.

    Null if it can't be cancelled or has no cancellation terms.
    """
    if booking.terms is None:
        return None
    tenant: Tenant = await scope.loaders.related(booking, "tenant")
    if Status.CANCELLED not in allowed_transitions(state_of(booking, tenant), now=scope.now()):
        return None
    balances = await balances_of(scope, booking)
    return quoted(booking, balances, status=Status(booking.status), now=scope.now())


async def cancellation_refund(scope: Scope, cancelled: list[Booking]) -> Money | None:
    """Returns what the cancellation of some bookings refunds; None if nothing."""
    back = [
        refund.amount
        for booking in cancelled
        for refund in await refunds(scope, booking)
        if refund.cause == RefundCause.CANCELLATION.value
    ]
    return sum(back[1:], start=back[0]) if back else None


def quoted(booking: Booking, balances: Balances, *, status: Status, now: datetime) -> Quote:
    """Returns what cancelling a booking with this status refunds at this instant."""
    terms = terms_of_booking(booking)
    return quote(
        terms.steps,
        balances.returnable(booking.price_minor or 0),
        start=booking.terms_start,
        now=now,
        is_confirmed=status is Status.CONFIRMED or booking.was_confirmed,
        price=booking.price if terms.fees.cancellation else None,
    )


def is_agreed(booking: Booking) -> bool:
    """Returns whether the venue has confirmed the booking, now or before a customer's move."""
    return booking.status == Status.CONFIRMED.value or booking.was_confirmed


async def secured(scope: Scope, booking: Booking) -> Money:
    """Returns how much of the price is paid, or held on cards if the terms require that."""
    if terms_of_booking(booking).policy.kind is PolicyKind.CARD_HOLD:
        held = await _held_cards(scope, booking)
        return Money(sum(each.amount_minor for each in held), booking.currency_code)
    return (await balances_now(scope, booking)).paid_for(booking.price_minor or 0)


async def has_money(scope: Scope, booking: Booking, balances: Balances) -> bool:
    """Returns whether money was received for the booking, or a card is held."""
    return balances.received > 0 or bool(await _held_cards(scope, booking))


async def _held_cards(scope: Scope, booking: Booking) -> list[Payment]:
    made = await scope.all(payments_of_bookings(scope.tenant_id, [booking.id]))
    return [each for each in made if each.status == PaymentStatus.AUTHORIZED.value]


# ------------------------------------------------------------------------------ requests


def due_first(scope: Scope, terms: dict[str, Any] | None, price: Money | None) -> Money | None:
    """Returns what the caller has to pay in advance, by the terms of the booking.

    None if nothing, and for the venue's team, who book without a payment: the balance is due.
    """
    # Not "own only", because a guest who books has no grant yet.
    if terms is None or price is None or grant_of(scope.actor, P.BOOKINGS_WRITE) is GrantScope.ANY:
        return None
    due = terms_read(terms, price.currency_code).policy.due(price)
    return due if due.amount_minor else None


def request_payment(
    scope: Scope,
    booking: Booking,
    amount: Money,
    *,
    until: datetime,
    hold_id: UUID | None = None,
) -> Payment:
    """Requests a payment that can be made until a hold ends.

    The hold is the booking itself, or for a move, the hold of its new time.
    """
    requested = scope.add(
        Payment(
            tenant_id=scope.tenant_id,
            id=new_id(),
            booking_id=booking.id,
            hold_id=hold_id,
            kind=terms_of_booking(booking).policy.kind.value,
            status=PaymentStatus.STARTING.value,
            amount_minor=amount.amount_minor,
            currency_code=amount.currency_code,
            expires_at=until,
            created_at=scope.now(),
            updated_at=scope.now(),
        )
    )
    settle_later(scope, booking, scope.now() + SOON)
    settle_later(scope, booking, until - LAST_LOOK)
    settle_later(scope, booking, until)
    return requested


def settle_later(scope: Scope, booking: Booking, at: datetime) -> None:
    """Enqueues the job that makes all pending calls of a booking, or of one that moves."""
    scope.enqueue(SETTLE, {"booking_id": str(booking.moves_id or booking.id)}, at=at)


async def is_requested(scope: Scope, hold: Booking) -> bool:
    """Returns whether a payment for this hold was requested already."""
    if hold.terms is None:
        return False
    # Includes payments that this same change has requested.
    await scope.flush()
    return bool(await scope.all(payments_of_bookings(scope.tenant_id, [hold.id])))


async def charge_price(scope: Scope, booking: Booking) -> None:
    """Charges the price of a booking that was confirmed."""
    if booking.terms is not None and booking.price_minor:
        await post(scope, booking, charge(booking.price_minor, booking.id))


async def charge_difference(scope: Scope, booking: Booking, before_minor: int | None) -> None:
    """Charges the difference after a change of the price."""
    more = (booking.price_minor or 0) - (before_minor or 0)
    if booking.terms is not None and more:
        await post(scope, booking, repriced(more, new_id()))


# ------------------------------------------------------------------------------ releases


async def let_go(scope: Scope, booking: Booking) -> None:
    """Cancels open payments of a booking or hold, and releases held cards."""
    payer = booking.moves_id or booking.id
    for each in await scope.all(payments_of_bookings(scope.tenant_id, [payer])):
        if booking.moves_id is not None and each.hold_id != booking.id:
            continue
        if each.status in OPEN or each.status == PaymentStatus.AUTHORIZED.value:
            move(scope, each, PaymentStatus.VOIDING)
            settle_later(scope, booking, scope.now() + SOON)


async def take_held_card(scope: Scope, booking: Booking) -> Money | None:
    """Captures the no-show fee from held cards; returns None if there is none."""
    held = await _held_cards(scope, booking)
    for each in held:
        each.capture_minor = each.amount_minor
        move(scope, each, PaymentStatus.CAPTURING)
        settle_later(scope, booking, scope.now() + SOON)
    return sum((each.amount for each in held[1:]), start=held[0].amount) if held else None


async def close(
    scope: Scope, booking: Booking, *, owed: Money | None = None, credit: Money | None = None
) -> None:
    """Posts that the venue earned only what it keeps of the price.

    ``owed`` is still to be paid to the venue, and ``credit`` is still owed to the customer.
    """
    receivable = (await balances_now(scope, booking)).receivable
    rest = (owed.amount_minor if owed else 0) - (credit.amount_minor if credit else 0)
    less = receivable - rest
    if less:
        await post(scope, booking, repriced(-less, new_id()))


def move(scope: Scope, payment: Payment, status: PaymentStatus) -> None:
    payment.status = status.value
    payment.updated_at = scope.now()


def log_event(scope: Scope, type: EventType, booking: Booking, about: Payment | Refund) -> None:
    """Logs an event of a booking's payment or refund."""
    reason = about.reason if isinstance(about, Refund) else None
    scope.emit(Event(type, "Booking", booking.id, reason=reason, after=logged(about)))


def logged(about: Payment | Refund) -> dict[str, object]:
    """Returns the fields of a payment or refund to log."""
    return {"amount": {"amount": about.amount.amount, "currencyCode": about.currency_code}}


def is_card_hold(payment: Payment) -> bool:
    return payment.kind == PolicyKind.CARD_HOLD.value


def came_to_nothing(booking: Booking) -> bool:
    """Returns whether the booking has ended without a visit, so that only a fee was earned."""
    return booking.status not in OCCUPYING and booking.status != Status.COMPLETED.value
