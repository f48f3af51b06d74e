"""How many minutes rooms are open on each date, or between other instants: their capacity."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfo

from domain.core.intervals import Interval, merge
from domain.core.local_time import midnight
from domain.venue.hours import HoursFacts

Span: TypeAlias = tuple[datetime, datetime]
OpenRoom: TypeAlias = tuple[HoursFacts, Sequence[Interval]]
"""The opening hours and the blackouts of a room."""


def capacity_of(
    rooms: Iterable[OpenRoom], dates: Sequence[date], zone: ZoneInfo
) -> Mapping[date, int]:
    """Returns the open minutes of some rooms by consecutive dates, blackouts taken off.

    Hours past midnight count on both dates, and a date on which the clock changes has an hour more
    or less.
    """
    midnights = [midnight(day, zone) for day in (*dates, dates[-1] + timedelta(days=1))]
    return dict(zip(dates, open_minutes_between(rooms, midnights, zone), strict=True))


def open_minutes_between(
    rooms: Iterable[OpenRoom], edges: Sequence[datetime], zone: ZoneInfo
) -> list[int]:
    """Returns the open minutes of some rooms between each instant and the next, in order."""
    # Not intervals: where a zone changed sides of the date line, a date is empty.
    spans = list(pairwise(edges))
    known: dict[tuple[int, tuple[Interval, ...]], Sequence[int]] = {}
    total = [0] * len(spans)
    for facts, blackouts in rooms:
        # Most rooms have the venue's hours, which are one object, and no blackouts.
        key = (id(facts), tuple(blackouts))
        if key not in known:
            known[key] = _open_minutes(facts, merge(blackouts), spans, zone)
        total = [before + more for before, more in zip(total, known[key], strict=True)]
    return total


def _open_minutes(
    facts: HoursFacts, closed: Sequence[Interval], spans: Sequence[Span], zone: ZoneInfo
) -> Sequence[int]:
    minutes = [0] * len(spans)
    first = 0
    for opened in facts.open_intervals(Interval(spans[0][0], spans[-1][1]), zone):
        while first < len(spans) and spans[first][1] <= opened.start:
            first += 1
        for index in range(first, len(spans)):
            if spans[index][0] >= opened.end:
                break
            minutes[index] += _shared(spans[index], opened)
            minutes[index] -= sum(_shared(spans[index], opened, each) for each in closed)
    return minutes


def _shared(span: Span, *intervals: Interval) -> int:
    """Returns how many minutes a span and intervals have in common."""
    start = max(span[0], *(each.start for each in intervals))
    end = min(span[1], *(each.end for each in intervals))
    return max(0, (end - start) // timedelta(minutes=1))
