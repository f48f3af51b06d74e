"""Strategies of the property tests: minutes of a fixed week, and days of clock changes."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from domain.core.intervals import Interval

EPOCH = datetime(2027, 1, 4, tzinfo=UTC)


def at_minute(minute: int) -> datetime:
    """Returns so many minutes after the epoch of the tests."""
    return EPOCH + timedelta(minutes=minute)


def minute_of(instant: datetime) -> int:
    """Returns the minutes from the epoch of the tests to an instant."""
    return (instant - EPOCH) // timedelta(minutes=1)


def minutes_in(*intervals: Interval) -> set[int]:
    """Returns the minutes that intervals cover, as a set: what their algebra is checked against."""
    return {
        minute
        for interval in intervals
        for minute in range(minute_of(interval.start), minute_of(interval.end))
    }


def intervals(last: int = 200, longest: int = 40) -> st.SearchStrategy[Interval]:
    """Intervals that start within the first minutes after the epoch."""
    return st.builds(
        lambda start, minutes: Interval.of_minutes(at_minute(start), minutes),
        st.integers(0, last),
        st.integers(1, longest),
    )


# By an hour at 2 o'clock, by half an hour, by two hours, at midnight, one minute after it, with
# winter as the exception, for a month of fasting, and a whole date left out.
ZONES = (
    *("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll"),
    *("America/Santiago", "Africa/Cairo", "America/Havana", "Asia/Beirut", "America/St_Johns"),
    *("Europe/Dublin", "Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu"),
)


@cache
def days_of_change(name: str) -> tuple[date, ...]:
    """Returns the dates until 2031 on which a zone's clock changes, and the first of 2027."""
    zone = ZoneInfo(name)
    days = [date(2010, 1, 1) + timedelta(days=n) for n in range(22 * 365)]
    noons = [datetime(d.year, d.month, d.day, 12, tzinfo=zone).utcoffset() for d in days]
    changed = (
        d for d, before, after in zip(days[1:], noons, noons[1:], strict=False) if before != after
    )
    return (date(2027, 1, 1), *changed)


@st.composite
def zoned_days(draw: st.DrawFn) -> tuple[ZoneInfo, date]:
    """Returns a zone, and a date on which its clock changes or the one before or after."""
    name = draw(st.sampled_from(ZONES))
    day = draw(st.sampled_from(days_of_change(name)))
    return ZoneInfo(name), day + timedelta(days=draw(st.integers(-1, 1)))
