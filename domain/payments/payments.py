"""Payments: the amount a booking requires in advance, and the effect of a received payment."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from domain.bookings.lifecycle import Status
from domain.core.card_amounts import charge_refusals
from domain.core.refusals import Invalid, Refusal, Required
from domain.payments.cancellation import CancellationStep, step_refusals
from domain.payments.fees import NO_FEES, Fees, fee_refusals
from domain.tenants.payment_policy import PaymentPolicy, PolicyKind


class PaymentStatus(StrEnum):
    """The status of a payment; the value is stored.

    STARTING, CAPTURING and VOIDING wait for a call of the gateway.
    """

    STARTING = "starting"
    PENDING = "pending"
    AUTHORIZED = "authorized"
    CAPTURING = "capturing"
    VOIDING = "voiding"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MISMATCHED = "mismatched"


class RefundStatus(StrEnum):
    """The status of a refund; the value is stored."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundCause(StrEnum):
    """The reason for a refund; the value is stored."""

    CANCELLATION = "cancellation"
    REJECTION = "rejection"
    REQUEST = "request"
    TOO_LATE = "too_late"
    SURPLUS = "surplus"
    LOWER_PRICE = "lower_price"
    AT_GATEWAY = "at_gateway"


class Arrival(StrEnum):
    """The effect of a successful payment on its booking."""

    CONFIRMS = "confirms"
    RECLAIMS = "reclaims"
    IS_SURPLUS = "is_surplus"
    IS_TOO_LATE = "is_too_late"


# Payments that the customer can still make.
OPEN = frozenset({PaymentStatus.STARTING, PaymentStatus.PENDING})
# Payments that the customer has made: the money was received, or is held on their card.
TAKEN = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURING})
# Payments that the gateway won't change any more.
FINAL = frozenset(
    {
        PaymentStatus.SUCCEEDED,
        PaymentStatus.FAILED,
        PaymentStatus.CANCELLED,
        PaymentStatus.MISMATCHED,
    }
)
# Payments that need no call of the gateway: a card is held until a change needs it.
AT_REST = FINAL | {PaymentStatus.AUTHORIZED}


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a booking; they stay the same if the venue changes its settings later."""

    policy: PaymentPolicy
    steps: tuple[CancellationStep, ...] = ()
    fees: Fees = NO_FEES


def arrival(status: Status, *, is_paid: bool) -> Arrival:
    """Returns the effect of a successful payment; ``status`` is the effective one now.

    ``is_paid``: another payment for the booking has succeeded before.
    """
    if is_paid:
        return Arrival.IS_SURPLUS
    match status:
        case Status.HELD:
            return Arrival.CONFIRMS
        case Status.EXPIRED:
            return Arrival.RECLAIMS
        case _:
            return Arrival.IS_TOO_LATE


def terms_refusals(terms: Terms, *, currency_code: str) -> Iterator[Refusal]:
    """Yields the reasons to refuse a venue's terms, at the names of the settings."""
    policy = terms.policy
    takes_part = policy.kind in (PolicyKind.DEPOSIT, PolicyKind.CARD_HOLD)
    given = [name for name in ("percent", "amount") if getattr(policy, name) is not None]
    if takes_part and not given:
        yield Required(path=("percent",))
    if len(given) > 1 or (given and not takes_part):
        either, none = "A percentage or an amount, not both.", "Only for a deposit or a card hold."
        yield Invalid(either if takes_part else none, path=(given[-1],))
    if policy.percent is not None and not 1 <= policy.percent <= 100:
        yield Invalid("The percentage must be 1 to 100.", path=("percent",))
    if policy.amount is not None and policy.amount.currency_code != currency_code:
        yield Invalid(f"The venue's currency is {currency_code}.", path=("amount",))
    elif policy.amount is not None and policy.amount.amount_minor == 0:
        yield Invalid("The amount must be more than 0.", path=("amount",))
    elif policy.amount is not None:
        yield from charge_refusals(policy.amount, path=("amount",))
    yield from step_refusals(terms.steps, path=("cancellation_steps",))
    yield from fee_refusals(terms.fees)
