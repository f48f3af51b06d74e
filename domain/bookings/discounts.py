"""Discounts: what they take off a price."""

from dataclasses import dataclass
from typing import assert_never

from domain.bookings.pricing import Price, PriceUnit
from domain.core.card_amounts import rounded_down
from domain.core.money import Money
from domain.core.percents import Percent


@dataclass(frozen=True, slots=True)
class AmountOff:
    """An amount, in the currency of the price."""

    amount: Money


@dataclass(frozen=True, slots=True)
class PercentOff:
    """A percentage of the subtotal."""

    percent: Percent


@dataclass(frozen=True, slots=True)
class FreeMinutes:
    """The price of the first minutes that are charged by the hour."""

    minutes: int


Discount = AmountOff | PercentOff | FreeMinutes


def discounted(price: Price, discount: Discount) -> Price:
    """Returns a price with a discount instead of its own, and the taxes on what is left.

    The discount is rounded down to what a card can be charged, and is at most the subtotal.
    """
    return price.less(rounded_down(_amount(price, discount)))


def _amount(price: Price, discount: Discount) -> Money:
    code = price.subtotal.currency_code
    match discount:
        case AmountOff(amount):
            if amount.currency_code != code:
                raise ValueError(f"A price in {code} has a discount in {code}.")
            return amount
        case PercentOff(percent):
            return Money(percent.added_to(price.subtotal.amount_minor), code)
        case FreeMinutes(left):
            free = 0
            for line in price.lines:
                if line.unit is PriceUnit.HOUR and line.minutes:
                    minutes = min(left, line.minutes)
                    left -= minutes
                    free += line.amount.amount_minor * minutes // line.minutes
            return Money(free, code)
        case never:
            assert_never(never)
