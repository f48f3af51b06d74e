"""The demand that forecasts are made from: booked minutes by local date, and how they came in.

A day is a local date of the venue, without a zone: days of 23 and 25 hours are days like others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate
from math import ceil
from typing import Final, NamedTuple

WEEK: Final = 7
MAX_DAYS: Final = 84
"""How far ahead demand is forecast, in days."""
TRAINING_DAYS: Final = 730
"""How much history a forecast is made from, at most."""
WEEKS_NEEDED: Final = 8
"""How many weeks of history a forecast needs, at least."""

Column = Sequence[float]


class Booked(NamedTuple):
    """Minutes of one date that were booked, and perhaps cancelled, so many days before it.

    ``booked_before`` is 0 for the date itself; ``cancelled_before`` is None unless cancelled.
    """

    date: date
    booked_before: int
    cancelled_before: int | None
    minutes: int


@dataclass(frozen=True, slots=True)
class Demand:
    """Booked minutes by date from ``first`` on, up to the day before the forecast begins.

    ``on_the_books[k][d]`` are the minutes that were booked for day ``d`` when the date began that
    lies ``k`` days before it; it is empty where that isn't known. ``capacity`` (open minutes) and
    ``holidays`` (names) also cover the days of the forecast. Days without capacity are closed:
    they teach nothing, and nothing is expected on them. Without capacity nothing is closed or cut.
    """

    first: date
    minutes: Column
    capacity: Sequence[int] = ()
    holidays: Mapping[date, str] = field(default_factory=dict)
    on_the_books: Sequence[Column] = ()

    def __len__(self) -> int:
        return len(self.minutes)

    def date_of(self, day: int) -> date:
        return self.first + timedelta(days=day)

    def is_closed(self, day: int) -> bool:
        return bool(self.capacity) and self.capacity[day] == 0

    def teaches(self, day: int) -> bool:
        """Returns whether a day is like others: open, and no holiday."""
        return not self.is_closed(day) and self.date_of(day) not in self.holidays

    def within_capacity(self, day: int, minutes: float) -> float:
        """Cuts minutes at zero and at the day's capacity."""
        limit = self.capacity[day] if self.capacity else minutes
        return max(0.0, min(minutes, limit))


def demand_of(
    booked: Iterable[Booked],
    *,
    today: date,
    capacity: Mapping[date, int],
    holidays: Mapping[date, str],
) -> Demand | None:
    """Returns the demand of up to TRAINING_DAYS before a date; None if nothing was booked in them.

    It begins with the first booked date. ``booked`` reaches MAX_DAYS into the future.
    """
    entries = list(booked)
    dates = [each.date for each in entries if each.date < today and each.cancelled_before is None]
    earliest = today - timedelta(days=TRAINING_DAYS)
    first = max(min(dates, default=today), earliest)
    if first >= today:
        return None
    days = (today - first).days
    minutes = [0.0] * days
    # Changes of what is on the books, by the last k for which they had happened.
    changes = [[0.0] * (days + MAX_DAYS) for _ in range(MAX_DAYS)]
    for each in entries:
        day = (each.date - first).days
        if not 0 <= day < days + MAX_DAYS:
            continue
        if each.cancelled_before is None and day < days:
            minutes[day] += each.minutes
        # When a date begins, bookings made on it aren't known yet.
        if each.booked_before > 0:
            changes[min(each.booked_before, MAX_DAYS) - 1][day] += each.minutes
        if each.cancelled_before is not None and each.cancelled_before > 0:
            changes[min(each.cancelled_before, MAX_DAYS) - 1][day] -= each.minutes
    books = accumulate(
        reversed(changes), lambda known, more: [a + b for a, b in zip(known, more, strict=True)]
    )
    limits = [capacity.get(first + timedelta(days=n), 0) for n in range(days + MAX_DAYS)]
    # The venue itself may book outside of the opening hours.
    limits[:days] = [max(limit, ceil(each)) for limit, each in zip(limits, minutes, strict=False)]
    return Demand(first, minutes, limits, holidays, list(books)[::-1])
