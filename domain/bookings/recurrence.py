"""Recurrence rules: the occurrences of a series on the venue's calendar (RFC 5545, 3.3.10).

Rules repeat local dates, at the same wall-clock time. Each occurrence is converted to an instant
once, never by adding to the one before, so that clock changes don't move those that follow.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice, pairwise, takewhile
from typing import Literal
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

from domain.core.intervals import Interval
from domain.core.refusals import Invalid, Path

MOST_OCCURRENCES = 366
MOST_MONTHS = 24
_CYCLE = 400
"""After so many years, all dates are on the same weekdays again."""
_BEYOND_CYCLE = 150_000
"""More periods than a cycle has, also of days."""
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Frequency(StrEnum):
    """How often a rule repeats."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


_FREQUENCIES: dict[Frequency, Literal[0, 1, 2, 3]] = {
    Frequency.DAILY: DAILY,
    Frequency.WEEKLY: WEEKLY,
    Frequency.MONTHLY: MONTHLY,
    Frequency.YEARLY: YEARLY,
}


@dataclass(frozen=True, slots=True)
class WeekdayNumber:
    """A weekday, 0 for Monday; ``ordinal`` counts it in its month or year, -1 for the last."""

    weekday: int
    ordinal: int | None = None

    def __str__(self) -> str:
        return f"{'' if self.ordinal is None else self.ordinal}{WEEKDAYS[self.weekday]}"


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """A rule that ends: by ``count``, which includes excluded dates, or ``until``, inclusive."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: date | datetime | None = None
    by_day: tuple[WeekdayNumber, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_position: tuple[int, ...] = ()
    week_start: int = 0

    def __str__(self) -> str:
        parts: list[tuple[str, object]] = [("FREQ", self.frequency)]
        if self.interval != 1:
            parts.append(("INTERVAL", self.interval))
        if self.count is not None:
            parts.append(("COUNT", self.count))
        if self.until is not None:
            form = "%Y%m%dT%H%M%SZ" if isinstance(self.until, datetime) else "%Y%m%d"
            parts.append(("UNTIL", self.until.strftime(form)))
        lists = zip(
            ("BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"),
            (self.by_day, self.by_month_day, self.by_month, self.by_position),
            strict=True,
        )
        parts += [(name, ",".join(map(str, values))) for name, values in lists if values]
        if self.week_start:
            parts.append(("WKST", WEEKDAYS[self.week_start]))
        return ";".join(f"{name}={value}" for name, value in parts)


def rule_dates(rule: RecurrenceRule, first: date, *, through: date) -> Iterator[date]:
    """Yields the local dates of a rule from the first one on, not limited by the rule's end.

    There are none if the rule doesn't include the first one.
    """
    rule = _explicit(rule, first)
    # If a rule has no other date, dateutil looks for one until the year 9999, day by day. So it's
    # asked for the first period alone before, and always in the last cycle of its calendar.
    only_period = _dates(replace(rule, interval=_BEYOND_CYCLE), first, through)
    if first in takewhile(lambda each: each <= first, only_period):
        yield from (each for each in _dates(rule, first, through) if each >= first)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A start of a series; ``moved`` if the clock skips its time, and it starts after the gap."""

    date: date
    starts_at: datetime
    moved: bool = False


def occurrences(
    rule: RecurrenceRule,
    starts_at: datetime,
    zone: ZoneInfo,
    *,
    except_dates: Set[date] = frozenset(),
    path: Path = (),
) -> list[Occurrence]:
    """Returns the occurrences of a series that starts at an instant, in order.

    They keep the wall-clock time of the first. A time that the clock skips moves forward by the
    gap; of a repeated one it is the first, except that the series starts when it was said to.
    Raises Invalid if the rule doesn't include the first date, has more than 366 occurrences or
    lasts over 24 months, or an excluded date isn't one of them, or all are excluded.
    """
    first = starts_at.astimezone(zone)
    last_date = first.date() + relativedelta(months=MOST_MONTHS)
    through = max(first.date(), min(last_date, _last_date(rule)) + timedelta(days=1))
    days = rule_dates(rule, first.date(), through=through)
    found = [_occurrence(day, first, starts_at, zone) for day in islice(days, rule.count)]
    if not found or found[0].date != first.date():
        problem = f"The rule doesn't include the first date, {first:%Y-%m-%d}."
        raise Invalid(problem, path=(*path, "rrule"))
    found = _until_end(rule, found, last_date, path=(*path, "rrule"))

    unknown = sorted(except_dates - {each.date for each in found})
    if unknown:
        problem = f"The rule has no occurrence on {unknown[0]}, so it can't be excluded."
        raise Invalid(problem, path=(*path, "except_dates"))
    kept = [each for each in found if each.date not in except_dates]
    if not kept:
        raise Invalid("All occurrences are excluded.", path=(*path, "except_dates"))
    return kept


def require_gaps(times: Sequence[Interval], *, minutes: int) -> None:
    """Raises Invalid if occurrences, in order, are closer together than so many minutes."""
    gap = timedelta(minutes=minutes)
    if any(later.start < earlier.end + gap for earlier, later in pairwise(times)):
        problem = "The occurrences overlap; make them shorter, or let them repeat less often."
        raise Invalid(problem, path=("duration_minutes",))


def _last_date(rule: RecurrenceRule) -> date:
    """The date by which a rule ends, or the day before; far ahead if it ends by its number."""
    if isinstance(rule.until, datetime):
        return rule.until.date()
    return rule.until or date(MAXYEAR - 1, 1, 1)


def _until_end(
    rule: RecurrenceRule, found: Sequence[Occurrence], last_date: date, *, path: Path
) -> list[Occurrence]:
    """Returns those up to the rule's end. Raises Invalid if there are too many, or too late."""
    if rule.count is not None:
        kept = list(found[: rule.count])
        too_late = len(kept) < rule.count or kept[-1].date > last_date
    elif isinstance(rule.until, datetime):
        kept = [each for each in found if each.starts_at <= rule.until]
        too_late = rule.until.date() > last_date + timedelta(days=1)
    else:
        kept = [each for each in found if rule.until is None or each.date <= rule.until]
        too_late = rule.until is None or rule.until > last_date
    if too_late:
        raise Invalid(f"A series lasts at most {MOST_MONTHS} months.", path=path)
    if not kept:
        raise Invalid("UNTIL lies before the first occurrence.", path=path)
    if len(kept) > MOST_OCCURRENCES:
        problem = f"The rule has {len(kept)} occurrences; at most {MOST_OCCURRENCES} are allowed."
        raise Invalid(problem, path=path)
    return kept


def _occurrence(day: date, first: datetime, starts_at: datetime, zone: ZoneInfo) -> Occurrence:
    if day == first.date():
        return Occurrence(day, starts_at)
    wall_clock = datetime.combine(day, first.time().replace(fold=0))
    # Before a gap's end the offset before it applies, which moves the time forward by the gap.
    instant = wall_clock.replace(tzinfo=zone).astimezone(UTC)
    moved = instant.astimezone(zone).replace(tzinfo=None) != wall_clock
    return Occurrence(day, instant, moved)


def _dates(rule: RecurrenceRule, first: date, through: date) -> Iterator[date]:
    """Yields the dates of a rule from the beginning of the first one's period on."""
    later = (MAXYEAR - 1 - through.year) // _CYCLE * _CYCLE
    # The rule's periods are counted from the one that contains the first date, and BYSETPOS counts
    # within whole periods: so dateutil starts where that period does.
    begin = _period_start(rule, first)
    for each in rrule(
        _FREQUENCIES[rule.frequency],
        dtstart=datetime.combine(begin.replace(year=begin.year + later), time()),
        until=datetime.combine(through.replace(year=through.year + later), time()),
        interval=rule.interval,
        wkst=rule.week_start,
        byweekday=_weekdays(rule) or None,
        bymonthday=rule.by_month_day or None,
        bymonth=rule.by_month or None,
        bysetpos=rule.by_position or None,
    ):
        yield each.date().replace(year=each.year - later)


def _explicit(rule: RecurrenceRule, first: date) -> RecurrenceRule:
    """Returns the rule with what it takes from its first date written out."""
    if rule.by_day or rule.by_month_day:
        return rule
    match rule.frequency:
        case Frequency.DAILY:
            return rule
        case Frequency.WEEKLY:
            return replace(rule, by_day=(WeekdayNumber(first.weekday()),))
        case Frequency.MONTHLY:
            return replace(rule, by_month_day=(first.day,))
        case Frequency.YEARLY:
            by_month = rule.by_month or (first.month,)
            return replace(rule, by_month=by_month, by_month_day=(first.day,))


def _period_start(rule: RecurrenceRule, first: date) -> date:
    match rule.frequency:
        case Frequency.DAILY:
            return first
        case Frequency.WEEKLY:
            return first - timedelta(days=(first.weekday() - rule.week_start) % 7)
        case Frequency.MONTHLY:
            return first.replace(day=1)
        case Frequency.YEARLY:
            return first.replace(month=1, day=1)


def _weekdays(rule: RecurrenceRule) -> list[weekday]:
    if all(each.ordinal is None for each in rule.by_day):
        return [weekday(each.weekday) for each in rule.by_day]
    # dateutil takes plain weekdays beside numbered ones as a further condition, where the RFC adds
    # them up: so each plain one is written as all of its numbers.
    in_month = rule.frequency is Frequency.MONTHLY or rule.by_month
    numbers = range(1, 6 if in_month else 54)
    return [
        weekday(each.weekday, number)
        for each in rule.by_day
        for number in ([each.ordinal] if each.ordinal is not None else numbers)
    ]
