"""Payments for bookings: what is asked for, what arrived, what goes back."""

from datetime import datetime

import models
from domain.payments import cancellation
from domain.payments.payments import (
    PaymentStatus,
    PolicyKind,
    RefundCause,
    RefundStatus,
)
from kit.scope import Scope
from resolvers.payments import guest_payments, payments
from schema.core.enums import describe
from schema.core.fields import column, computed, value
from schema.core.money import Money

describe(
    PaymentStatus,
    "Where a payment stands. Clients tolerate new values.",
    STARTING="The gateway is being asked for it: look again in a moment.",
    PENDING="The customer has yet to make it.",
    AUTHORIZED="A card is held.",
    CAPTURING="The fee is being taken from the card.",
    VOIDING="It is not wanted any more; the gateway is being told.",
    SUCCEEDED="The money has arrived.",
    FAILED="It was declined, and no other card was good in time.",
    CANCELLED="It was not made in time, or is not wanted any more; a card is held no longer.",
    MISMATCHED="Another amount arrived, or another currency: the gateway keeps it, and it counts "
    "for nothing until the venue has decided about it there.",
)
describe(
    RefundStatus,
    "Where a refund stands. Clients tolerate new values.",
    PENDING="Set aside, and on its way.",
    SUCCEEDED="Sent.",
    FAILED="It could not be sent; the venue holds the money again.",
)
describe(
    RefundCause,
    "Why money goes back. Clients tolerate new values.",
    CANCELLATION="The booking was cancelled.",
    REJECTION="The venue said no.",
    REQUEST="The venue wanted it so.",
    TOO_LATE="It was paid when the time was no longer to be had.",
    SURPLUS="It was paid already.",
    LOWER_PRICE="The booking moved to where it costs less than was paid.",
    AT_GATEWAY="Somebody gave it back at the gateway itself.",
)


@value(cancellation.Quote)
class CancellationQuote:
    """What a cancellation by its policy would do now with what was paid.

    So a customer's cancellation does; the venue's own gives everything back unless told otherwise.
    """

    refund: Money = column("What goes back.")
    fee: Money = column("What the venue keeps.")
    refund_percent: int = column(
        "How many hundredths of what is held go back; halves are rounded up."
    )
    step_label: str = column("The step of the cancellation policy, for people, in English.")
    ends_at: datetime | None = column(
        "The last instant at which this holds; null: as long as it can be cancelled."
    )


@value()
class ReceiptLine:
    """What a part of a receipt is for."""

    label: str = column("For people.")
    amount: Money = column("How much.")


@value(models.Receipt)
class Receipt:
    """What the customer is given for a payment."""

    number: str = column("Without gaps in the venue's year: '2027-000042'.", name="name")
    issued_at: datetime = column("When it was issued.")
    lines: list[ReceiptLine] = column("What it is for.", name="parts")
    total: Money = column("The sum of the lines.")


async def _payment_kind(_: Scope, payment: models.Payment) -> PolicyKind:
    """What it is: a deposit, the whole price, or a card that is held."""
    return PolicyKind(payment.kind)


async def _payment_status(_: Scope, payment: models.Payment) -> PaymentStatus:
    """Where it stands."""
    return PaymentStatus(payment.status)


@value(models.Payment)
class Payment:
    """A payment that a customer was asked for."""

    kind: PolicyKind = computed(_payment_kind)
    status: PaymentStatus = computed(_payment_status)
    amount: Money = column("How much is to pay, or held.")
    client_secret: str | None = computed(payments.client_secret)
    checkout_url: str | None = computed(payments.checkout_url)
    received: Money | None = column(
        "What arrived, where that isn't `amount`; null where it is, or nothing has arrived."
    )
    last_error: str | None = column(
        "Why the last try failed, in the gateway's words: `card_declined`; null when none has.",
        name="failure",
    )
    expires_at: datetime = column("Until when it can be made.")
    created_at: datetime = column("When it was asked for.")
    receipt: Receipt | None = computed(guest_payments.receipt_of)


async def _refund_status(_: Scope, refund: models.Refund) -> RefundStatus:
    """Where it stands."""
    return RefundStatus(refund.status)


async def _refund_cause(_: Scope, refund: models.Refund) -> RefundCause:
    """Why it goes back."""
    return RefundCause(refund.cause)


@value(models.Refund)
class Refund:
    """Money that goes back to a customer."""

    amount: Money = column("How much.")
    status: RefundStatus = computed(_refund_status)
    cause: RefundCause = computed(_refund_cause)
    reason: str | None = column("What was given as the reason.")
    created_at: datetime = column("When it was set aside.")
