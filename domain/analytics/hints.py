"""Hints for a venue, each with its evidence: quiet and full hours, staff, and prices.

Nothing is assumed of what customers would do: hours are hinted at if nearly all of the weeks seen
agree, and a price only if it was charged before and has earned more.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Final, NamedTuple

from domain.core.ids import RoomId
from domain.core.money import Money
from domain.venue.hours import Weekday

HINT_WEEKS: Final = 12
"""How many weeks before today hints about hours are drawn from."""
PRICE_WEEKS: Final = 26
"""The same of hints about prices."""
_LEAST_WEEKS: Final = 8
_QUIET: Final = 0.3
_FULL: Final = 0.85
_TAIL: Final = 0.1
_LEAST_PRICE_WEEKS: Final = 4
_LEAST_PRICE_BOOKINGS: Final = 20
_RESAMPLES: Final = 1_000
_WEEKDAYS: Final = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class HourOfDate:
    """One hour of a venue's date: its number, its open minutes, and those that are booked."""

    date: datetime.date
    hour: int
    open_minutes: int
    booked_minutes: int


@dataclass(frozen=True, slots=True)
class HourHint:
    """How an hour of a weekday was used in the weeks before.

    ``low`` and ``high`` bound the occupancy of four of five weeks. ``bookings_at_once`` is the mean
    number of bookings during the hour, ``staff`` how many are enough in nine of ten weeks if each
    booking needs one.
    """

    weekday: Weekday
    hour: int
    weeks: int
    occupancy: float
    low: float
    high: float
    bookings_at_once: float
    staff: int

    @property
    def is_quiet(self) -> bool:
        """Whether at most 30% were booked, in nine of ten weeks."""
        return self.high <= _QUIET

    @property
    def is_full(self) -> bool:
        """Whether at least 85% were booked, in nine of ten weeks."""
        return self.low >= _FULL


@dataclass(frozen=True, slots=True)
class RoomWeek:
    """What a room earned in one week: the value of its bookings, how many, and their usual rate."""

    room_id: RoomId
    week: int
    hourly_rate_minor: int
    value_minor: int
    bookings: int


class _Earned(NamedTuple):
    """What a room and all others earned in a week, in minor units."""

    own: int
    others: int


@dataclass(frozen=True, slots=True)
class PriceHint:
    """A rate of a room that earned more than the present one, on history.

    Values are of a week, on average. ``value_then`` is what the room earned at the suggested rate,
    scaled by what the other rooms have earned since, so that a season doesn't count for the rate.
    ``change`` is the difference relative to ``value_now``, ``low`` and ``high`` its band of 80% by
    bootstrap over weeks.
    """

    room_id: RoomId
    present_rate: Money
    suggested_rate: Money
    weeks_then: int
    weeks_now: int
    value_then: Money
    value_now: Money
    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DemandHints:
    """What the weeks before suggest. Lists are empty where the evidence is weak."""

    staffing: tuple[HourHint, ...]
    prices: tuple[PriceHint, ...]

    @property
    def quiet_hours(self) -> list[HourHint]:
        """The hours in which little is booked."""
        return [each for each in self.staffing if each.is_quiet]

    @property
    def full_hours(self) -> list[HourHint]:
        """The hours in which nearly everything is booked."""
        return [each for each in self.staffing if each.is_full]


def hour_hints(hours: Iterable[HourOfDate]) -> tuple[HourHint, ...]:
    """Returns how the hours of the week were used, in order; those with too few weeks are left out.

    Hours in which nothing is open don't count.
    """
    seen: defaultdict[tuple[int, int], list[HourOfDate]] = defaultdict(list)
    for each in hours:
        if each.open_minutes:
            seen[each.date.weekday(), each.hour].append(each)
    return tuple(
        _hour_hint(weekday, hour, weeks)
        for (weekday, hour), weeks in sorted(seen.items())
        if len(weeks) >= _LEAST_WEEKS
    )


def _hour_hint(weekday: int, hour: int, weeks: Sequence[HourOfDate]) -> HourHint:
    shares = sorted(min(1.0, each.booked_minutes / each.open_minutes) for each in weeks)
    at_once = sorted(each.booked_minutes / 60 for each in weeks)
    return HourHint(
        _WEEKDAYS[weekday],
        hour,
        weeks=len(weeks),
        occupancy=round(sum(shares) / len(shares), 4),
        low=round(_quantile(shares, _TAIL), 4),
        high=round(_quantile(shares, 1 - _TAIL), 4),
        bookings_at_once=round(sum(at_once) / len(at_once), 2),
        staff=ceil(_quantile(at_once, 1 - _TAIL)),
    )


def price_hints(weeks: Iterable[RoomWeek], present: Mapping[RoomId, Money]) -> Iterator[PriceHint]:
    """Yields for each room the rate that it had before and earned more with, if that is sure.

    ``present`` are the rates now. Other rooms tell what a week was like: a venue of one room has
    nothing to compare with.
    """
    by_room: defaultdict[RoomId, list[RoomWeek]] = defaultdict(list)
    total: defaultdict[int, int] = defaultdict(int)
    for each in weeks:
        by_room[each.room_id].append(each)
        total[each.week] += each.value_minor
    for room_id, rate in present.items():
        enough = dict(_enough(by_room[room_id], total))
        now = enough.pop(rate.amount_minor, None)
        if now is None:
            continue
        hints = (_price_hint(room_id, rate, minor, then, now) for minor, then in enough.items())
        better = [hint for hint in hints if hint.low > 0]
        if better:
            yield max(better, key=lambda hint: hint.change)


def _enough(
    weeks: Iterable[RoomWeek], total: Mapping[int, int]
) -> Iterator[tuple[int, Sequence[_Earned]]]:
    """Yields the rates of a room with enough weeks and bookings, and what was earned in each."""
    by_rate: defaultdict[int, list[RoomWeek]] = defaultdict(list)
    for each in weeks:
        # In a week in which no other room earned anything, there is nothing to compare with.
        if total[each.week] > each.value_minor:
            by_rate[each.hourly_rate_minor].append(each)
    for rate, seen in by_rate.items():
        bookings = sum(each.bookings for each in seen)
        if len(seen) >= _LEAST_PRICE_WEEKS and bookings >= _LEAST_PRICE_BOOKINGS:
            yield (
                rate,
                [_Earned(each.value_minor, total[each.week] - each.value_minor) for each in seen],
            )


def _price_hint(
    room_id: RoomId,
    rate: Money,
    suggested_minor: int,
    then: Sequence[_Earned],
    now: Sequence[_Earned],
) -> PriceHint:
    dice = Random(f"{room_id} {suggested_minor}")  # noqa: S311 - the same hint each time
    changes = sorted(
        _change(dice.choices(then, k=len(then)), dice.choices(now, k=len(now)))
        for _ in range(_RESAMPLES)
    )
    change = _change(then, now)
    value_now = sum(each.own for each in now) // len(now)
    return PriceHint(
        room_id,
        present_rate=rate,
        suggested_rate=Money(suggested_minor, rate.currency_code),
        weeks_then=len(then),
        weeks_now=len(now),
        value_then=Money(round(value_now * (1 + change)), rate.currency_code),
        value_now=Money(value_now, rate.currency_code),
        change=round(change, 4),
        low=round(_quantile(changes, _TAIL), 4),
        high=round(_quantile(changes, 1 - _TAIL), 4),
    )


def _change(then: Sequence[_Earned], now: Sequence[_Earned]) -> float:
    """Returns how much more the room earned then, relative to the other rooms."""
    share_then, share_now = (
        sum(each.own for each in weeks) / sum(each.others for each in weeks)
        for weeks in (then, now)
    )
    return share_then / share_now - 1 if share_now else 0.0


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Returns the value below which a share of ordered values lies, between its neighbours."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
