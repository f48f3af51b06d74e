"""Converts between a venue's wall-clock time and instants.

Every conversion to UTC happens here, because Python's arithmetic within a zone ignores clock
changes, and PostgreSQL resolves a repeated hour differently.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from typing import NewType, Self, assert_never
from zoneinfo import ZoneInfo, available_timezones, reset_tzpath

from domain.core.formatting import moment
from domain.core.intervals import Interval
from domain.core.refusals import Code, Invalid, Path, Refusal, Required
from domain.core.stretches import MINUTE, Stretch, instant_of, ticks

# All wall clocks come from the pinned tzdata package: the machines' own releases differ.
reset_tzpath(to=())
ZoneInfo.clear_cache()

TimeZone = NewType("TimeZone", str)
"""The name of an IANA zone, such as America/New_York."""
RRule = NewType("RRule", str)
"""A recurrence rule of RFC 5545 as text, not yet parsed."""

_CLOCK = re.compile(r"([0-3][0-9]):([0-5][0-9])")
_LATEST_MINUTES = 30 * 60
# Names among the zones that aren't the time of any place.
_NO_ZONES = frozenset({"Factory", "localtime", "posixrules"})
_DAY = 24 * 60 * MINUTE
# Years far enough from the ends of the calendar that arithmetic on them can't overflow.
_FIRST_YEAR, LAST_YEAR = 1971, 2199


@dataclass(frozen=True, slots=True, order=True)
class LocalTime:
    """A wall-clock time of a day, in minutes since its midnight, 0 to 1800.

    From 24:00 on it is a time of the next date: 26:00 is 02:00 there. Raises ValueError beyond
    30:00.
    """

    minutes: int

    def __post_init__(self) -> None:
        if not 0 <= self.minutes <= _LATEST_MINUTES:
            raise ValueError("A local time lies between 00:00 and 30:00.")

    @classmethod
    def parse(cls, text: str, *, path: Path = ()) -> Self:
        """Parses 'HH:MM'. Raises Invalid."""
        match = _CLOCK.fullmatch(text)
        if match is None or (minutes := int(match[1]) * 60 + int(match[2])) > _LATEST_MINUTES:
            raise Invalid("A local time must be HH:MM between 00:00 and 30:00.", path=path)
        return cls(minutes)

    def __str__(self) -> str:
        return f"{self.minutes // 60:02}:{self.minutes % 60:02}"


class Edge(StrEnum):
    """Whether a wall-clock time opens or closes the venue."""

    OPENING = "opening"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class LocalStart:
    """A start on the venue's wall clock; ``fold`` selects one of the two in a repeated hour."""

    date: date
    time: LocalTime
    fold: int | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """A start: exactly one of an instant and a time on the venue's wall clock."""

    at: datetime | None = None
    local: LocalStart | None = None


@dataclass(frozen=True, slots=True)
class LocalPeriod:
    """A span on the venue's wall clock: 'YYYY-MM-DDTHH:MM', with the offsets as '-05:00'."""

    time_zone: str
    start: str
    end: str
    utc_offset_start: str
    utc_offset_end: str


@cache
def zone_names() -> frozenset[str]:
    """Returns the ids of all IANA zones."""
    return frozenset(available_timezones()) - _NO_ZONES


def zone(name: str, *, path: Path = ()) -> ZoneInfo:
    """Returns the zone of an IANA id such as 'America/New_York'. Raises Invalid."""
    if name not in zone_names():
        raise Invalid("Unknown time zone; use an IANA name such as 'Europe/Berlin'.", path=path)
    return ZoneInfo(name)


def instants(day: date, local_time: LocalTime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Returns the instants of a wall-clock time: two in a repeated hour, none in a skipped one."""
    first, second = _by_fold(day, local_time, zone)
    if first == second:
        return (first,)
    return (first, second) if first < second else ()


def instant(day: date, local_time: LocalTime, zone: ZoneInfo, *, edge: Edge) -> datetime:
    """Returns the instant at which the venue opens or closes.

    A skipped time is the instant of the clock change. Of a repeated time, opening is the first and
    closing the second.
    """
    first, second = _by_fold(day, local_time, zone)
    if first > second:
        return _clock_change(second, first, zone)
    match edge:
        case Edge.OPENING:
            return first
        case Edge.CLOSING:
            return second
        case _:
            assert_never(edge)


def resolve_start(start: Start, zone: ZoneInfo, *, path: Path = ("start",)) -> datetime:
    """Returns the instant in UTC of a start.

    Raises NonexistentLocalTime in a skipped hour; AmbiguousLocalTime in a repeated one without
    ``fold``; Invalid for a fold other than 0 and 1 or a year out of range; Required if both are
    missing.
    """
    if start.at is not None:
        return within_reach(start.at, path=(*path, "at"))
    if start.local is None:
        raise Required(path=path)
    return _resolve_local(start.local, zone, path=(*path, "local"))


def within_reach(at: datetime, *, path: Path) -> datetime:
    """Returns the same instant in UTC. Raises Invalid outside the years 1971 to 2199."""
    if not _FIRST_YEAR <= at.year <= LAST_YEAR:
        raise Invalid(f"The year lies between {_FIRST_YEAR} and {LAST_YEAR}.", path=path)
    return at.astimezone(UTC)


def local_period(interval: Interval, zone: ZoneInfo) -> LocalPeriod:
    """Returns an interval in the venue's wall-clock time."""
    start = interval.start.astimezone(zone).isoformat(timespec="minutes")
    end = interval.end.astimezone(zone).isoformat(timespec="minutes")
    return LocalPeriod(zone.key, start[:16], end[:16], start[16:], end[16:])


def month_of(now: datetime, zone: ZoneInfo) -> Interval:
    """Returns the calendar month of the zone that contains an instant."""
    first = now.astimezone(zone).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Interval(midnight(first, zone), midnight(following, zone))


@lru_cache(maxsize=20_000)
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Returns the instant a date begins in a zone, even if its clock skips or repeats midnight."""
    return instant(day, LocalTime(0), zone, edge=Edge.OPENING)


def offset_spans(span: Stretch, zone: ZoneInfo) -> Iterator[tuple[int, int, int]]:
    """Yields the parts of a stretch in which a zone's offset from UTC stays the same, in order.

    Each is its first tick, its end, and the ticks by which the wall clock is ahead of UTC.
    """
    start, end = span
    while start < end:
        ahead = _ahead(start, zone)
        # No zone has ever changed its clock twice within a day.
        until = start
        while until < end and _ahead(until, zone) == ahead:
            until = min(until + _DAY, end)
        if until > start and _ahead(until, zone) != ahead:
            before, after = instant_of(max(start, until - _DAY)), instant_of(until)
            until = ticks(_clock_change(before, after, zone))
        yield start, min(until, end), ahead
        start = until


def dates_around(interval: Interval, zone: ZoneInfo) -> list[date]:
    """Returns the dates of an interval in a zone, and one more on each side, in order.

    The extra dates cover hours past midnight, and a date that occurs twice because the clock is
    put back over midnight (in St. John's at 00:01 until 2011).
    """
    ends = (interval.start.astimezone(zone).date(), interval.end.astimezone(zone).date())
    first = min(ends) - timedelta(days=1)
    return [first + timedelta(days=n) for n in range((max(ends) - first).days + 2)]


def _by_fold(day: date, local_time: LocalTime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Returns a wall-clock time by the offset before a clock change and by the one after it.

    Equal away from clock changes; in order in a repeated hour; reversed in a skipped one.
    """
    wall = _wall_clock(day, local_time).replace(tzinfo=zone)
    return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)


def _wall_clock(day: date, local_time: LocalTime) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=local_time.minutes)


def _ahead(tick: int, zone: ZoneInfo) -> int:
    offset = instant_of(tick).astimezone(zone).utcoffset()
    assert offset is not None, "the zone is known"
    return offset // timedelta(microseconds=1)


def _clock_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Returns the first second with the offset of ``after``: the clock change between the two."""
    offset = after.astimezone(zone).utcoffset()
    early, late = 0, int((after - before).total_seconds())
    while late - early > 1:
        middle = (early + late) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            late = middle
        else:
            early = middle
    return before + timedelta(seconds=late)


def _resolve_local(local: LocalStart, zone: ZoneInfo, *, path: Path) -> datetime:
    if local.fold not in (None, 0, 1):
        raise Invalid("`fold` must be 0 or 1.", path=(*path, "fold"))
    if not _FIRST_YEAR <= local.date.year <= LAST_YEAR:
        problem = f"The year lies between {_FIRST_YEAR} and {LAST_YEAR}."
        raise Invalid(problem, path=(*path, "date"))
    wall_clock = _wall_clock(local.date, local.time)
    match instants(local.date, local.time, zone):
        case (only,):
            return only
        case ():
            next_valid = instant(local.date, local.time, zone, edge=Edge.OPENING)
            raise NonexistentLocalTime(wall_clock, zone, next_valid, path=path)
        case repeated:
            if local.fold is None:
                raise AmbiguousLocalTime(wall_clock, zone, path=path)
            return repeated[local.fold]


@dataclass(eq=False)
class NonexistentLocalTime(Refusal):
    """The clock skips this wall-clock time when it is put forward."""

    code = Code.NONEXISTENT_LOCAL_TIME
    wall_clock: datetime
    zone: ZoneInfo
    next_valid: datetime

    def __str__(self) -> str:
        return (
            f"The clock in {self.zone.key} skips {self.wall_clock:%H:%M} on that day; "
            f"the next time there is {moment(self.next_valid, self.zone)}."
        )


@dataclass(eq=False)
class AmbiguousLocalTime(Refusal):
    """This wall-clock time occurs twice when the clock is put back, and ``fold`` is missing."""

    code = Code.AMBIGUOUS_LOCAL_TIME
    wall_clock: datetime
    zone: ZoneInfo

    def __str__(self) -> str:
        return (
            f"The clock in {self.zone.key} shows {self.wall_clock:%H:%M} twice on that day; "
            "set fold to 0 for the first or 1 for the second."
        )
