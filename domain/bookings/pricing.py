"""The price of a booking, as lines."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from domain.core.card_amounts import rounded_down
from domain.core.intervals import Interval
from domain.core.money import Money


@dataclass(frozen=True, slots=True)
class PriceLine:
    """A line of a price: for an interval of time, or for an item without one."""

    label: str
    amount: Money
    interval: Interval | None = None
    minutes: int | None = None

    @property
    def starts_at(self) -> datetime | None:
        return self.interval.start if self.interval else None

    @property
    def ends_at(self) -> datetime | None:
        return self.interval.end if self.interval else None


@dataclass(frozen=True, slots=True)
class Price:
    """Lines that sum to the subtotal; the total is that less the discount plus the tax."""

    lines: tuple[PriceLine, ...]
    subtotal: Money
    discount: Money
    tax: Money
    total: Money

    def moved(self, by: timedelta) -> Self:
        """Returns the same amounts for a time that is later by this much."""
        lines = tuple(
            replace(line, interval=Interval(line.interval.start + by, line.interval.end + by))
            if line.interval
            else line
            for line in self.lines
        )
        return replace(self, lines=lines)


def price_of(hourly_rate: Money | None, interval: Interval, *, label: str) -> Price | None:
    """Returns the hourly rate times the minutes, in one line; None for a room without a rate.

    In a currency that is charged in steps it is rounded down to a step.
    """
    if hourly_rate is None:
        return None
    amount = rounded_down(hourly_rate.for_minutes(interval.minutes))
    nothing = Money(0, amount.currency_code)
    line = PriceLine(label, amount=amount, interval=interval, minutes=interval.minutes)
    return Price((line,), subtotal=amount, discount=nothing, tax=nothing, total=amount)
