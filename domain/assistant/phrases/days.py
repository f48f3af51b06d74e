"""What expressions of a date mean on a calendar: which days they may be, seen from today."""

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from domain.assistant.phrases.grammars import DateKind
from domain.assistant.phrases.requests import DateRange, RemarkCode

DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(weeks=1)
_JUST_PAST: Final = timedelta(days=300)


class DateOrder(StrEnum):
    """Whether the day or the month comes first in dates of numbers."""

    DAY_FIRST = "DAY_FIRST"
    MONTH_FIRST = "MONTH_FIRST"


@dataclass(frozen=True, slots=True)
class Days:
    """The calendar that a text is read by: ``order`` is None if the locale doesn't decide.

    ``week_may_have_begun`` on a Sunday, where some weeks start on Sunday and others on Monday.
    """

    today: date
    order: DateOrder | None
    week_may_have_begun: bool
    vague_days: frozenset[int]


@dataclass(frozen=True, slots=True)
class DateMention:
    """What one expression may mean; nothing if there is no such date, or it is past.

    ``weekdays`` are set for a weekday alone, which only narrows other expressions.
    ``is_calendar_date`` if a date itself was said, rather than how far it is from today.
    """

    ranges: tuple[DateRange, ...]
    doubt: RemarkCode | None = None
    assumed: RemarkCode | None = None
    problem: RemarkCode | None = None
    weekdays: tuple[int, ...] = ()
    is_calendar_date: bool = False


def in_year(year: str | None, month: int, day: int, days: Days) -> DateMention:
    """Returns a date; without a year, the next such date from today on."""
    if year is not None:
        full = year.strip("'").rjust(4, "0")
        full = f"20{full[2:]}" if full.startswith("00") else full
        return said(full, str(month), str(day), days)
    for candidate in range(days.today.year, days.today.year + 5):
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if found >= days.today:
            doubt = RemarkCode.ALREADY_PAST if found - days.today > _JUST_PAST else None
            return DateMention((DateRange(found, found),), doubt, is_calendar_date=True)
    return DateMention((), problem=RemarkCode.NO_SUCH_DATE)


def said(year: str, month: str, day: str, days: Days) -> DateMention:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return DateMention((), problem=RemarkCode.NO_SUCH_DATE)
    return on(found, days)


def on(day: date, days: Days) -> DateMention:
    if day < days.today:
        return DateMention((), problem=RemarkCode.PAST)
    # Days after it are looked at too, and calendars end with the year 9999.
    if day.year == date.max.year:
        return DateMention((), problem=RemarkCode.NO_SUCH_DATE)
    return DateMention((DateRange(day, day),), is_calendar_date=True)


def day_of_month(day: int, days: Days) -> DateMention:
    month = days.today.replace(day=1)
    for _ in range(3):
        if day <= month_end(month).day and month.replace(day=day) >= days.today:
            found = month.replace(day=day)
            return DateMention(
                (DateRange(found, found),), assumed=RemarkCode.NEXT_SUCH_DAY, is_calendar_date=True
            )
        month = month_end(month) + DAY
    return DateMention((), problem=RemarkCode.NO_SUCH_DATE)


def nth_weekday(n: int, weekday: int, month: int, days: Days) -> DateMention:
    for year in (days.today.year, days.today.year + 1):
        found = _coming(weekday, date(year, month, 1)) + (n - 1) * WEEK
        if found.month == month and found >= days.today:
            return DateMention((DateRange(found, found),), is_calendar_date=True)
    return DateMention((), problem=RemarkCode.NO_SUCH_DATE)


def ahead(n: int, unit: str, days: Days, today: date) -> DateMention:
    match unit:
        case "day" if n in days.vague_days:
            either = (today + (n - 1) * DAY, today + n * DAY)
            return DateMention(tuple(DateRange(day, day) for day in either), RemarkCode.WHICH_DAY)
        case "day":
            return on(today + n * DAY, days)
        case "week" | "fortnight":
            return on(today + n * (2 if unit == "fortnight" else 1) * WEEK, days)
        case "month":
            month = today.month - 1 + n
            first = date(today.year + month // 12, month % 12 + 1, 1)
            day = first.replace(day=min(today.day, month_end(first).day))
            return DateMention((DateRange(day, day),))
        case _:
            return period(DateKind.NEXT, unit, days)


def coming_weekdays(weekdays: Sequence[int], days: Days) -> DateMention:
    """Returns the next dates with one of the weekdays; today and in a week, if it is today's."""
    dates = sorted(_coming(each, days.today) for each in weekdays)
    doubt = RemarkCode.WHICH_DAY if len(dates) > 1 else None
    if days.today in dates:
        dates.append(days.today + WEEK)
        doubt = RemarkCode.WHICH_WEEK
    ranges = tuple(DateRange(day, day) for day in dates)
    return DateMention(
        ranges, doubt, None if doubt else RemarkCode.NEXT_SUCH_DAY, weekdays=tuple(weekdays)
    )


def which_weekday(kind: DateKind, weekdays: Sequence[int], days: Days) -> DateMention:
    today = days.today
    dates: set[date] = set()
    for weekday in weekdays:
        coming = _coming(weekday, today + DAY)
        in_next_week = _monday(today) + WEEK + weekday * DAY
        match kind:
            case DateKind.THIS:
                dates.add(_coming(weekday, today))
            case DateKind.COMING:
                dates.add(coming)
            case DateKind.AFTER_NEXT:
                dates |= {coming + WEEK, in_next_week + WEEK}
            case _:
                dates |= {coming, in_next_week}
        if days.week_may_have_begun and kind in (DateKind.NEXT, DateKind.AFTER_NEXT):
            dates.add(coming + (WEEK if kind is DateKind.NEXT else 2 * WEEK))
    ranges = tuple(DateRange(day, day) for day in sorted(dates))
    return DateMention(ranges, RemarkCode.WHICH_WEEK if len(ranges) > 1 else None)


def period(kind: DateKind, unit: str, days: Days) -> DateMention:
    """Returns this, the next or the second next week, weekend or month."""
    today, steps = days.today, {DateKind.THIS: 0, DateKind.AFTER_NEXT: 2}.get(kind, 1)
    match unit:
        case "day":
            return DateMention((DateRange(today, today + steps * DAY),))
        case "month":
            first = today.replace(day=1)
            for _ in range(steps):
                first = month_end(first) + DAY
            return DateMention((DateRange(max(today, first), month_end(first)),))
        case "weekend":
            saturday = _monday(today) + 5 * DAY
            if kind is DateKind.COMING and today < saturday:
                steps = 0
            starts = {saturday + steps * WEEK}
            # Before Saturday, the weekend of this week may be meant, too.
            if kind in (DateKind.NEXT, DateKind.AFTER_NEXT) and today < saturday:
                starts.add(saturday + (steps - 1) * WEEK)
        case _:
            starts = {_monday(today) + steps * WEEK}
            if steps and days.week_may_have_begun:
                starts.add(_monday(today) + (steps + 1) * WEEK)
    length = 1 if unit == "weekend" else 6
    ranges = tuple(DateRange(max(first, today), first + length * DAY) for first in sorted(starts))
    return DateMention(ranges, RemarkCode.WHICH_WEEK if len(ranges) > 1 else None)


def each_day(span: DateRange) -> Iterator[date]:
    return (span.first + n * DAY for n in range((span.last - span.first).days + 1))


def moved(span: DateRange, by: timedelta) -> DateRange:
    return DateRange(span.first + by, span.last + by)


def _coming(weekday: int, since: date) -> date:
    return since + (weekday - since.weekday()) % 7 * DAY


def _monday(day: date) -> date:
    return day - day.weekday() * DAY


def month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
