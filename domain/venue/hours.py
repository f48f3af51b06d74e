"""Opening hours: the weekly plan, exceptions by date, and the result for a day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.core.intervals import Interval, merge
from domain.core.local_time import Edge, LocalTime, dates_around, instant, midnight
from domain.core.refusals import Invalid, Path

MAX_OPENED = 100
"""The spans of dates whose open intervals are kept with the hours they come from."""

_MIDNIGHT = LocalTime(24 * 60)
_DAY = timedelta(days=1)


class Weekday(StrEnum):
    """The days of the week, from Monday."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


_WEEKDAYS = tuple(Weekday)


@dataclass(frozen=True, slots=True, order=True)
class LocalInterval:
    """A period of opening hours; it starts on its date, and may end on the next one."""

    opens_at: LocalTime
    closes_at: LocalTime


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """The opening hours of a weekday; no intervals means closed."""

    weekday: Weekday
    intervals: tuple[LocalInterval, ...]


@dataclass(frozen=True, slots=True)
class HoursFacts:
    """The facts that decide when a room is open.

    ``room_weekly`` is empty for a room with the venue's hours. Exceptions are keyed by date, and
    replace the intervals that start on it; no intervals means closed.
    """

    venue_weekly: tuple[WeeklyHours, ...]
    room_weekly: tuple[WeeklyHours, ...] = ()
    venue_exceptions: Mapping[date, tuple[LocalInterval, ...]] = field(default_factory=dict)
    room_exceptions: Mapping[date, tuple[LocalInterval, ...]] = field(default_factory=dict)
    _opened: dict[tuple[date, date, ZoneInfo], list[Interval]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def opening_day(self, day: date) -> tuple[LocalInterval, ...]:
        """Returns the intervals that start on a date.

        The first of these decides: an exception of the room, an exception of the venue, the room's
        week, the venue's week.
        """
        for exceptions in (self.room_exceptions, self.venue_exceptions):
            if day in exceptions:
                return exceptions[day]
        weekday = _WEEKDAYS[day.weekday()]
        weekly = self.room_weekly or self.venue_weekly
        return next((hours.intervals for hours in weekly if hours.weekday is weekday), ())

    def is_open_by_date(self, wanted: Interval, zone: ZoneInfo) -> bool:
        """Returns whether the hours of one date contain a time, on a date of 24 hours.

        This takes little for times that are far apart; ``open_intervals`` knows about all others.
        """
        day = wanted.start.astimezone(zone).date()
        begins, ends = midnight(day, zone), midnight(day + _DAY, zone)
        if ends - begins != _DAY or wanted.end > ends:
            return False
        since, until = wanted.start - begins, wanted.end - begins
        return any(
            timedelta(minutes=each.opens_at.minutes) <= since
            and until <= timedelta(minutes=each.closes_at.minutes)
            for each in self.opening_day(day)
        )

    def open_intervals(self, window: Interval, zone: ZoneInfo) -> list[Interval]:
        """Returns the open intervals around a window: disjoint, in order and not cut off.

        Adjacent intervals across midnight are joined.
        """
        days = dates_around(window, zone)
        key = days[0], days[-1], zone
        opened = self._opened.get(key)
        if opened is None:
            if len(self._opened) >= MAX_OPENED:
                self._opened.clear()
            opened = self._opened[key] = merge(self._open_on(days, zone))
        return [interval for interval in opened if interval.overlaps(window)]

    def _open_on(self, days: Sequence[date], zone: ZoneInfo) -> Iterator[Interval]:
        return (
            Interval(opens, closes)
            for day in days
            for hours in self.opening_day(day)
            # Hours completely within an hour that the clock skips are empty.
            if (opens := instant(day, hours.opens_at, zone, edge=Edge.OPENING))
            < (closes := instant(day, hours.closes_at, zone, edge=Edge.CLOSING))
        )


def daily_hours(
    intervals: Sequence[LocalInterval], *, path: Path = ("intervals",)
) -> tuple[LocalInterval, ...]:
    """Returns the intervals of a day in order, adjacent ones joined. Raises Invalid."""
    kept: list[LocalInterval] = []
    for index, given in sorted(enumerate(intervals), key=lambda item: item[1]):
        if given.opens_at >= _MIDNIGHT:
            raise Invalid("The opening time must be before 24:00.", path=(*path, index, "opens_at"))
        if given.opens_at >= given.closes_at:
            raise Invalid(
                "The closing time must be later than the opening time.",
                path=(*path, index, "closes_at"),
            )
        if kept and given.opens_at < kept[-1].closes_at:
            raise Invalid("The intervals of a day can't overlap.", path=(*path, index))
        if kept and given.opens_at == kept[-1].closes_at:
            kept[-1] = LocalInterval(kept[-1].opens_at, given.closes_at)
        else:
            kept.append(given)
    return tuple(kept)


def weekly_hours(
    given: Sequence[WeeklyHours], *, path: Path = ("hours",)
) -> tuple[WeeklyHours, ...]:
    """Returns a weekly plan with all seven weekdays in order; missing ones are closed.

    An empty plan stays empty: for a room, the venue's hours apply. Raises Invalid, also for a
    weekday that is given twice.
    """
    if not given:
        return ()
    days: dict[Weekday, tuple[LocalInterval, ...]] = {}
    for index, hours in enumerate(given):
        if hours.weekday in days:
            raise Invalid("Each weekday can be given only once.", path=(*path, index, "weekday"))
        days[hours.weekday] = daily_hours(hours.intervals, path=(*path, index, "intervals"))
    return tuple(WeeklyHours(weekday, days.get(weekday, ())) for weekday in Weekday)
