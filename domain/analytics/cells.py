"""Cells of a venue's local time: each date in a zone, divided by the hours of its clock.

A date lasts from its midnight to the next one, an hour from when the clock first shows it to when
it first shows the next. So cells touch and have all instants between them: an hour that the clock
repeats is one longer cell, and one that it skips is empty.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.analytics.spans import DateSpan
from domain.core.intervals import Interval
from domain.core.local_time import Edge, LocalTime, instant, midnight

HOURS = 24
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


@lru_cache(maxsize=20_000)
def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Returns when each of the 24 hours of a date begins, and when the date ends."""
    start, end = midnight(day, zone), midnight(day + _DAY, zone)
    if end - start == _DAY and start.astimezone(zone).utcoffset() == (
        (start + _DAY / 2).astimezone(zone).utcoffset()
    ):
        return tuple(start + timedelta(hours=hour) for hour in range(HOURS + 1))
    begins = [
        instant(day, LocalTime(60 * hour), zone, edge=Edge.OPENING) for hour in range(1, HOURS)
    ]
    # A clock that is put back over midnight shows hours of the date before its midnight, too.
    return (start, *(min(max(each, start), end) for each in begins), end)


def local_date(at: datetime, zone: ZoneInfo) -> date:
    """Returns the date that contains an instant."""
    day = at.astimezone(zone).date()
    if at < midnight(day, zone):
        return day - _DAY
    return day if at < midnight(day + _DAY, zone) else day + _DAY


def dates_of(interval: Interval, zone: ZoneInfo) -> list[date]:
    """Returns the dates that an interval overlaps, in order."""
    first = local_date(interval.start, zone)
    last = local_date(interval.end - timedelta.resolution, zone)
    return DateSpan(first, last + _DAY).dates()


def span_interval(span: DateSpan, zone: ZoneInfo) -> Interval:
    """Returns the time from the first midnight of a span to its last."""
    return Interval(midnight(span.from_, zone), midnight(span.until, zone))


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of consecutive dates, numbered from 0; ``bounds`` has one more than there are."""

    first: date
    bounds: Sequence[datetime]

    @classmethod
    def of(cls, span: DateSpan, zone: ZoneInfo) -> "Cells":
        """Returns the cells of all dates of a span that isn't empty."""
        bounds = [each for day in span.dates() for each in day_bounds(day, zone)[:HOURS]]
        bounds.append(midnight(span.until, zone))
        return cls(span.from_, bounds)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def minutes_of(self, interval: Interval) -> Iterator[tuple[int, int]]:
        """Yields each cell that an interval overlaps, with the minutes in it."""
        number = max(bisect_right(self.bounds, interval.start) - 1, 0)
        while number < len(self) and self.bounds[number] < interval.end:
            start = max(interval.start, self.bounds[number])
            minutes = (min(interval.end, self.bounds[number + 1]) - start) // _MINUTE
            if minutes > 0:
                yield number, minutes
            number += 1
