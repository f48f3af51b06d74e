"""The dates of a recurrence rule, one by one by the table of RFC 5545: an oracle for tests."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby

from domain.bookings.recurrence import Frequency, RecurrenceRule, WeekdayNumber


def dates_by_the_rfc(rule: RecurrenceRule, first: date, *, days: int) -> list[date]:
    """Returns the dates of a rule within so many days, as the RFC's table has each of its parts."""
    # Whole periods are listed, as BYSETPOS counts in them.
    begin, end = first - timedelta(days=366), first + timedelta(days=days)
    every = [begin + timedelta(days=n) for n in range(366 + days + 366)]
    found = []
    for period, group in groupby(every, key=lambda day: _period(rule, day)):
        if (period - _period(rule, first)) % rule.interval:
            continue
        days_of_period = [day for day in group if _matches(rule, day, first)]
        for place, day in enumerate(days_of_period):
            places = {place + 1, place - len(days_of_period)}
            if (not rule.by_position or places & set(rule.by_position)) and first <= day < end:
                found.append(day)
    return found


def random_rules(seed: int, count: int) -> Iterator[tuple[RecurrenceRule, date]]:
    """Rules with a first date that they include."""
    draw = random.Random(seed)
    made = 0
    while made < count:
        rule = _random_rule(draw)
        first = date(2026, 1, 1) + timedelta(days=draw.randrange(1200))
        dates = dates_by_the_rfc(rule, first, days=400)
        if dates:
            made += 1
            yield rule, dates[0]


def _period(rule: RecurrenceRule, day: date) -> int:
    match rule.frequency:
        case Frequency.DAILY:
            return day.toordinal()
        case Frequency.WEEKLY:
            return (day.toordinal() - 1 - rule.week_start) // 7
        case Frequency.MONTHLY:
            return day.year * 12 + day.month
        case Frequency.YEARLY:
            return day.year


def _matches(rule: RecurrenceRule, day: date, first: date) -> bool:
    if rule.by_month and day.month not in rule.by_month:
        return False
    if rule.by_month_day and not _month_days(day) & set(rule.by_month_day):
        return False
    if rule.by_day:
        return any(_is_weekday(rule, each, day) for each in rule.by_day)
    if rule.by_month_day:
        return True
    match rule.frequency:
        case Frequency.DAILY:
            return True
        case Frequency.WEEKLY:
            return day.weekday() == first.weekday()
        case Frequency.MONTHLY:
            return day.day == first.day
        case Frequency.YEARLY:
            return day.day == first.day and (bool(rule.by_month) or day.month == first.month)


def _month_days(day: date) -> set[int]:
    return {day.day, day.day - 1 - _last_of_month(day).day}


def _is_weekday(rule: RecurrenceRule, wanted: WeekdayNumber, day: date) -> bool:
    if day.weekday() != wanted.weekday or wanted.ordinal is None:
        return day.weekday() == wanted.weekday
    if rule.frequency is Frequency.MONTHLY or rule.by_month:
        first, last = day.replace(day=1), _last_of_month(day)
    else:
        first, last = day.replace(month=1, day=1), day.replace(month=12, day=31)
    number = (day - first).days // 7 + 1 if wanted.ordinal > 0 else -((last - day).days // 7) - 1
    return number == wanted.ordinal


def _last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _random_rule(draw: random.Random) -> RecurrenceRule:
    frequency = draw.choice(list(Frequency))
    numbered = frequency in (Frequency.MONTHLY, Frequency.YEARLY)
    by_month = _some(draw, range(1, 13), 0.3)
    top = 5 if frequency is Frequency.MONTHLY or by_month else 53
    by_day = tuple(
        WeekdayNumber(
            each,
            draw.choice((1, -1)) * draw.randint(1, top)
            if numbered and draw.random() < numbers
            else None,
        )
        for numbers in [draw.choice((0, 0.5, 1))]
        for each in _some(draw, range(7), 0.6)
    )
    days = (*range(1, 32), *range(-31, 0))
    by_month_day = () if frequency is Frequency.WEEKLY else _some(draw, days, 0.3)
    by_position = _some(draw, (1, 2, 3, -1, -2), 0.3) if by_day or by_month_day or by_month else ()
    return RecurrenceRule(
        frequency,
        interval=draw.choice((1, 1, 1, 2, 3)),
        count=draw.randint(1, 8),
        by_day=by_day,
        by_month_day=by_month_day,
        by_month=by_month,
        by_position=by_position,
        week_start=draw.choice((0, 0, 0, 6, 3)),
    )


def _some(draw: random.Random, values: range | tuple[int, ...], chance: float) -> tuple[int, ...]:
    if draw.random() >= chance:
        return ()
    return tuple(sorted(draw.sample(values, draw.randint(1, 3))))
