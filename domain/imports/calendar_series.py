"""The occurrences of an event that repeats, as far as a venue takes bookings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from domain.bookings.recurrence import MOST_OCCURRENCES, rule_dates
from domain.bookings.recurrence_text import parse_rule
from domain.core.local_time import LAST_YEAR
from domain.core.refusals import Code, Invalid
from domain.imports.calendar_events import Event, Property, Times, When
from domain.imports.imports import FileRefused, ImportFailure, RowProblem

_PAST: Final = timedelta(days=731)
_FURTHEST: Final = timedelta(days=731)
_MOST_DATES: Final = 2_000_000


@dataclass(slots=True)
class Horizon:
    """From when to when occurrences are imported: two years back, and as far as the venue books.

    ``dates`` counts the dates of rules that were looked at, over all of a file.
    """

    now: datetime
    days_ahead: int
    dates: int = 0

    @property
    def first(self) -> datetime:
        return self.now - _PAST

    @property
    def last(self) -> datetime:
        return self.now + min(timedelta(days=self.days_ahead), _FURTHEST)


@dataclass(frozen=True, slots=True)
class Series:
    """The starts of an event that repeats, in order, and what is to be said about the others."""

    starts: Sequence[datetime]
    remarks: tuple[RowProblem, ...]


def series_of(event: Event, start: When, times: Times, horizon: Horizon) -> Series:
    """Returns the occurrences of an event without those that are excluded. Raises Invalid."""
    assert start.instant is not None
    found = {start.instant}
    remarks: list[RowProblem] = []
    for rule in event.properties.get("RRULE", ()):
        found |= {*_by_rule(rule, start, times, horizon, remarks)}
    for given in event.properties.get("RDATE", ()):
        if str(given.parameters.get("VALUE", "")).upper() == "PERIOD":
            raise Invalid("RDATE with periods isn't read; make events of their own of them.")
        found |= {_extra(each, start, times) for each in times.all(given)}
    excluded = [each for given in event.properties.get("EXDATE", ()) for each in times.all(given)]
    kept = sorted(each for each in found if not _is_any(each, start, excluded))
    if not kept:
        raise Invalid("All occurrences are excluded.")
    within = [each for each in kept if horizon.first <= each]
    if len(within) < len(kept):
        text = f"Occurrences before {horizon.first:%Y-%m-%d} are left out."
        remarks.append(RowProblem(Code.INVALID, text, "RRULE"))
    if len(within) > MOST_OCCURRENCES:
        text = f"Only the first {MOST_OCCURRENCES} occurrences are imported."
        remarks.append(RowProblem(Code.INVALID, text, "RRULE"))
    if not within:
        raise Invalid("All occurrences are over for two years.")
    return Series(within[:MOST_OCCURRENCES], tuple(remarks))


def is_same(start: datetime, of: When, named: When) -> bool:
    """Returns whether an occurrence is the one that is named, by its instant or by its date."""
    if named.instant is not None:
        return start == named.instant
    return start.astimezone(of.zone).date() == named.day


def _is_any(start: datetime, of: When, named: Sequence[When]) -> bool:
    return any(is_same(start, of, each) for each in named)


def _by_rule(
    given: Property, start: When, times: Times, horizon: Horizon, remarks: list[RowProblem]
) -> list[datetime]:
    parts = dict(each.partition("=")[::2] for each in given.value.strip().upper().split(";"))
    count, until = _count(parts.pop("COUNT", None)), _until(parts.pop("UNTIL", None), start, times)
    assert start.instant is not None
    through = horizon.last.astimezone(start.zone).date()
    # What a rule says about its end is looked at here: it may be far away, or nowhere.
    text = ";".join(f"{name}={value}" for name, value in parts.items() if name)
    rule = parse_rule(f"{text};UNTIL={through:%Y%m%d}")
    wall = start.instant.astimezone(start.zone).time().replace(tzinfo=None)
    found: list[datetime] = []
    is_ended = False
    for number, day in enumerate(rule_dates(rule, start.day, through=through)):
        horizon.dates += 1
        if horizon.dates > _MOST_DATES:
            problem = "The file's series have too many occurrences; split it."
            raise FileRefused(ImportFailure.TOO_MANY_ROWS, problem)
        at = start.instant if number == 0 else times.instant(_on(day, wall), start.zone)
        if (count is not None and number >= count) or (until is not None and at > until):
            is_ended = True
            break
        if at <= horizon.last:
            found.append(at)
    if not found and through >= start.day and not is_ended:
        raise Invalid(f"The rule doesn't include the first date, {start.day}.")
    goes_on = (count is None or count > len(found)) and (until is None or until > horizon.last)
    if goes_on and not is_ended:
        text = f"The series goes on; it is imported until {through}, as far as the venue books."
        remarks.append(RowProblem(Code.MAX_ADVANCE, text, "RRULE"))
    return found


def _on(day: date, wall: object) -> datetime:
    return datetime.combine(day, wall)  # type: ignore[arg-type]


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not int(text[:9]) >= 1:
        raise Invalid("COUNT is a number from 1 on.")
    return int(text[:9])


def _until(text: str | None, start: When, times: Times) -> datetime | None:
    """Returns the last instant that a rule includes: of a date its last one."""
    if text is None:
        return None
    text = text.strip()
    day = times.one(Property({}, text.partition("T")[0])).day
    if day.year > LAST_YEAR:
        # Some programs write "for ever" so.
        return None
    named = times.one(Property({}, text))
    if named.instant is None:
        return datetime.combine(named.day, datetime.max.time(), start.zone).astimezone(UTC)
    if text.endswith("Z"):
        return named.instant
    # Without an offset it is meant as the start is.
    wall = datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall-clock time
    return times.instant(wall, start.zone)


def _extra(named: When, start: When, times: Times) -> datetime:
    if named.instant is not None:
        return named.instant
    assert start.instant is not None
    wall = start.instant.astimezone(start.zone).time().replace(tzinfo=None)
    return times.instant(_on(named.day, wall), start.zone)
