"""The payment that a venue requires in advance of customers and guests."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from domain.core.card_amounts import chargeable, least_charge, step_refusals
from domain.core.money import Money
from domain.core.refusals import Invalid, Path, Refusal


class PolicyKind(StrEnum):
    """The payment that a venue requires of customers and guests; the value is stored."""

    NONE = "none"
    DEPOSIT = "deposit"
    FULL = "full"
    CARD_HOLD = "card_hold"


@dataclass(frozen=True, slots=True)
class PaymentPolicy:
    """The required amount: a percentage of the price, or an amount, at most the price.

    It is rounded down to what a card can be charged; less than the minimum charge isn't required.
    """

    kind: PolicyKind
    percent: int | None = None
    amount: Money | None = None

    def due(self, price: Money) -> Money:
        """Returns the amount to pay now, or to hold on a card; at most the price."""
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
        """Returns the amount to pay before a change of the price; None if nothing is."""
        if self.due(after).amount_minor <= self.due(before).amount_minor:
            return None
        missing = self.due(after).amount_minor - secured.amount_minor
        due = chargeable(Money(max(0, missing), after.currency_code))
        return due if due.amount_minor else None


def rate_refusals(policy: PaymentPolicy, hourly_rate: Money, *, path: Path) -> Iterator[Refusal]:
    """Yields the reasons to refuse a room's rate under the policy."""
    yield from step_refusals(hourly_rate, path=path)
    is_asked = policy.kind is not PolicyKind.NONE and hourly_rate.amount_minor > 0
    if is_asked and not policy.due(hourly_rate).amount_minor:
        least = least_charge(hourly_rate.currency_code)
        yield Invalid(
            f"For an hour at {hourly_rate}, the advance payment would be less than {least}, "
            "the minimum for a card.",
            path=path,
        )
