"""Reads the values of cells: dates, times, durations, numbers and amounts, as people write them.

Nothing is guessed: what can be read in two ways is refused.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.core.local_time import LocalStart, LocalTime, Start, resolve_start, within_reach
from domain.core.refusals import Invalid
from domain.imports.imports import DateFormat

_DATE: Final = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})\.?")
_TIME: Final = re.compile(
    r"(\d{1,2})(?:[:.h](\d{2}))?(?:[:.](\d{2})(?:\.\d+)?)?\s*([ap])?\.?(?:m\.?)?", re.IGNORECASE
)
_AFTER_TIME: Final = re.compile(r"\s*(?:uhr|h)$", re.IGNORECASE)
_MOMENT: Final = re.compile(
    r"(?P<date>[\d./-]+)(?:\s*T\s*|,?\s+)(?P<time>[^Z+-]+?)\s*(?P<offset>Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_MINUTES: Final = re.compile(
    r"(\d{1,5})(?:[.,]0+)?\s*(?:m|min|mins|minuten?|minutes?|minutos?)?\.?"
)
_HOURS: Final = re.compile(
    r"(\d{1,3})(?:\s*(?:h|hrs?|hours?|std|stunden?|horas?|heures?)\.?\s*(?:(\d{1,2})\s*"
    r"(?:m|min|mins|minutes?)?\.?)?|:(\d{2})(?::00)?)"
)
_INTEGER: Final = re.compile(r"\d{1,9}(?:[.,]0+)?")
_AMOUNT: Final = re.compile(r"(\d+|\d{1,3}(?:[ ,.'\u2019]\d{3})+)(?:([.,])(\d{1,3}))?")


class AmbiguousDate(Invalid):
    """A date whose day and month may be the other way round."""


@dataclass(frozen=True, slots=True)
class Dates:
    """How the dates and times of a file are to be read.

    ``order`` is None where the file's dates have to speak for themselves; ``zone`` is that of times
    without an offset.
    """

    zone: ZoneInfo
    order: DateFormat | None = None


def parse_date(text: str, order: DateFormat | None) -> date:
    """Parses a date such as '2027-12-31' or '31.12.2027', whose year has four digits.

    With points, the day comes first, as everywhere. With slashes or dashes, the order has to be
    given unless one of the numbers is no month. Raises Invalid, and AmbiguousDate.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise Invalid("This isn't a date such as '2027-12-31'.")
    first, mark, second, last = match[1], match[2], int(match[3]), match[4]
    if len(first) == 4:
        return _date(int(first), second, int(last))
    if len(last) != 4:
        raise Invalid("Write the year of a date with four digits.")
    if order is None and mark != "." and int(first) <= 12 and second <= 12 and int(first) != second:
        raise AmbiguousDate("Day and month may be the other way round: set `dateFormat`.")
    if order is DateFormat.MDY or (order is None and second > 12):
        return _date(int(last), int(first), second)
    return _date(int(last), second, int(first))


def parse_time(text: str) -> LocalTime:
    """Parses a time of a day such as '14:30', '2:30 pm', '14.30 Uhr' or '14h30'. Raises Invalid."""
    match = _TIME.fullmatch(_AFTER_TIME.sub("", text.strip()))
    if match is None or (match[2] is None and match[4] is None):
        raise Invalid("This isn't a time such as '14:30'.")
    hours, minutes = int(match[1]), int(match[2] or 0)
    if match[3] is not None and int(match[3]):
        raise Invalid("A time has no seconds: bookings start at whole minutes.")
    if match[4] is not None:
        if not 1 <= hours <= 12:
            raise Invalid("With am or pm, the hour lies between 1 and 12.")
        hours = hours % 12 + (12 if match[4].lower() == "p" else 0)
    if hours > 23 or minutes > 59:
        raise Invalid("A time lies between 00:00 and 23:59.")
    return LocalTime(hours * 60 + minutes)


def parse_moment(text: str, dates: Dates) -> datetime:
    """Parses a date with a time, and perhaps an offset: '2027-12-31 14:30', '...T14:30:00+01:00'.

    Raises Invalid, AmbiguousDate, NonexistentLocalTime, AmbiguousLocalTime.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise Invalid("This isn't a date with a time such as '2027-12-31 14:30'.")
    day, at = parse_date(match["date"], dates.order), parse_time(match["time"])
    if match["offset"] is None:
        return local_moment(day, at, dates)
    offset = match["offset"].upper().replace("Z", "+00:00")
    try:
        instant = datetime.fromisoformat(f"{day.isoformat()}T{at}{offset}")
    except ValueError:
        raise Invalid("There is no such offset from UTC.") from None
    return within_reach(instant, path=())


def local_moment(day: date, at: LocalTime, dates: Dates) -> datetime:
    """Returns the instant of a wall-clock time. Raises Invalid, and what the clock's changes do."""
    return resolve_start(Start(local=LocalStart(day, at)), dates.zone)


def parse_minutes(text: str) -> int:
    """Parses a duration: '90', '90 min', '1:30', '1 h 30 min'. Raises Invalid."""
    if match := _MINUTES.fullmatch(text.lower()):
        return int(match[1])
    if match := _HOURS.fullmatch(text.lower()):
        return int(match[1]) * 60 + int(match[2] or match[3] or 0)
    raise Invalid("This isn't a duration such as '90' or '1:30'.")


def parse_integer(text: str) -> int:
    """Parses a whole number. Raises Invalid."""
    if not _INTEGER.fullmatch(text):
        raise Invalid("This isn't a whole number.")
    return int(re.split("[.,]", text)[0])


def parse_amount(text: str) -> str:
    """Returns an amount such as '1,234.50' or '29,00 EUR' as a decimal. Raises Invalid."""
    bare = re.sub(r"^[^\d]+|[^\d]+$", "", text)
    match = _AMOUNT.fullmatch(bare)
    if match is None or "-" in text:
        raise Invalid("This isn't an amount such as '29.00'.")
    whole, point, fraction = match[1], match[2], match[3]
    marks = {each for each in whole if not each.isdigit()}
    if len(marks) > 1 or point in marks or (len(fraction or "") == 3 and not marks):
        raise Invalid("This amount can be read in two ways; write it as '1234.50'.")
    if marks & {".", ","} and point is None and sum(each in ".," for each in whole) == 1:
        raise Invalid("This amount can be read in two ways; write it as '1234.50'.")
    digits = str(int(re.sub(r"\D", "", whole)))
    return f"{digits}.{fraction}" if fraction else digits


def minutes_between(start: datetime, end: datetime) -> int:
    """Returns the whole minutes of a time. Raises Invalid if it doesn't end after its start."""
    if end <= start:
        raise Invalid("The end isn't after the start.")
    minutes, rest = divmod(end - start, timedelta(minutes=1))
    if rest:
        raise Invalid("A booking lasts whole minutes.")
    return minutes


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Invalid("There is no such date.") from None
