"""What has to be paid for a booking before it stands, and what becomes of money that arrives."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from domain.bookings.lifecycle import Status
from domain.core.card_amounts import charge_refusals, chargeable, least_charge
from domain.core.card_amounts import step_refusals as amount_refusals
from domain.core.money import Money
from domain.core.refusals import Invalid, Path, Refusal, Required
from domain.payments.cancellation import CancellationStep, step_refusals


class PolicyKind(StrEnum):
    """What a venue asks of whoever books for themselves; the value is how it is stored."""

    NONE = "none"
    DEPOSIT = "deposit"
    FULL = "full"
    CARD_HOLD = "card_hold"


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
class PaymentPolicy:
    """What is asked for: so many hundredths of the price, or an amount, but never more than it.

    And no more of it than a card can be charged: what is less than the least is not asked for.
    """

    kind: PolicyKind
    percent: int | None = None
    amount: Money | None = None

    def due(self, price: Money) -> Money:
        """What is to pay now, or to hold on a card; at most the price."""
        match self.kind:
            case PolicyKind.NONE:
                return Money(0, price.currency_code)
            case PolicyKind.FULL:
                return chargeable(price)
            case PolicyKind.DEPOSIT | PolicyKind.CARD_HOLD:
                asked = price.percent(self.percent) if self.percent is not None else self.amount
                assert asked is not None, "a percentage or an amount"
                return chargeable(min(asked, price, key=lambda money: money.amount_minor))
            case never:
                assert_never(never)

    def due_more(self, before: Money, after: Money, *, secured: Money) -> Money | None:
        """What is to pay before a price becomes another, with so much paid; None: nothing."""
        if self.due(after).amount_minor <= self.due(before).amount_minor:
            return None
        missing = self.due(after).amount_minor - secured.amount_minor
        due = chargeable(Money(max(0, missing), after.currency_code))
        return due if due.amount_minor else None


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


def rate_refusals(policy: PaymentPolicy, hourly_rate: Money, *, path: Path) -> Iterator[Refusal]:
    """What can't be accepted of a room's rate where the policy counts."""
    yield from amount_refusals(hourly_rate, path=path)
    is_asked = policy.kind is not PolicyKind.NONE and hourly_rate.amount_minor > 0
    if is_asked and not policy.due(hourly_rate).amount_minor:
        least = least_charge(hourly_rate.currency_code)
        yield Invalid(
            f"For an hour at {hourly_rate}, the advance payment would be less than {least}, "
            "the minimum for a card.",
            path=path,
        )
