"""How many minutes rooms are open on each date: their capacity."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfo

from domain.core.intervals import Interval, merge
from domain.core.local_time import midnight
from domain.venue.hours import HoursFacts

Span: TypeAlias = tuple[datetime, datetime]


def capacity_of(
    rooms: Iterable[tuple[HoursFacts, Sequence[Interval]]], dates: Sequence[date], zone: ZoneInfo
) -> Mapping[date, int]:
    """Returns the open minutes of some rooms by consecutive dates, blackouts taken off.

    Each room has its opening hours and its blackouts. Hours past midnight count on both dates, and
    a date on which the clock changes has an hour more or less.
    """
    midnights = [midnight(day, zone) for day in (*dates, dates[-1] + timedelta(days=1))]
    # Not intervals: where a zone changed sides of the date line, a date is empty.
    days = list(pairwise(midnights))
    known: dict[tuple[int, tuple[Interval, ...]], Sequence[int]] = {}
    total = Counter[date]()
    for facts, blackouts in rooms:
        # Most rooms have the venue's hours, which are one object, and no blackouts.
        key = (id(facts), tuple(blackouts))
        if key not in known:
            known[key] = _open_minutes(facts, merge(blackouts), days, zone)
        total.update(dict(zip(dates, known[key], strict=True)))
    return total


def _open_minutes(
    facts: HoursFacts, closed: Sequence[Interval], days: Sequence[Span], zone: ZoneInfo
) -> Sequence[int]:
    minutes = [0] * len(days)
    first = 0
    for opened in facts.open_intervals(Interval(days[0][0], days[-1][1]), zone):
        while first < len(days) and days[first][1] <= opened.start:
            first += 1
        for index in range(first, len(days)):
            if days[index][0] >= opened.end:
                break
            minutes[index] += _shared(days[index], opened)
            minutes[index] -= sum(_shared(days[index], opened, each) for each in closed)
    return minutes


def _shared(day: Span, *intervals: Interval) -> int:
    """Returns how many minutes a day and intervals have in common."""
    start = max(day[0], *(each.start for each in intervals))
    end = min(day[1], *(each.end for each in intervals))
    return max(0, (end - start) // timedelta(minutes=1))
