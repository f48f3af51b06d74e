"""What a room costs at a time: one function for what is shown, quoted and charged."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from operator import itemgetter
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from domain.bookings.price_rules import PriceRule, Stretches, applicable, deciding
from domain.bookings.pricing import Price, PriceLine, PriceUnit, price_of
from domain.bookings.start_grid import StartGrid
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.percents import Percent
from domain.core.stretches import MINUTE, instant_of, ticks
from domain.tenants.price_settings import PriceSettings

LARGEST_PARTY: Final = 100_000
"""No room holds more people; a party that is refused anyway isn't priced beyond."""
MAX_KEPT: Final = 64
"""The searches whose totals are kept with a plan."""

_PLAIN: Final = PriceSettings()
_END: Final = itemgetter(1)
_Parts = tuple[tuple[PriceRule | None, int], ...]
"""How many minutes of a booking each rule decides about, in order."""


class PriceRequest(Protocol):
    """What prices depend on besides the room and the time."""

    @property
    def duration_minutes(self) -> int: ...
    @property
    def party_size(self) -> int: ...
    @property
    def customer_tags(self) -> frozenset[str]: ...
    @property
    def now(self) -> datetime: ...
    @property
    def zone(self) -> ZoneInfo: ...


@dataclass(frozen=True, eq=False, slots=True)
class Totals:
    """What a slot costs at each start of a grid."""

    at: Sequence[Money | None]


@dataclass(frozen=True, eq=False)
class PricePlan:
    """The rules that may apply to a room, in the venue's order, and the settings of the venue.

    Rooms with the same rules share it, and what was worked out is kept with it.
    """

    rules: tuple[PriceRule, ...]
    settings: PriceSettings
    _parts: dict[object, Sequence[_Parts]] = field(default_factory=dict, init=False, repr=False)
    _totals: dict[object, Totals] = field(default_factory=dict, init=False, repr=False)

    def price(
        self, hourly_rate: Money | None, time: Interval, wish: PriceRequest, *, label: str
    ) -> Price | None:
        """Returns the price of a time, with a line for each stretch of a rule.

        Where no rule applies, the hourly rate does, under ``label``. None if nothing does.
        """
        rules = applicable(self.rules, time.minutes, time.start, wish.now, wish.customer_tags)
        parts = _parts_of(deciding(rules, time.stretch, wish.zone), *time.stretch)
        return self._price(parts, hourly_rate, wish.party_size, start=time.start, label=label)

    def totals(self, hourly_rate: Money | None, grid: StartGrid, wish: PriceRequest) -> Totals:
        """Returns what a slot costs at each start of a grid: the total of its ``price``."""
        turns = self._turns(grid, wish.now)
        key = grid, wish.duration_minutes, wish.customer_tags, wish.zone, turns
        of_rate = hourly_rate, wish.party_size, *key
        found = self._totals.get(of_rate)
        if found is None:
            parts = self._parts.get(key)
            if parts is None:
                if len(self._parts) >= MAX_KEPT:
                    self._parts.clear()
                parts = self._parts[key] = [*self._all_parts(grid, wish, turns)]
            prices = {
                each: self._price(each, hourly_rate, wish.party_size, start=wish.now, label="")
                for each in {*parts}
            }
            totals = {each: price.total if price else None for each, price in prices.items()}
            if len(self._totals) >= MAX_KEPT:
                self._totals.clear()
            found = self._totals[of_rate] = Totals([totals[each] for each in parts])
        return found

    def _turns(self, grid: StartGrid, now: datetime) -> tuple[int, ...]:
        """Returns the places of a grid from which on the notice of another rule is kept."""
        limits = {
            limit
            for rule in self.rules
            for limit in (rule.notice.least, rule.notice.beyond)
            if limit is not None
        }
        if not limits:
            return ()
        at = ticks(now)
        return tuple(sorted({bisect_left(grid.ticks, at + each * MINUTE) for each in limits}))

    def _all_parts(
        self, grid: StartGrid, wish: PriceRequest, turns: tuple[int, ...]
    ) -> Iterator[_Parts]:
        """Yields the parts of the slot at each start."""
        length = wish.duration_minutes * MINUTE
        for since, until in pairwise(sorted({0, *turns, len(grid.ticks)})):
            first, last = grid.ticks[since], grid.ticks[until - 1]
            rules = applicable(
                self.rules, wish.duration_minutes, instant_of(first), wish.now, wish.customer_tags
            )
            stretches = deciding(rules, (first, last + length), wish.zone)
            for start in grid.ticks[since:until]:
                yield _parts_of(stretches, start, start + length)

    def _price(
        self,
        parts: _Parts,
        hourly_rate: Money | None,
        party_size: int,
        *,
        start: datetime,
        label: str,
    ) -> Price | None:
        settings, lines, charged = self.settings, list[PriceLine](), set[PriceRule]()
        for rule, minutes in parts:
            time = Interval.of_minutes(start, minutes)
            start = time.end
            if rule is not None:
                # What is charged once is charged for the first stretch, and no other.
                lines.append(self._line(rule, time, party_size, is_due=rule not in charged))
                charged.add(rule)
            elif hourly_rate is not None:
                lines.append(self._by_the_hour(label, hourly_rate, time, settings.tax_rate))
        if not lines:
            return None
        included, minimum = settings.taxes_included, settings.minimum
        return Price.of(lines, taxes_included=included, minimum=minimum)

    def _line(self, rule: PriceRule, time: Interval, party_size: int, *, is_due: bool) -> PriceLine:
        rate = self.settings.tax_rate if rule.tax_rate is None else rule.tax_rate
        if rule.unit is PriceUnit.HOUR:
            return self._by_the_hour(rule.label, rule.amount, time, rate)
        each = self.settings.rounded(rule.amount.amount_minor, 1, rule.amount.currency_code)
        number = min(party_size, LARGEST_PARTY) if rule.unit is PriceUnit.PERSON else 1
        return PriceLine(
            rule.label,
            Money(each.amount_minor * number * is_due, each.currency_code),
            interval=time,
            minutes=time.minutes,
            unit=rule.unit,
            each=each if rule.unit is PriceUnit.PERSON and is_due else None,
            tax_rate=rate,
        )

    def _by_the_hour(
        self, label: str, hourly_rate: Money, time: Interval, tax_rate: Percent | None
    ) -> PriceLine:
        code, minutes = hourly_rate.currency_code, time.minutes
        amount = self.settings.rounded(hourly_rate.amount_minor * minutes, 60, code)
        return PriceLine(label, amount, interval=time, minutes=minutes, tax_rate=tax_rate)


def _parts_of(stretches: Stretches, start: int, end: int) -> _Parts:
    parts, told = list[tuple[PriceRule | None, int]](), 0
    for place in range(bisect_right(stretches, start, key=_END), len(stretches)):
        _, until, rule = stretches[place]
        minutes = (min(until, end) - start) // MINUTE
        if minutes > told:
            parts.append((rule, minutes - told))
            told = minutes
        if until >= end:
            break
    return tuple(parts)


def room_price(
    plan: PricePlan | None,
    hourly_rate: Money | None,
    time: Interval,
    wish: PriceRequest,
    *,
    label: str,
) -> Price | None:
    """Returns what a room costs at a time, wherever that is shown, quoted or charged.

    Without a plan it is the hourly rate. None if nothing is to be paid by any rule.
    """
    if plan is None:
        return price_of(hourly_rate, time, label=label)
    return plan.price(hourly_rate, time, wish, label=label)


class VenuePrices:
    """A venue's price rules in their order, and its settings."""

    def __init__(self, rules: Sequence[PriceRule], settings: PriceSettings) -> None:
        self._rules = tuple(rules)
        self._settings = settings
        self.notices = frozenset(
            timedelta(minutes=limit)
            for rule in rules
            for limit in (rule.notice.least, rule.notice.beyond)
            if limit is not None
        )
        """How long before a start its price may change."""
        self.uses_tags = any(rule.customer_tag is not None for rule in rules)
        self._plans: dict[tuple[PriceRule, ...], PricePlan] = {}

    def of_room(self, room_id: RoomId, category: str | None) -> PricePlan | None:
        """Returns what decides about a room's prices besides its rate; None if nothing does."""
        rules = tuple(each for each in self._rules if each.is_for_room(room_id, category))
        if not rules and self._settings == _PLAIN:
            return None
        return self._plans.setdefault(rules, PricePlan(rules, self._settings))


PLAIN_PRICES: Final = VenuePrices((), _PLAIN)
"""The prices of a venue without rules and taxes: hourly rates alone."""
