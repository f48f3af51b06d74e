"""Payments of the types of earlier areas."""

from typing import Any

from domain.core.money import Money as Amount
from kit.scope import Scope
from permissions.roles import P
from resolvers.payments import customer_spending, guest_payments, payment_settings, pending_moves
from resolvers.payments import payments as paid
from schema.bookings.bookings import Booking, CancelBookingPayload
from schema.bookings.customer_stats import CustomerStats
from schema.bookings.guest_bookings import CancelGuestBookingPayload, GuestBooking
from schema.bookings.public_venue import Venue
from schema.core.fields import computed, extends
from schema.core.money import Money
from schema.payments.moves import PendingMove
from schema.payments.payment_settings import PaymentSettings
from schema.payments.payments import CancellationQuote, Payment, Refund
from schema.tenants.tenants import Tenant


@extends(Tenant, after="settings")
class TenantPayments:
    payment_settings: PaymentSettings = computed(payment_settings.payment_terms)


@extends(Venue, after="currency_code")
class VenuePayments:
    payment_settings: PaymentSettings = computed(payment_settings.payment_terms)


@extends(Booking, after="price")
class BookingPayments:
    payment: Payment | None = computed(paid.payment, requires=P.PAYMENTS_READ)
    payments: list[Payment] | None = computed(paid.payments, requires=P.PAYMENTS_READ)
    refunds: list[Refund] | None = computed(paid.refunds, requires=P.PAYMENTS_READ)
    amount_paid: Money | None = computed(paid.amount_paid, requires=P.PAYMENTS_READ)
    amount_refunded: Money | None = computed(paid.amount_refunded, requires=P.PAYMENTS_READ)
    balance_due: Money | None = computed(paid.balance_due, requires=P.PAYMENTS_READ)
    credit: Money | None = computed(paid.credit, requires=P.PAYMENTS_READ)
    pending_move: PendingMove | None = computed(
        pending_moves.pending_move, requires=P.PAYMENTS_READ
    )
    cancellation_quote: CancellationQuote | None = computed(
        paid.cancellation_quote, requires=P.PAYMENTS_READ
    )


@extends(CustomerStats)
class CustomerSpending:
    spent: list[Money] | None = computed(customer_spending.spent, requires=P.PAYMENTS_READ)


@extends(GuestBooking, after="price")
class GuestBookingPayments:
    payment: Payment | None = computed(guest_payments.payment_of)
    amount_paid: Money = computed(guest_payments.amount_paid)
    amount_refunded: Money = computed(guest_payments.amount_refunded)
    balance_due: Money | None = computed(guest_payments.balance_due)
    credit: Money | None = computed(guest_payments.credit)
    pending_move: PendingMove | None = computed(guest_payments.pending_move)
    cancellation_quote: CancellationQuote | None = computed(guest_payments.cancellation_quote)


async def _refund(scope: Scope, answer: Any) -> Amount | None:
    """The amount that is refunded, or null if there is none."""
    return await paid.cancellation_refund(scope, answer.bookings)


@extends(CancelBookingPayload, after="bookings")
class CancelBookingRefund:
    refund: Money | None = computed(_refund)


async def _guest_refund(scope: Scope, answer: Any) -> Amount | None:
    """The amount that is refunded, or null if there is none."""
    if answer.booking is None:
        return None
    return await guest_payments.cancellation_refund(scope, answer.booking)


@extends(CancelGuestBookingPayload, after="booking")
class CancelGuestBookingRefund:
    refund: Money | None = computed(_guest_refund)
