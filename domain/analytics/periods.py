"""Parts of a span for which figures are shown by themselves."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, assert_never

from domain.analytics.cells import HOURS
from domain.analytics.spans import DateSpan

MAX_POINTS: Final = 1_000
_DAY: Final = timedelta(days=1)


class Granularity(StrEnum):
    """How long the parts of a span are."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


def points_problem(span: DateSpan, granularity: Granularity) -> str | None:
    """Returns why a span has too many parts, for a person; None if it hasn't."""
    points = span.days * HOURS if granularity is Granularity.HOUR else span.days
    if granularity in (Granularity.HOUR, Granularity.DAY) and points > MAX_POINTS:
        return (
            f"At most {MAX_POINTS:,} points: `until` must be at most "
            f"{MAX_POINTS // HOURS} days after `from` for granularity {granularity}."
        )
    return None


def parts_of(span: DateSpan, granularity: Granularity) -> Sequence[DateSpan]:
    """Returns a span's dates, weeks or months in order, the first and last cut at its edges.

    Weeks begin on Monday. Hours are parts of their date.
    """
    match granularity:
        case Granularity.HOUR | Granularity.DAY:
            return [DateSpan(day, day + _DAY) for day in span.dates()]
        case Granularity.WEEK:
            return _parts(span, _week_after)
        case Granularity.MONTH:
            return _parts(span, _month_after)
        case _:
            assert_never(granularity)


def week_of(day: date) -> DateSpan:
    """Returns the week of a date, from Monday on."""
    monday = day - timedelta(days=day.weekday())
    return DateSpan(monday, monday + 7 * _DAY)


def quarter_of(day: date) -> DateSpan:
    """Returns the quarter of the calendar year that a date is in."""
    start = day.replace(month=day.month - (day.month - 1) % 3, day=1)
    return DateSpan(start, _month_after(_month_after(_month_after(start))))


def quarters_of(dates: Iterable[date]) -> list[DateSpan]:
    """Returns the quarters that dates are in, in order."""
    starts = {(day.year, (day.month - 1) // 3): day for day in dates}
    return [quarter_of(starts[each]) for each in sorted(starts)]


def _parts(span: DateSpan, following: Callable[[date], date]) -> list[DateSpan]:
    parts = []
    start = span.from_
    while start < span.until:
        end = min(following(start), span.until)
        parts.append(DateSpan(start, end))
        start = end
    return parts


def _week_after(day: date) -> date:
    return week_of(day).until


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)
