"""Time zones of calendar entries: the VTIMEZONE of RFC 5545, computed from the pinned tzdata.

A zone that follows a yearly rule is written with that rule, since readers take lists of single
changes for the last one of them. A zone that follows none, as one that has just changed its law,
is written change by change.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo

from domain.core.clock_changes import yearly_rule
from domain.core.intervals import Interval
from domain.core.local_time import offset_spans, zone
from domain.core.stretches import instant_of, ticks

_A_YEAR: Final = timedelta(days=366)
_DAY: Final = timedelta(days=1)
_WEEKDAYS: Final = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_NAME: Final = r"(?:<[^>]+>|[A-Za-z]+)"
_HOURS: Final = r"[+-]?\d+(?::\d+)*"
_ONSET: Final = rf"M(\d+)\.(\d)\.(\d)(?:/({_HOURS}))?"
_RULE: Final = re.compile(rf"{_NAME}{_HOURS}{_NAME}(?:{_HOURS})?,{_ONSET},{_ONSET}")
_FEBRUARY: Final = 2
_LAST_WEEK: Final = 5


@dataclass(frozen=True, slots=True)
class _Onset:
    """When a clock changes in each year: on a weekday of a week of a month, 5 for the last one.

    ``at`` is the wall clock's time then, counted from the midnight before; beyond a day if it is on
    another date.
    """

    month: int
    week: int
    weekday: int
    at: timedelta

    @classmethod
    def of(cls, month: str, week: str, weekday: str, at: str | None) -> Self:
        return cls(int(month), int(week), int(weekday), _span(at or "2"))

    def in_year(self, year: int) -> datetime:
        """Returns the wall clock's time of the change, before it."""
        first = datetime(year, self.month, 1)  # noqa: DTZ001 - a wall clock's
        days = monthrange(year, self.month)[1]
        # Python counts weekdays from Monday, POSIX from Sunday.
        day = 1 + (self.weekday - first.isoweekday()) % 7 + 7 * (self.week - 1)
        return first + timedelta(days=(day if day <= days else day - 7) - 1) + self.at

    @property
    def rrule(self) -> str | None:
        """The same as a rule of RFC 5545; None where it would cross the end of a month."""
        shift = self.at // _DAY
        weekday = _WEEKDAYS[(self.weekday + shift) % 7]
        if shift == 0:
            number = -1 if self.week == _LAST_WEEK else self.week
            return f"FREQ=YEARLY;BYMONTH={self.month};BYDAY={number}{weekday}"
        # The nth weekday of a month and the day after it: one of seven dates.
        days = monthrange(2027, self.month)[1]
        first = (days - 6 if self.week == _LAST_WEEK else self.week * 7 - 6) + shift
        if first < 1 or first + 6 > days or self.month == _FEBRUARY:
            return None
        listed = ",".join(str(first + n) for n in range(7))
        return f"FREQ=YEARLY;BYMONTH={self.month};BYMONTHDAY={listed};BYDAY={weekday}"


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of a zone's offset from UTC, which is the first of its kind if it has a rule."""

    at: datetime
    before: timedelta
    after: timedelta
    rrule: str | None = None


def time_zone(name: str, span: Interval) -> str:
    """Returns the lines of a zone, which are right for times in the span and after it by rule."""
    venue_zone = zone(name)
    wider = Interval(span.start - _A_YEAR, span.end)
    changes = list(_changes(venue_zone, wider))
    parts = _by_rule(name, changes, wider) or [_from_the_start(venue_zone, wider), *changes]
    written = "".join(_lines(each, venue_zone) for each in parts)
    return f"BEGIN:VTIMEZONE\r\nTZID:{name}\r\n{written}END:VTIMEZONE\r\n"


def _changes(venue_zone: ZoneInfo, span: Interval) -> Iterator[_Change]:
    before: timedelta | None = None
    for start, _, ahead in offset_spans((ticks(span.start), ticks(span.end)), venue_zone):
        after = timedelta(microseconds=ahead)
        if before is not None:
            yield _Change(instant_of(start), before, after)
        before = after


def _by_rule(name: str, changes: list[_Change], span: Interval) -> list[_Change]:
    """Returns the two yearly changes of a zone; none if it has no rule or departs from it."""
    match = _RULE.fullmatch(yearly_rule(name))
    if match is None or len(changes) < 2:
        return []
    onsets = (_Onset.of(*match.groups()[:4]), _Onset.of(*match.groups()[4:]))
    years = range(span.start.year, span.end.year + 1)
    walls = {onset.in_year(year): onset for onset in onsets for year in years}
    # Each change must be at one of them, and each of them in the span a change.
    found = [walls.get(_wall(each)) for each in changes]
    first, last = _wall(changes[0]), _wall(changes[-1])
    if None in found or len(changes) != sum(first <= each <= last for each in walls):
        return []
    rules = [each.rrule for each in found if each is not None][:2]
    if None in rules:
        return []
    return [replace(each, rrule=rrule) for each, rrule in zip(changes, rules, strict=False)]


def _from_the_start(venue_zone: ZoneInfo, span: Interval) -> _Change:
    offset = span.start.astimezone(venue_zone).utcoffset()
    assert offset is not None, "the zone is known"
    return _Change(span.start.replace(minute=0, second=0, microsecond=0), offset, offset)


def _lines(change: _Change, venue_zone: ZoneInfo) -> str:
    kind = "DAYLIGHT" if change.after > change.before else "STANDARD"
    rule = f"RRULE:{change.rrule}\r\n" if change.rrule else ""
    return (
        f"BEGIN:{kind}\r\n"
        f"DTSTART:{_wall(change):%Y%m%dT%H%M%S}\r\n"
        f"TZOFFSETFROM:{_offset(change.before)}\r\n"
        f"TZOFFSETTO:{_offset(change.after)}\r\n"
        f"TZNAME:{change.at.astimezone(venue_zone).tzname()}\r\n"
        f"{rule}"
        f"END:{kind}\r\n"
    )


def _wall(change: _Change) -> datetime:
    return (change.at.astimezone(UTC) + change.before).replace(tzinfo=None)


def _offset(offset: timedelta) -> str:
    sign = "-" if offset < timedelta() else "+"
    minutes, seconds = divmod(abs(int(offset.total_seconds())), 60)
    return f"{sign}{minutes // 60:02}{minutes % 60:02}" + (f"{seconds:02}" if seconds else "")


def _span(text: str) -> timedelta:
    sign = -1 if text.startswith("-") else 1
    parts = [int(each) for each in text.lstrip("+-").split(":")]
    hours, minutes, seconds = (*parts, 0, 0)[:3]
    return sign * timedelta(hours=hours, minutes=minutes, seconds=seconds)
