"""What a booking costs, line by line."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from domain.core.card_amounts import rounded_down
from domain.core.intervals import Interval
from domain.core.money import Money


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One part of a price: a stretch of time, or a thing of its own without one."""

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
    """Lines that sum to the subtotal; less the discount and with the tax it is the total."""

    lines: tuple[PriceLine, ...]
    subtotal: Money
    discount: Money
    tax: Money
    total: Money

    def moved(self, by: timedelta) -> Self:
        """The same amounts for a time that lies so much later."""
        lines = tuple(
            replace(line, interval=Interval(line.interval.start + by, line.interval.end + by))
            if line.interval
            else line
            for line in self.lines
        )
        return replace(self, lines=lines)


def price_of(hourly_rate: Money | None, interval: Interval, *, label: str) -> Price | None:
    """The hourly rate times the minutes, in one line; None for a room without a rate.

    In a currency that is charged in steps it is rounded down to one.
    """
    if hourly_rate is None:
        return None
    amount = rounded_down(hourly_rate.for_minutes(interval.minutes))
    nothing = Money(0, amount.currency_code)
    line = PriceLine(label, amount=amount, interval=interval, minutes=interval.minutes)
    return Price((line,), subtotal=amount, discount=nothing, tax=nothing, total=amount)
