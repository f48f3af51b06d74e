"""What has to be paid for a booking before it stands, and what becomes of money that arrives."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from domain.bookings.lifecycle import Status
from domain.core.card_amounts import charge_refusals
from domain.core.refusals import Invalid, Refusal, Required
from domain.payments.cancellation import CancellationStep, step_refusals
from domain.tenants.payment_policy import PaymentPolicy, PolicyKind


class PaymentStatus(StrEnum):
    """Where a payment stands; the value is how it is stored.

    STARTING, CAPTURING and VOIDING are what the gateway is yet to be asked for.
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
    """Where a refund stands; the value is how it is stored."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundCause(StrEnum):
    """Why money goes back; the value is how it is stored."""

    CANCELLATION = "cancellation"
    REJECTION = "rejection"
    REQUEST = "request"
    TOO_LATE = "too_late"
    SURPLUS = "surplus"
    LOWER_PRICE = "lower_price"
    AT_GATEWAY = "at_gateway"


class CancellationRefund(StrEnum):
    """What a cancellation gives back of the money that is held."""

    FULL = "full"
    POLICY = "policy"
    NONE = "none"


class Arrival(StrEnum):
    """What a booking makes of a payment that went through."""

    CONFIRMS = "confirms"
    RECLAIMS = "reclaims"
    IS_SURPLUS = "is_surplus"
    IS_TOO_LATE = "is_too_late"


# What the customer has yet to make.
OPEN = frozenset({PaymentStatus.STARTING, PaymentStatus.PENDING})
# What the customer has made: the money is here, or held on their card.
TAKEN = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURING})
# What the gateway changes no more.
FINAL = frozenset(
    {
        PaymentStatus.SUCCEEDED,
        PaymentStatus.FAILED,
        PaymentStatus.CANCELLED,
        PaymentStatus.MISMATCHED,
    }
)
# What nothing is to be asked of the gateway for: a card is held until somebody wants something.
AT_REST = FINAL | {PaymentStatus.AUTHORIZED}


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which a booking was made; they stay, whatever the venue changes later."""

    policy: PaymentPolicy
    steps: tuple[CancellationStep, ...] = ()


def arrival(status: Status, *, is_paid: bool) -> Arrival:
    """What becomes of a payment that went through; ``status`` is the one that counts now.

    ``is_paid``: another payment for the booking went through before.
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
    """What can't be accepted of a venue's terms, at the names of the settings."""
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
