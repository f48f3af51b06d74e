"""The price of a booking, as lines, with the taxes on them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from domain.core.card_amounts import charge_step, rounded_down
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.percents import Percent

_MINIMUM: Final = "Minimum charge"


class PriceUnit(StrEnum):
    """What a price is charged for; the value is stored."""

    HOUR = "hour"
    BOOKING = "booking"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class PriceLine:
    """A line of a price: for an interval of time, or for an item without one.

    The ``unit`` is None where it only raises the price to the minimum charge. ``each`` is the price
    of one person, if that is the unit. Without a rate, it isn't taxed.
    """

    label: str
    amount: Money
    interval: Interval | None = None
    minutes: int | None = None
    unit: PriceUnit | None = PriceUnit.HOUR
    each: Money | None = None
    tax_rate: Percent | None = None

    @property
    def starts_at(self) -> datetime | None:
        return self.interval.start if self.interval else None

    @property
    def ends_at(self) -> datetime | None:
        return self.interval.end if self.interval else None


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """The tax at one rate, and the amount without it."""

    rate: Percent
    net: Money
    amount: Money


@dataclass(frozen=True, slots=True)
class Price:
    """Lines that sum to the subtotal; the total is that less the discount plus the tax.

    ``taxes`` has the tax of each rate, the highest first. Where they are included in the lines,
    ``tax`` is zero. ``minimum`` is the least that the lines have to sum to.
    """

    lines: tuple[PriceLine, ...]
    subtotal: Money
    discount: Money
    tax: Money
    total: Money
    taxes: tuple[TaxAmount, ...] = ()
    taxes_included: bool = False
    minimum: Money | None = None

    @classmethod
    def of(
        cls,
        lines: Sequence[PriceLine],
        *,
        taxes_included: bool = False,
        minimum: Money | None = None,
        discount: Money | None = None,
    ) -> Self:
        """Returns the price of lines, of which there is at least one, with their taxes.

        If they sum to less than the minimum, a line is added, which is taxed as the first one is;
        what is free stays free. The discount lowers all lines in proportion, and is at most the
        subtotal.
        """
        lines = (*lines, *_raised(lines, minimum))
        code = lines[0].amount.currency_code
        subtotal = sum(line.amount.amount_minor for line in lines)
        off = 0 if discount is None else min(discount.amount_minor, subtotal)
        taxes = _taxes(lines, off, included=taxes_included)
        tax = 0 if taxes_included else sum(each.amount.amount_minor for each in taxes)
        return cls(
            lines,
            subtotal=Money(subtotal, code),
            discount=Money(off, code),
            tax=Money(tax, code),
            total=Money(subtotal - off + tax, code),
            taxes=taxes,
            taxes_included=taxes_included and bool(taxes),
            minimum=minimum,
        )

    def less(self, discount: Money) -> Self:
        """Returns the price with this discount instead of its own: at most the subtotal."""
        return self.of(
            self._paid, taxes_included=self.taxes_included, minimum=self.minimum, discount=discount
        )

    @property
    def _paid(self) -> list[PriceLine]:
        return [line for line in self.lines if line.unit is not None]

    def moved(self, by: timedelta) -> Self:
        """Returns the same amounts for a time that is later by this much."""
        lines = tuple(
            replace(line, interval=Interval(line.interval.start + by, line.interval.end + by))
            if line.interval
            else line
            for line in self.lines
        )
        return replace(self, lines=lines)

    def for_party(self, party_size: int) -> Self:
        """Returns the price for so many people, at the price of each in these lines.

        A discount stays the same amount, and is at most the new subtotal.
        """
        if all(line.unit is not PriceUnit.PERSON for line in self.lines):
            return self
        return self.of(
            [_for_party(line, party_size) for line in self._paid],
            taxes_included=self.taxes_included,
            minimum=self.minimum,
            discount=self.discount,
        )


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


def shares(amount: int, weights: Sequence[int]) -> list[int]:
    """Divides an amount in proportion to weights, exactly: what rounding leaves goes first.

    The amount is at most the sum of the weights, and no share exceeds its weight.
    """
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    found = [amount * weight // total for weight in weights]
    for place, weight in enumerate(weights):
        if sum(found) == amount:
            break
        if found[place] < weight:
            found[place] += 1
    return found


def _raised(lines: Sequence[PriceLine], minimum: Money | None) -> list[PriceLine]:
    """Returns the line that raises others to the minimum charge, if they need one."""
    given = sum(line.amount.amount_minor for line in lines)
    if minimum is None or not 0 < given < minimum.amount_minor:
        return []
    missing = Money(minimum.amount_minor - given, minimum.currency_code)
    rate = lines[0].tax_rate
    return [PriceLine(_MINIMUM, missing, unit=None, tax_rate=rate)]


def _for_party(line: PriceLine, party_size: int) -> PriceLine:
    if line.unit is not PriceUnit.PERSON or not line.amount.amount_minor:
        return line
    assert line.each is not None, "a price of each person"
    amount = Money(line.each.amount_minor * party_size, line.each.currency_code)
    return replace(line, amount=amount)


def _taxes(lines: Sequence[PriceLine], off: int, *, included: bool) -> tuple[TaxAmount, ...]:
    if all(line.tax_rate is None for line in lines):
        return ()
    code = lines[0].amount.currency_code
    less = shares(off, [line.amount.amount_minor for line in lines])
    bases: defaultdict[Percent, int] = defaultdict(int)
    for line, discounted in zip(lines, less, strict=True):
        if line.tax_rate is not None:
            bases[line.tax_rate] += line.amount.amount_minor - discounted
    found = []
    for rate, base in sorted(bases.items(), reverse=True):
        tax = rate.within(base) if included else rate.added_to(base, step=charge_step(code))
        net = base - tax if included else base
        found.append(TaxAmount(rate, net=Money(net, code), amount=Money(tax, code)))
    return tuple(found)
