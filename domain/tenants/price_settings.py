"""How a venue rounds and taxes its prices."""

from dataclasses import dataclass
from enum import StrEnum

from domain.core.card_amounts import charge_step
from domain.core.money import Money
from domain.core.percents import Percent, nearest


class Rounding(StrEnum):
    """How the amount of a line is rounded to a step; the value is stored."""

    NEAREST = "nearest"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class PriceSettings:
    """The venue's settings for all prices.

    Lines are rounded to multiples of ``step``; without it, to what a card can be charged.
    """

    rounding: Rounding = Rounding.NEAREST
    step: Money | None = None
    minimum: Money | None = None
    tax_rate: Percent | None = None
    taxes_included: bool = True

    def rounded(self, numerator: int, denominator: int, currency_code: str) -> Money:
        """Returns a fraction of minor units as the amount of a line."""
        step = self.step.amount_minor if self.step else charge_step(currency_code)
        match self.rounding:
            case Rounding.NEAREST if self.step is None:
                # As `price_of` does, so that a venue's first rule changes no other price.
                minor = nearest(numerator, denominator) // step * step
            case Rounding.NEAREST:
                minor = nearest(numerator, denominator, step=step)
            case Rounding.UP:
                minor = -(-numerator // (denominator * step)) * step
            case Rounding.DOWN:
                minor = numerator // (denominator * step) * step
        return Money(minor, currency_code)
