"""Parses recurrence rules: the RRULE of RFC 5545, without DTSTART."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

from domain.bookings.recurrence import (
    MOST_OCCURRENCES,
    WEEKDAYS,
    Frequency,
    RecurrenceRule,
    WeekdayNumber,
)
from domain.core.local_time import RRule
from domain.core.refusals import Invalid, Path

_MOST_INTERVAL = 999
_PARTS = (
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "BYDAY",
    "BYMONTHDAY",
    "BYMONTH",
    "BYSETPOS",
    "WKST",
)
_BY_DAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_INTEGER = re.compile(r"[+-]?[0-9]{1,3}")


def parse_rule(text: RRule | str, *, path: Path = ("rrule",)) -> RecurrenceRule:
    """Parses a rule such as 'FREQ=WEEKLY;BYDAY=TU;COUNT=10'.

    Raises Invalid for what isn't a rule of RFC 5545, has no end, or isn't supported: BYYEARDAY,
    BYWEEKNO, and what repeats within a day.
    """
    return _Parser(path).parse(text)


class _Parser:
    """Parses a rule; what is refused is named."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: dict[str, str] = {}

    def parse(self, text: str) -> RecurrenceRule:
        self.parts = self._split(text.strip().upper().removeprefix("RRULE:"))
        frequency = self._frequency()
        rule = RecurrenceRule(
            frequency,
            interval=self._number("INTERVAL", 1, _MOST_INTERVAL) or 1,
            count=self._number("COUNT", 1, MOST_OCCURRENCES),
            until=self._until(),
            by_day=self._by_day(frequency),
            by_month_day=self._numbers("BYMONTHDAY", 31, signed=True),
            by_month=self._numbers("BYMONTH", 12, signed=False),
            by_position=self._numbers("BYSETPOS", 366, signed=True),
            week_start=self._week_start(),
        )
        if (rule.count is None) == (rule.until is None):
            raise self._invalid("A rule must end, by either COUNT or UNTIL.")
        if rule.by_month_day and frequency is Frequency.WEEKLY:
            raise self._invalid("BYMONTHDAY isn't allowed in a WEEKLY rule.")
        if rule.by_position and not (rule.by_day or rule.by_month_day or rule.by_month):
            raise self._invalid("BYSETPOS needs BYDAY, BYMONTHDAY, or BYMONTH.")
        return rule

    def _split(self, text: str) -> dict[str, str]:
        parts: dict[str, str] = {}
        for part in text.split(";"):
            name, separator, value = part.partition("=")
            if not separator or not value:
                raise self._invalid(f"'{part[:40]}' isn't a part of a rule, NAME=value.")
            if name not in _PARTS:
                raise self._invalid(f"{name[:40]} isn't supported; use {', '.join(_PARTS)}.")
            if name in parts:
                raise self._invalid(f"{name} occurs twice.")
            parts[name] = value
        return parts

    def _frequency(self) -> Frequency:
        try:
            return Frequency(self.parts.get("FREQ", ""))
        except ValueError:
            raise self._invalid("FREQ is DAILY, WEEKLY, MONTHLY, or YEARLY.") from None

    def _until(self) -> date | datetime | None:
        value = self.parts.get("UNTIL")
        if value is None:
            return None
        try:
            if len(value) == 8:
                return datetime.strptime(value, "%Y%m%d").date()  # noqa: DTZ007 - a local date
            return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            problem = "UNTIL is a date, YYYYMMDD, or a time in UTC, YYYYMMDDTHHMMSSZ."
            raise self._invalid(problem) from None

    def _by_day(self, frequency: Frequency) -> tuple[WeekdayNumber, ...]:
        days = []
        for each in self._values("BYDAY", _BY_DAY.fullmatch, "weekdays such as TU, 2TU, or -1FR"):
            ordinal = int(each[1]) if each[1] else None
            if ordinal is not None and frequency not in (Frequency.MONTHLY, Frequency.YEARLY):
                raise self._invalid("Numbered weekdays need a MONTHLY or YEARLY rule.")
            if ordinal is not None and not 1 <= abs(ordinal) <= 53:
                raise self._invalid("A weekday's number lies between 1 and 53, or -1 and -53.")
            days.append(WeekdayNumber(WEEKDAYS.index(each[2]), ordinal))
        return tuple(dict.fromkeys(days))

    def _week_start(self) -> int:
        value = self.parts.get("WKST", "MO")
        if value not in WEEKDAYS:
            raise self._invalid("WKST is a weekday such as MO or SU.")
        return WEEKDAYS.index(value)

    def _number(self, name: str, least: int, most: int) -> int | None:
        value = self.parts.get(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdigit() or not least <= int(value[:9]) <= most:
            raise self._invalid(f"{name} lies between {least} and {most}.")
        return int(value)

    def _numbers(self, name: str, most: int, *, signed: bool) -> tuple[int, ...]:
        span = f"1 to {most}" + (f", or -1 to -{most}" if signed else "")
        numbers = [int(each[0]) for each in self._values(name, _INTEGER.fullmatch, span)]
        if any(not 1 <= abs(each) <= most or (each < 0 and not signed) for each in numbers):
            raise self._invalid(f"{name} holds numbers from {span}.")
        return tuple(sorted(set(numbers)))

    def _values(
        self, name: str, match: Callable[[str], re.Match[str] | None], what: str
    ) -> list[re.Match[str]]:
        if name not in self.parts:
            return []
        found = [match(each) for each in self.parts[name].split(",")]
        matches = [each for each in found if each is not None]
        if len(matches) < len(found):
            raise self._invalid(f"{name} holds {what}.")
        return matches

    def _invalid(self, problem: str) -> Invalid:
        return Invalid(problem, path=self.path)
