"""Reads the events of an iCalendar file (RFC 5545): their properties and times.

Files are taken apart line by line, so that one broken event doesn't hide the others, and each is
named by its line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.core.local_time import within_reach
from domain.core.local_time import zone as zone_called
from domain.core.refusals import Invalid
from domain.imports.imports import FileRefused, ImportFailure
from domain.imports.zones import KnownZones

_NEWLINES: Final = re.compile(r"\r\n|\r|\n")
_VALUE: Final = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?")
_LONGEST_LINE: Final = 100_000


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an event: its parameters, and its value as it is written."""

    parameters: Mapping[str, Any]
    value: str


@dataclass(slots=True)
class Event:
    """An event, which begins on a line of the file; ``problem`` is what makes it unreadable."""

    line: int
    properties: dict[str, list[Property]] = field(default_factory=dict)
    problem: str | None = None

    def one(self, name: str) -> Property | None:
        """Returns the first property of a name."""
        found = self.properties.get(name)
        return found[0] if found else None

    def text(self, name: str) -> str | None:
        """Returns the text of a property, None if there is none or it is blank."""
        from icalendar.prop import vText

        found = self.one(name)
        return None if found is None else str(vText.from_ical(found.value)).strip() or None

    def word(self, name: str) -> str:
        """Returns a property that is one of a few words, in capitals."""
        found = self.one(name)
        return "" if found is None else found.value.strip().upper()


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """The events of a file, and what it says about all of them."""

    events: Sequence[Event]
    zone_name: str | None
    is_cancellation: bool


@dataclass(frozen=True, slots=True)
class When:
    """A date or an instant; ``zone`` is that in which a series of it keeps its wall-clock time."""

    day: date
    instant: datetime | None
    zone: ZoneInfo


def read_calendar(text: str) -> CalendarFile:
    """Takes a file apart. Raises FileRefused if it is no iCalendar file."""
    events: list[Event] = []
    inside: list[str] = []
    zone_name, method = None, ""
    for number, line in _lines(text):
        name = line[:100].partition(":")[0].upper()
        if name == "BEGIN":
            inside.append(line[6:].strip().upper())
            if inside[-1] == "VEVENT":
                events.append(Event(number))
        elif name == "END":
            if inside:
                inside.pop()
        elif inside[-1:] == ["VEVENT"]:
            _add(events[-1], line)
        elif inside == ["VCALENDAR"] and name.partition(";")[0] == "X-WR-TIMEZONE":
            zone_name = line.partition(":")[2].strip()
        elif inside == ["VCALENDAR"] and name == "METHOD":
            method = line.partition(":")[2].strip().upper()
        elif not inside and line.strip():
            problem = "This is no iCalendar file: it doesn't begin with BEGIN:VCALENDAR."
            raise FileRefused(ImportFailure.UNREADABLE, problem)
    if inside:
        problem = f"The file ends in the middle: END:{inside[-1]} is missing."
        raise FileRefused(ImportFailure.UNREADABLE, problem)
    return CalendarFile(events, zone_name, is_cancellation=method == "CANCEL")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yields unfolded lines with the number of their first one."""
    start, parts = 0, list[str]()
    for number, line in enumerate(_NEWLINES.split(text), 1):
        if line[:1] in (" ", "\t") and parts:
            parts.append(line[1:])
            continue
        if parts and parts != [""]:
            yield start, "".join(parts)
        start, parts = number, [line]
    if parts and parts != [""]:
        yield start, "".join(parts)


def _add(event: Event, line: str) -> None:
    from icalendar.parser import Contentline

    unfolded: Any = Contentline
    if len(line) > _LONGEST_LINE:
        # A picture, most likely.
        return
    try:
        name, parameters, value = unfolded(line).parts()
    except ValueError:
        event.problem = event.problem or f"'{line[:60]}' is no property of an event."
        return
    event.properties.setdefault(str(name).upper(), []).append(Property(parameters, str(value)))


class Times:
    """Reads the times of a file; names of zones that nobody knows are gathered in ``unknown``."""

    def __init__(self, known: KnownZones, floating: ZoneInfo) -> None:
        self._known = known
        self._floating = floating
        self.unknown: set[str] = set()

    def all(self, given: Property) -> list[When]:
        """Returns the dates or instants of a property that may have several. Raises Invalid."""
        return [self._read(each.strip(), given) for each in given.value.split(",")]

    def one(self, given: Property) -> When:
        """Returns the date or the instant of a property. Raises Invalid."""
        return self._read(given.value.strip(), given)

    def _read(self, text: str, given: Property) -> When:
        match = _VALUE.fullmatch(text)
        if match is None:
            raise Invalid(f"'{text[:40]}' is neither a date nor a time of iCalendar.")
        zone = self._zone(given) if match[3] is None else zone_called("UTC")
        try:
            if match[2] is None:
                return When(datetime.strptime(match[1], "%Y%m%d").date(), None, zone)  # noqa: DTZ007
            wall = datetime.strptime(match[1] + match[2], "%Y%m%d%H%M%S")  # noqa: DTZ007
        except ValueError:
            raise Invalid(f"There is no such time as '{text[:40]}'.") from None
        return When(wall.date(), self.instant(wall, zone), zone)

    def instant(self, wall: datetime, zone: ZoneInfo) -> datetime:
        """Returns the instant of a wall-clock time.

        Of a repeated one the first; one that the clock skips moves forward by the gap (RFC 5545,
        section 3.3.5).
        """
        return within_reach(wall.replace(tzinfo=zone, fold=0), path=())

    def _zone(self, given: Property) -> ZoneInfo:
        name = given.parameters.get("TZID")
        if name is None:
            return self._floating
        found = self._known.find(str(name))
        if found is None:
            self.unknown.add(str(name))
        return found or self._floating


def duration_of(given: Property) -> timedelta:
    """Returns the duration of a property. Raises Invalid."""
    from icalendar.prop import vDuration

    parser: Any = vDuration
    try:
        found: timedelta = parser.from_ical(given.value.strip())
    except (ValueError, OverflowError):
        raise Invalid(f"'{given.value[:40]}' is no duration of iCalendar.") from None
    return found


def utc(instant: datetime) -> str:
    """Writes an instant as iCalendar does."""
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"
