"""Dates, times and amounts in the recipient's language, in the venue's time zone.

Babel's own forms of intervals and durations aren't used: an interval over midnight hides the second
day, and 90 minutes are "2 hours". It also knows fewer digits of some currencies than are paid.
"""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time

from domain.core.formatting import unlinked
from domain.core.intervals import Interval
from domain.core.money import Money, currency_digits
from domain.notifications.content import DigestLine

_LETTERS_AND_DIGITS: Final = re.compile(r"(?<=[^\W\d_])(?=\d)")


@dataclass(frozen=True, slots=True)
class Wording:
    """How values are written for one recipient; ``is_brief`` where there is little room."""

    locale: Locale
    zone: ZoneInfo
    is_brief: bool = False

    def date(self, instant: datetime) -> str:
        """Returns 'Friday, January 8, 2027', or 'Fri, Jan 8'."""
        local = instant.astimezone(self.zone)
        if self.is_brief:
            return format_skeleton("MMMEd", local, locale=self.locale)
        return format_date(local, "full", locale=self.locale)

    def time(self, interval: Interval) -> str:
        """Returns '7:00 PM–9:00 PM'; with the date of the end if that is another one."""  # noqa: RUF002
        start, end = self._local(interval.start), self._local(interval.end)
        clocks = f"{self._clock(start)}–{self._clock(end)}"  # noqa: RUF001
        # A booking until midnight ends on the date on which it started.
        if (end - timedelta(minutes=1)).date() == start.date():
            return clocks
        return f"{clocks} ({format_skeleton('MMMEd', end, locale=self.locale)})"

    def moment(self, instant: datetime) -> str:
        """Returns 'Friday, January 8, 2027, 7:00 PM'."""
        return f"{self.date(instant)}, {self._clock(self._local(instant))}"

    def money(self, amount: Money) -> str:
        """Returns '$29.00', with all of the currency's digits."""
        pattern = copy.copy(self.locale.currency_formats["standard"])
        digits = currency_digits(amount.currency_code)
        pattern.frac_prec = (digits, digits)
        code, value = amount.currency_code, Decimal(amount.amount)
        text = str(pattern.apply(value, self.locale, currency=code, currency_digits=False))
        # Babel leaves out the space that CLDR puts between letters and digits.
        return _LETTERS_AND_DIGITS.sub("\u00a0", text)

    def digest(self, lines: Sequence[DigestLine]) -> str:
        """Returns a line for each booking."""
        return "\n".join(self._digest_line(each) for each in lines)

    def _digest_line(self, line: DigestLine) -> str:
        time = self.time(Interval(line.starts_at, line.ends_at))
        who = unlinked(line.customer) if line.customer else None
        told = (time, unlinked(line.rooms), who, str(line.party_size))
        return " · ".join(filter(None, told))

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    def _clock(self, local: datetime) -> str:
        """Returns '7:00 PM'; with the offset from UTC if the clock shows this time twice."""
        clock = format_time(local, "short", locale=self.locale)
        is_repeated = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        return f"{clock} ({_offset(local)})" if is_repeated else clock


def duration(minutes: int) -> str:
    """Returns '1 h 30 min', in every language."""
    hours, rest = divmod(minutes, 60)
    parts = (f"{hours} h" if hours else "", f"{rest} min" if rest else "")
    return " ".join(filter(None, parts))


def _offset(local: datetime) -> str:
    offset = local.utcoffset()
    assert offset is not None
    sign = "-" if offset < timedelta() else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")
