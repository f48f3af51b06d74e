"""Payments for bookings: requested, received and refunded."""

from datetime import datetime

import models
from domain.payments import cancellation
from domain.payments.payments import PaymentStatus, RefundCause, RefundStatus
from domain.tenants.payment_policy import PolicyKind
from kit.scope import Scope
from resolvers.payments import guest_payments, payments
from schema.core.enums import describe
from schema.core.fields import column, computed, value
from schema.core.money import Money

describe(
    PaymentStatus,
    "The status of a payment. Expect values to be added.",
    STARTING="The payment is being set up with the payment service. Query it again in a moment.",
    PENDING="The payment waits for the customer.",
    AUTHORIZED="A card is held.",
    CAPTURING="The fee is being charged to the held card.",
    VOIDING="The payment is being cancelled with the payment service.",
    SUCCEEDED="The money was received.",
    FAILED="The payment was declined, and not made with another card in time.",
    CANCELLED="The payment was not made in time, or was cancelled. A card is no longer held.",
    MISMATCHED="A different amount or currency was received. It does not count as paid; the "
    "venue has to resolve it with the payment service.",
)
describe(
    RefundStatus,
    "The status of a refund. Expect values to be added.",
    PENDING="The money is reserved, and being sent.",
    SUCCEEDED="The money was sent.",
    FAILED="The money could not be sent; the venue still has it.",
)
describe(
    RefundCause,
    "The cause of a refund. Expect values to be added.",
    CANCELLATION="The booking was cancelled.",
    REJECTION="The venue rejected the booking, or didn't confirm it in time.",
    REQUEST="The venue requested it.",
    TOO_LATE="The payment arrived when the time was no longer available.",
    SURPLUS="The booking had already been paid.",
    LOWER_PRICE="The booking moved to a lower price than was paid.",
    AT_GATEWAY="It was made directly with the payment service.",
)


@value(cancellation.Quote)
class CancellationQuote:
    """What a cancellation by the customer would refund now, according to the booking's cancellation
    policy.

    A cancellation by the venue refunds everything by default.
    """

    refund: Money = column("The amount that is refunded.")
    fee: Money = column("What the cancellation costs: the venue keeps of it what was paid.")
    due: Money = column("The part of the fee that is still to be paid.")
    refund_percent: int = column(
        "The percentage of the payments that is refunded. Half of the smallest currency "
        "unit is rounded up."
    )
    step_label: str = column(
        "The applicable step of the cancellation policy in English, for people."
    )
    ends_at: datetime | None = column(
        "Until when the quote is valid, that instant included, or null if it is valid as "
        "long as the booking can be cancelled."
    )


@value()
class ReceiptLine:
    """A line of a receipt."""

    label: str = column("The description of the line, for people.")
    amount: Money = column("The amount of the line.")


@value(models.Receipt)
class Receipt:
    """A receipt for a payment, for the customer."""

    number: str = column(
        "The number of the receipt, such as '2027-000042'. Each year of a venue "
        "is numbered without gaps.",
        name="name",
    )
    issued_at: datetime = column("When the receipt was issued.")
    lines: list[ReceiptLine] = column("The lines of the receipt.", name="parts")
    total: Money = column("The sum of the lines.")


async def _payment_kind(_: Scope, payment: models.Payment) -> PolicyKind:
    """Whether it is a deposit, the whole price or a card hold."""
    return PolicyKind(payment.kind)


async def _payment_status(_: Scope, payment: models.Payment) -> PaymentStatus:
    """The status of the payment."""
    return PaymentStatus(payment.status)


@value(models.Payment)
class Payment:
    """A payment that was requested from a customer."""

    kind: PolicyKind = computed(_payment_kind)
    status: PaymentStatus = computed(_payment_status)
    amount: Money = column("The amount to pay, or to hold on the card.")
    client_secret: str | None = computed(payments.client_secret)
    checkout_url: str | None = computed(payments.checkout_url)
    received: Money | None = column(
        "The amount that was received, if it differs from `amount`; otherwise null."
    )
    last_error: str | None = column(
        "Why the last attempt failed, as a code of the payment service such as "
        "`card_declined`. Null if none failed.",
        name="failure",
    )
    expires_at: datetime = column("Until when the payment can be made.")
    created_at: datetime = column("When the payment was requested.")
    receipt: Receipt | None = computed(guest_payments.receipt_of)


async def _refund_status(_: Scope, refund: models.Refund) -> RefundStatus:
    """The status of the refund."""
    return RefundStatus(refund.status)


async def _refund_cause(_: Scope, refund: models.Refund) -> RefundCause:
    """Why the money is refunded."""
    return RefundCause(refund.cause)


@value(models.Refund)
class Refund:
    """A refund to a customer."""

    amount: Money = column("The amount of the refund.")
    status: RefundStatus = computed(_refund_status)
    cause: RefundCause = computed(_refund_cause)
    reason: str | None = column("The reason that was given, or null if none was.")
    created_at: datetime = column("When the refund was requested.")
