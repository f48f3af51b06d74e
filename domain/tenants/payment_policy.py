"""What a venue asks for in advance of whoever books for themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from domain.core.card_amounts import chargeable, least_charge, step_refusals
from domain.core.money import Money
from domain.core.refusals import Invalid, Path, Refusal


class PolicyKind(StrEnum):
    """What a venue asks of whoever books for themselves; the value is how it is stored."""

    NONE = "none"
    DEPOSIT = "deposit"
    FULL = "full"
    CARD_HOLD = "card_hold"


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


def rate_refusals(policy: PaymentPolicy, hourly_rate: Money, *, path: Path) -> Iterator[Refusal]:
    """What can't be accepted of a room's rate where the policy counts."""
    yield from step_refusals(hourly_rate, path=path)
    is_asked = policy.kind is not PolicyKind.NONE and hourly_rate.amount_minor > 0
    if is_asked and not policy.due(hourly_rate).amount_minor:
        least = least_charge(hourly_rate.currency_code)
        yield Invalid(
            f"For an hour at {hourly_rate}, the advance payment would be less than {least}, "
            "the minimum for a card.",
            path=path,
        )
