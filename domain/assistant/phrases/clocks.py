"""Finds the times of a text: a start, a span, or the hours that would suit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.assistant.phrases.grammars import ClockKind, Grammar, PartOfDay
from domain.assistant.phrases.text import UnreadText
from domain.core.local_time import LocalTime

DAY: Final = 24 * 60
_NOON: Final = 12 * 60
# "20:00-22:00" is the same in all languages.
_DIGITS: Final = (
    ClockKind.FROM_TO,
    r"{h}:{m} ?(?:uhr|h)? ?(?:-|to|bis|a) ?{h2}:{m2}(?: ?(?:uhr|h))?",
)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time as it is said: ``half`` is 'am' or 'pm', or None if it wasn't said."""

    hour: int
    minute: int = 0
    half: str | None = None
    is_24_hours: bool = False
    is_midnight: bool = False

    @property
    def is_definite(self) -> bool:
        """Returns whether it can be one time of a day only."""
        return self.half is not None or self.is_24_hours

    def options(self, part: PartOfDay | None) -> tuple[int, ...]:
        """Returns the times that may be meant, in minutes since the midnight of their date."""
        hour, minute = self.hour, self.minute
        if self.is_midnight:
            return (DAY,) if part in (PartOfDay.EVENING, PartOfDay.NIGHT) else (0, DAY)
        if self.half is not None:
            only = hour % 12 * 60 + minute + (_NOON if self.half == "pm" else 0)
            return (only + DAY if _is_after_midnight(part, hour) and only < _NOON else only,)
        if self.is_24_hours:
            only = hour * 60 + minute
            return (only + DAY if _is_after_midnight(part, hour) and only < _NOON else only,)
        early, late = hour % 12 * 60 + minute, hour % 12 * 60 + minute + _NOON
        match part:
            case PartOfDay.MORNING:
                return (early,)
            case PartOfDay.NOON:
                return (early if hour == 11 else late,)
            case PartOfDay.AFTERNOON | PartOfDay.TARDE:
                return (late,)
            case PartOfDay.EVENING | PartOfDay.NIGHT:
                return (early + DAY if _is_after_midnight(part, hour) else late,)
            case _:
                return (late, early + DAY) if hour == 12 else (early, late)


@dataclass(frozen=True, slots=True)
class TimeMention:
    """What a text says about the time; ``earliest`` and ``latest`` bound the start."""

    start: Clock | None = None
    end: Clock | None = None
    earliest: Clock | None = None
    latest: Clock | None = None
    part: PartOfDay | None = None
    is_rough: bool = False

    @property
    def duration_minutes(self) -> int | None:
        """Returns how long it takes from start to end, if both were said."""
        if self.start is None or self.end is None:
            return None
        first, last = self.start.options(self.part)[0], self.end.options(self.part)[0]
        whole = self.start.is_definite and self.end.is_definite
        return (last - first) % (DAY if whole else _NOON) or None


def find_part_of_day(text: UnreadText, grammar: Grammar) -> PartOfDay | None:
    """Returns the part of the day that the text names."""
    for part, pattern in grammar.parts_of_day:
        if text.take(grammar.compiled(pattern)):
            return part
    return None


def find_time(text: UnreadText, grammar: Grammar, part: PartOfDay | None) -> TimeMention:
    """Returns what the text says about the time."""
    for kind, pattern in (_DIGITS, *grammar.clocks):
        match = text.take(grammar.compiled(pattern))
        if match is not None:
            return _mention(kind, match, part)
    return TimeMention(part=part)


def hours_of(part: PartOfDay) -> tuple[LocalTime, LocalTime]:
    """Returns between which times a part of the day lies."""
    first, last = part.value.split("-")
    return LocalTime.parse(first), LocalTime.parse(last)


def _mention(kind: ClockKind, match: re.Match[str], part: PartOfDay | None) -> TimeMention:
    given = {key: value for key, value in match.groupdict().items() if value is not None}
    if kind in (ClockKind.FROM_TO, ClockKind.BETWEEN):
        first, last = _span(given)
        if kind is ClockKind.FROM_TO:
            return TimeMention(start=first, end=last, part=part)
        return TimeMention(earliest=first, latest=last, part=part)
    clock = _clock(kind, given)
    match kind:
        case ClockKind.AFTER:
            return TimeMention(earliest=clock, part=part)
        case ClockKind.BEFORE:
            return TimeMention(latest=clock, part=part)
        case _:
            return TimeMention(start=clock, part=part, is_rough=kind is ClockKind.ABOUT)


def _clock(kind: ClockKind, given: Mapping[str, str]) -> Clock:
    if kind is ClockKind.NOON:
        return Clock(12, half="pm")
    if kind is ClockKind.MIDNIGHT:
        return Clock(0, is_midnight=True)
    hour = given.get("h", "1")
    minute = int(given.get("m") or given.get("m2") or 0)
    half = {"am": "am", "pm": "pm"}.get(given.get("ap", ""))
    n = int(given.get("n", 0))
    before = {
        ClockKind.HALF_TO: 30,
        ClockKind.QUARTER_TO: 15,
        ClockKind.QUARTER_BEFORE: 15,
        ClockKind.MINUTES_TO: n,
        ClockKind.MINUTES_TO_HALF: 30 + n,
    }
    after = {
        ClockKind.HALF_PAST: 30,
        ClockKind.QUARTER_PAST: 15,
        ClockKind.MINUTES_PAST: n,
    }
    minutes = minute + after.get(kind, 0) - before.get(kind, 0)
    # "Viertel acht" is a quarter past seven.
    minutes -= 60 if "previous" in given else 0
    return _made(hour, minutes, half)


def _made(written: str, minutes: int, half: str | None) -> Clock:
    """Returns a clock with an hour as it is written, and minutes that may be beyond it."""
    hour, minute = divmod(int(written) * 60 + minutes, 60)
    is_24_hours = int(written) > 12 or (written.startswith("0") and half is None)
    return Clock(hour if hour or is_24_hours else 12, minute, half, is_24_hours)


def _span(given: Mapping[str, str]) -> tuple[Clock, Clock]:
    halves = {"am": "am", "pm": "pm"}
    last_half = halves.get(given.get("ap2") or given.get("ap3") or "")
    first_half = halves.get(given.get("ap", ""))
    noon = "noon" in given
    hour, hour2 = "12" if noon else given["h"], given["h2"]
    if noon:
        first_half = "pm"
        last_half = "pm" if int(hour2) < 12 else None
    elif last_half and not first_half and int(hour) <= 12:
        # "8 to 10 pm" is in one half of the day, "11 to 1 am" isn't.
        other = "am" if last_half == "pm" else "pm"
        first_half = last_half if int(hour) % 12 < int(hour2) % 12 else other
    return (
        _made(hour, int(given.get("m", 0)), first_half),
        _made(hour2, int(given.get("m2", 0)), last_half),
    )


def _is_after_midnight(part: PartOfDay | None, hour: int) -> bool:
    return part in (PartOfDay.EVENING, PartOfDay.NIGHT) and (hour == 12 or hour < 5)
