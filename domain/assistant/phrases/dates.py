"""Finds the dates of a text."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from domain.assistant.phrases.days import (
    DAY,
    WEEK,
    DateMention,
    DateOrder,
    Days,
    ahead,
    coming_weekdays,
    day_of_month,
    each_day,
    in_year,
    month_end,
    moved,
    nth_weekday,
    on,
    period,
    said,
    which_weekday,
)
from domain.assistant.phrases.grammars import DateKind, Grammar
from domain.assistant.phrases.requests import DateRange, RemarkCode
from domain.assistant.phrases.text import UnreadText

_ISO: Final = re.compile(r"(?<!\d)(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)")
_SLASHES: Final = re.compile(
    r"(?<![\d/])(?P<a>\d{1,2})(?:/(?P<b>\d{1,2})(?:/(?P<year>\d{4}|\d\d))?"
    r"|(?P<mark>[-.])(?P<b2>\d{1,2})(?P=mark)(?P<year2>\d{4}))(?![\d/])"
)


def find_dates(text: UnreadText, grammar: Grammar, days: Days) -> list[DateMention]:
    """Returns what the text says about the date, in the order of the patterns."""
    found = []
    while match := text.take(_ISO):
        found.append(said(match["year"], match["month"], match["day"], days))
    while match := text.take(_SLASHES):
        given = {
            "a": match["a"],
            "b": match["b"] or match["b2"],
            "year": match["year"] or match["year2"],
        }
        found.append(_numbers(given, days, by_order=match["mark"] != "."))
    for kind, pattern in grammar.dates:
        while match := text.take(grammar.compiled(pattern)):
            given = {key: value for key, value in match.groupdict().items() if value is not None}
            found.append(_mention(kind, given, grammar, days))
    return found


def combined(found: Sequence[DateMention], days: Days) -> DateMention | None:
    """Returns what all expressions say together; None without any."""
    if not found:
        return None
    others = [each for each in found if not each.weekdays]
    weekdays = [each for each in found if each.weekdays]
    if not others:
        return weekdays[0] if len(weekdays) == 1 else _several(weekdays)
    whole = others[0] if len(others) == 1 else _several(others)
    if whole.problem or not weekdays:
        return whole
    wanted = {day for each in weekdays for day in each.weekdays}
    return _narrowed(whole, wanted, days)


def _narrowed(whole: DateMention, weekdays: set[int], days: Days) -> DateMention:
    """Returns the dates of a mention that are one of the weekdays.

    If it is a date of another weekday, both it and the nearest such weekday may be meant.
    """
    fit = tuple(
        DateRange(day, day)
        for span in whole.ranges
        for day in each_day(span)
        if day.weekday() in weekdays
    )
    if fit:
        doubt = RemarkCode.WHICH_DAY if len(fit) > len(whole.ranges) else whole.doubt
        return DateMention(fit, doubt, whole.assumed, is_calendar_date=whole.is_calendar_date)
    near = [
        day
        for span in whole.ranges
        for n in (0, 1, -1, 2, -2, 3, -3)
        if (day := span.first + n * DAY).weekday() in weekdays and day >= days.today
    ]
    either = {*whole.ranges, *(DateRange(day, day) for day in near[:1])}
    return DateMention(tuple(sorted(either)), RemarkCode.WEEKDAY_DIFFERS)


def _several(found: Sequence[DateMention]) -> DateMention:
    if problem := next((each.problem for each in found if each.problem), None):
        return DateMention((), problem=problem)
    common = set(found[0].ranges).intersection(*(each.ranges for each in found[1:]))
    ranges = common or {span for each in found for span in each.ranges}
    doubt = RemarkCode.SEVERAL_DATES if len(ranges) > 1 else None
    return DateMention(tuple(sorted(ranges)), doubt)


def _mention(kind: DateKind, given: Mapping[str, str], grammar: Grammar, days: Days) -> DateMention:
    today = days.today
    match kind:
        case DateKind.NUMBERS:
            return _numbers(given, days, by_order=False)
        case DateKind.DAY_MONTH:
            month = grammar.months[given["month"]]
            return in_year(given.get("year"), month, int(given["day"]), days)
        case DateKind.HOLIDAY:
            return in_year(None, *grammar.holidays[given["holiday"]], days)
        case DateKind.DAY_RANGE:
            return _range(given, grammar, days)
        case DateKind.DAY_OF_MONTH:
            found = day_of_month(int(given["day"]), days)
            if found.problem or "weekday" not in given:
                return found
            return _narrowed(found, {*_weekdays_of(given["weekday"], grammar)}, days)
        case DateKind.NTH_WEEKDAY:
            month, weekdays = (
                grammar.months[given["month"]],
                _weekdays_of(given["weekday"], grammar),
            )
            return nth_weekday(int(given["day"]), weekdays[0], month, days)
        case DateKind.WITHIN:
            unit = given.get("unit") or given.get("unit2") or "week"
            n = int(given.get("n") or given.get("n2") or 1)
            last = ahead(n, grammar.units[unit], days, today).ranges[-1].last
            return DateMention((DateRange(today, last),))
        case DateKind.LAST:
            return DateMention((), problem=RemarkCode.PAST)
        case DateKind.MONTH:
            first = today.replace(day=1, month=grammar.months[given["month"]])
            first = first if month_end(first) >= today else first.replace(year=first.year + 1)
            return DateMention((DateRange(max(first, today), month_end(first)),))
        case DateKind.NAMED_DAY:
            return on(today + grammar.named_days[given["named"]] * DAY, days)
        case DateKind.AHEAD:
            since = today + grammar.named_days.get(given.get("named", ""), 0) * DAY
            return ahead(int(given.get("n", 1)), grammar.units[given["unit"]], days, since)
        case DateKind.WEEKDAY | DateKind.WEEKDAY_AHEAD:
            weekdays = _weekdays_of(given.get("weekday") or given["weekday2"], grammar)
            if kind is DateKind.WEEKDAY:
                return coming_weekdays(weekdays, days)
            weeks = int(given.get("n", 2 if "days" in given else 1))
            spans = coming_weekdays(weekdays, days).ranges
            later = tuple(moved(span, weeks * WEEK) for span in spans)
            return DateMention(later, RemarkCode.WHICH_WEEK if len(later) > 1 else None)
        case _:
            word = given.get("period") or given.get("period2") or given.get("unit") or ""
            if word in grammar.units:
                return period(kind, grammar.units[word], days)
            if not word:  # "Friday of next week"
                weekdays = _weekdays_of(given["weekday"], grammar)
                return _narrowed(period(kind, "week", days), {*weekdays}, days)
            return which_weekday(kind, _weekdays_of(word, grammar), days)


def _numbers(given: Mapping[str, str | None], days: Days, *, by_order: bool) -> DateMention:
    a, b, year = int(given["a"] or 0), int(given["b"] or 0), given.get("year")
    day_first = in_year(year, b, a, days) if b <= 12 else None
    month_first = in_year(year, a, b, days) if by_order and a <= 12 and b <= 31 else None
    if day_first and month_first and a != b:
        if days.order is None:
            both = [each for each in (day_first, month_first) if each.ranges]
            if len(both) == 2:
                ranges = tuple(sorted((*day_first.ranges, *month_first.ranges)))
                return DateMention(ranges, RemarkCode.DATE_ORDER, is_calendar_date=True)
            return DateMention(
                both[0].ranges if both else (),
                RemarkCode.DATE_ORDER if both else None,
                problem=None if both else day_first.problem,
                is_calendar_date=True,
            )
        chosen = day_first if days.order is DateOrder.DAY_FIRST else month_first
        return DateMention(
            chosen.ranges, chosen.doubt, RemarkCode.DATE_ORDER, chosen.problem, (), True
        )
    return day_first or month_first or DateMention((), problem=RemarkCode.NO_SUCH_DATE)


def _range(given: Mapping[str, str], grammar: Grammar, days: Days) -> DateMention:
    last_month = grammar.months[given.get("month2") or given["month"]]
    first_month = grammar.months[given.get("month") or given["month2"]]
    year = given.get("year")
    last = in_year(year, last_month, int(given["day2"]), days)
    if not last.ranges:
        return last
    end = last.ranges[0].last
    try:
        start = date(end.year - (first_month > last_month), first_month, int(given["day"]))
    except ValueError:
        return DateMention((), problem=RemarkCode.NO_SUCH_DATE)
    if start > end:
        return DateMention((), problem=RemarkCode.NO_SUCH_DATE)
    return DateMention((DateRange(max(start, days.today), end),), last.doubt)


def _weekdays_of(names: str, grammar: Grammar) -> list[int]:
    """Returns the weekdays of a name; of several, where the spelling leaves it open."""
    return [grammar.weekdays[each] for each in names.split("/")]
