"""What the parser knows of a language: words, and patterns in the order in which they are tried.

Patterns are regular expressions over text without capitals and accents, in which numbers are
digits. In braces they name sets of words: {weekday}, {month}, {n}, {unit}, {named}.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property


class DateKind(StrEnum):
    """What a pattern of a date means; the groups that it has are in parentheses."""

    NUMBERS = "numbers"  # (a, b, year)
    DAY_MONTH = "day and month"  # (day, month, year)
    DAY_RANGE = "from one day to another"  # (day, month, day2, month2, year)
    DAY_OF_MONTH = "day alone"  # (day, weekday)
    MONTH = "month alone"  # (month)
    NAMED_DAY = "today and the like"  # (named)
    HOLIDAY = "holiday"  # (holiday)
    AHEAD = "days, weeks or months from now"  # (n, unit, named)
    WEEKDAY_AHEAD = "weekday, weeks later"  # (weekday, n)
    WEEKDAY = "weekday"  # (weekday)
    NEXT = "next"  # (weekday or period), of which it is open which week is meant
    COMING = "coming"  # (weekday or period), the first one from now
    THIS = "this"  # (weekday or period)
    AFTER_NEXT = "after next"  # (weekday or period)
    LAST = "last"  # (weekday or period)
    WITHIN = "within some time from now"  # (n, unit)
    NTH_WEEKDAY = "first Friday of a month"  # (day, weekday, month)


class ClockKind(StrEnum):
    """What a pattern of a time means; the groups that it has are in parentheses."""

    FROM_TO = "from, to"  # (h, m, ap, h2, m2, ap2)
    BETWEEN = "between"  # (h, m, ap, h2, m2, ap2)
    AFTER = "after"  # (h, m, ap)
    BEFORE = "before"  # (h, m, ap)
    ABOUT = "about"  # (h, m, ap)
    AT = "at"  # (h, m, ap)
    HALF_PAST = "half past"  # (h)
    HALF_TO = "half to"  # (h)
    QUARTER_TO = "quarter to"  # (h)
    QUARTER_PAST = "quarter past"  # (h)
    QUARTER_BEFORE = "three quarters to"  # (h)
    MINUTES_PAST = "minutes past"  # (n, h)
    MINUTES_TO = "minutes to"  # (n, h)
    MINUTES_TO_HALF = "minutes to half"  # (n, h)
    NOON = "noon"
    MIDNIGHT = "midnight"


class PartOfDay(StrEnum):
    """A part of the day, by the hours that people mean by it."""

    MORNING = "06:00-12:00"
    NOON = "12:00-14:00"
    AFTERNOON = "12:00-18:00"
    TARDE = "12:00-20:00"
    EVENING = "18:00-24:00"
    NIGHT = "20:00-26:00"


class PartyKind(StrEnum):
    """What a pattern of a number of people means."""

    EXACT = "exact"  # (n)
    ROUGH = "rough"  # (n)
    RANGE = "range"  # (n, n2)
    WITH_SPEAKER = "with the speaker"  # (n)


class DurationKind(StrEnum):
    """What a pattern of a duration means."""

    MINUTES = "minutes"  # (n)
    HOURS = "hours"  # (n, minutes)
    HOURS_AND_HALF = "hours and a half"  # (n, 1 if it is missing)
    HOURS_RANGE = "from some hours to others"  # (n, n2)
    HALF_HOUR = "half an hour"


@dataclass(frozen=True)
class Grammar:
    """The words and patterns of one language."""

    language: str
    weekdays: Mapping[str, int]
    months: Mapping[str, int]
    named_days: Mapping[str, int]
    holidays: Mapping[str, tuple[int, int]]
    numbers: Mapping[str, int]
    ordinals: Mapping[str, int]
    units: Mapping[str, str]
    """Words for 'day', 'week', 'weekend' and 'month'."""
    common: str
    """Frequent words, by which the language is recognised."""
    rewrites: tuple[tuple[str, str], ...]
    """Replacements that are made first, such as of compounds."""
    dates: tuple[tuple[DateKind, str], ...]
    parts_of_day: tuple[tuple[PartOfDay, str], ...]
    clocks: tuple[tuple[ClockKind, str], ...]
    durations: tuple[tuple[DurationKind, str], ...]
    parties: tuple[tuple[PartyKind, str], ...]
    budgets: tuple[str, ...]
    """Patterns with the group {amount}, where no currency has to be named."""
    per_person: str
    per_hour: str
    zones: tuple[str, ...]
    """Patterns with the group {city}, of 'London time'."""
    cautions: str
    """Words that change what a date means if no other pattern has read them."""
    vague_days: frozenset[int] = field(default=frozenset())
    """The numbers of days by which people also mean whole weeks: 'in eight days'."""
    _compiled: dict[str, re.Pattern[str]] = field(default_factory=dict, init=False, repr=False)

    def compiled(self, pattern: str) -> re.Pattern[str]:
        """Returns a pattern with its sets of words filled in."""
        if pattern not in self._compiled:
            filled = re.sub(r"\{([a-z]+\d?)\}", self._group, pattern)
            self._compiled[pattern] = re.compile(rf"(?<!\w)(?:{filled})(?!\w)")
        return self._compiled[pattern]

    @cached_property
    def words(self) -> frozenset[str]:
        """All words that the language is recognised by."""
        sets: list[Iterable[str]] = [
            self.weekdays,
            self.named_days,
            self.units,
            self.common.split(),
            (each for each in self.months if len(each) > 3),
            (each for each in self.numbers if len(each) > 2),
        ]
        return frozenset(word for each in sets for phrase in each for word in phrase.split())

    @cached_property
    def corrected(self) -> frozenset[str]:
        """The words whose spelling is corrected: long ones that decide about a date."""
        words = (*self.weekdays, *self.months, *self.named_days)
        return frozenset(each for each in words if len(each) >= 6 and " " not in each)

    def _group(self, match: re.Match[str]) -> str:
        name = match[1]
        group = "city" if name == "cities" else name
        return f"(?P<{group}>{self._alternatives[name.rstrip('2')]})"

    @cached_property
    def _alternatives(self) -> Mapping[str, str]:
        weekday = _any_of(self.weekdays)
        return {
            "weekday": rf"{weekday}(?:/{weekday})*",
            "month": _any_of(self.months),
            # Others are words of their own, such as "may" and "march".
            "longmonth": _any_of(each for each in self.months if len(each) > 5),
            "named": _any_of(self.named_days),
            "holiday": _any_of(self.holidays),
            "unit": _any_of(self.units),
            "period": rf"(?:{weekday}(?:/{weekday})*|{_any_of(self.units)})",
            "n": r"\d{1,3}",
            "a": r"\d{1,2}",
            "b": r"(?:1[0-2]|0?[1-9])",
            "day": r"(?:3[01]|[12]\d|0?[1-9])",
            "year": r"(?:20\d\d|'\d\d)",
            "h": r"(?:2[0-4]|1\d|0?\d)",
            "m": r"[0-5]\d",
            "amount": r"\d{1,6}(?:[.,]\d{1,2})?",
            "city": "[a-z]+",
            "cities": "[a-z]+ [a-z]+",
        }


def _any_of(words: Iterable[str]) -> str:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return "(?:" + "|".join(map(re.escape, longest_first)) + ")"
