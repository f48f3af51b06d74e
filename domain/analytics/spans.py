"""Spans of a venue's dates: [from, until)."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, assert_never

MAX_DAYS: Final = 800
"""The longest span of dates that can be queried at once."""
_FIRST_YEAR, _LAST_YEAR = 1971, 2199


@dataclass(frozen=True, slots=True)
class DateSpan:
    """Dates of the venue: ``from_`` is in, ``until`` is not."""

    from_: date
    until: date

    @property
    def days(self) -> int:
        """The number of dates, not positive for an empty or reversed span."""
        return (self.until - self.from_).days

    def __contains__(self, day: date) -> bool:
        return self.from_ <= day < self.until

    def dates(self) -> list[date]:
        """Returns the dates in order."""
        return [self.from_ + timedelta(days=number) for number in range(self.days)]


class Comparison(StrEnum):
    """The earlier span that a span is compared with."""

    PREVIOUS_PERIOD = "PREVIOUS_PERIOD"
    PREVIOUS_YEAR = "PREVIOUS_YEAR"


def span_problem(span: DateSpan) -> str | None:
    """Returns why a span can't be queried, for a person; None if it can."""
    if not 1 <= span.days <= MAX_DAYS:
        return f"`until` must be 1 to {MAX_DAYS} days after `from`."
    if span.from_.year < _FIRST_YEAR or span.until.year > _LAST_YEAR:
        return f"The years of `from` and `until` must be {_FIRST_YEAR} to {_LAST_YEAR}."
    return None


def compared_with(span: DateSpan, comparison: Comparison) -> DateSpan:
    """Returns the earlier span that a span is compared with.

    The previous period has as many dates and ends where the span begins. The previous year has the
    same dates of the calendar, so it may be a day longer or shorter.
    """
    match comparison:
        case Comparison.PREVIOUS_PERIOD:
            return DateSpan(span.from_ - timedelta(days=span.days), span.from_)
        case Comparison.PREVIOUS_YEAR:
            until = _a_year_before(span.until - timedelta(days=1)) + timedelta(days=1)
            return DateSpan(_a_year_before(span.from_), until)
        case _:
            assert_never(comparison)


def _a_year_before(day: date) -> date:
    """Returns the same date a year earlier; 28 February for the 29th."""
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 2, 28)
    return day.replace(year=day.year - 1)
