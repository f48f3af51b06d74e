"""Calendar entries of mails: iCalendar files that add, change or cancel bookings (RFC 5546).

A single booking is in UTC, so that no reader has to know a time zone. A series is in the venue's
local time, at which it repeats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from domain.bookings.calendar_feeds import END, calendar_uid, folded, text_line
from domain.bookings.recurrence import RecurrenceRule, occurrences
from domain.core.email_addresses import mail_address
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.notifications.content import CalendarAttachment
from domain.notifications.vtimezone import time_zone


@dataclass(frozen=True, slots=True)
class Person:
    """A name and an e-mail address."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a calendar shows of a booking or a series, whose ``id`` makes its UID, for its life.

    ``sequence`` grows with each change of time or place; ``changed_at`` is when it changed last.
    """

    id: UUID
    sequence: int
    changed_at: datetime
    summary: str
    location: str
    description: str
    url: str
    organizer: Person
    attendee: Person | None
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class SeriesBooking:
    """A booking of a series: when it was to start by the rule, and what it is now."""

    original_starts_at: datetime
    time: Interval
    location: str


@dataclass(frozen=True, slots=True)
class Series:
    """A series: its rule from the first start on, and its bookings that take place."""

    rule: RecurrenceRule
    starts_at: datetime
    duration_minutes: int
    time_zone: str
    bookings: Sequence[SeriesBooking]


def request(entry: Entry, time: Interval) -> CalendarAttachment:
    """Returns an entry that adds a booking, or changes it."""
    return _file("REQUEST", _event(entry, _times(time)))


def cancellation(entry: Entry, time: Interval) -> CalendarAttachment:
    """Returns an entry that cancels a booking."""
    return _file("CANCEL", _event(entry, _times(time), status="CANCELLED"))


def series_request(entry: Entry, series: Series) -> CalendarAttachment:
    """Returns an entry that adds a series, or changes it to what it is now."""
    plan = _Plan.of(series)
    lines = [plan.zone_lines(), _event(entry, _repeated(plan))]
    lines += (
        _event(
            replace(entry, location=each.location),
            plan.local("RECURRENCE-ID", each.original_starts_at) + _times(each.time),
        )
        for each in series.bookings
        if not plan.shows(each, entry.location)
    )
    return _file("REQUEST", "".join(lines))


def series_cancellation(
    entry: Entry, series: Series, cancelled: SeriesBooking | None
) -> CalendarAttachment:
    """Returns an entry that cancels one booking of a series; None: the whole series."""
    if cancelled is None:
        return cancellation(entry, Interval.of_minutes(series.starts_at, series.duration_minutes))
    plan = _Plan.of(series)
    place = plan.local("RECURRENCE-ID", cancelled.original_starts_at) + _times(cancelled.time)
    return _file("CANCEL", plan.zone_lines() + _event(entry, place, status="CANCELLED"))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A series with all starts of its rule, and the wall clock's times by which they are named."""

    series: Series
    starts: Sequence[datetime]
    walls: Mapping[datetime, datetime]

    @classmethod
    def of(cls, series: Series) -> Self:
        found = occurrences(series.rule, series.starts_at, zone(series.time_zone))
        at = series.starts_at.astimezone(zone(series.time_zone)).time().replace(fold=0)
        walls = {each.starts_at: datetime.combine(each.date, at) for each in found}
        return cls(series, [each.starts_at for each in found], walls)

    def wall(self, instant: datetime) -> datetime:
        """Returns the time of a start by the rule, also if the clock skips it."""
        return self.walls.get(instant) or self._read(instant)

    def local(self, property: str, instant: datetime) -> str:
        """Returns a property with a start in local time."""
        return self.line(property, self.wall(instant))

    def line(self, property: str, wall: datetime) -> str:
        return f"{property};TZID={self.series.time_zone}:{wall:%Y%m%dT%H%M%S}\r\n"

    def shows(self, booking: SeriesBooking, location: str) -> bool:
        """Returns whether the rule alone shows a booking as it is.

        Not if its clock changes meanwhile, or shows its start twice or never: readers differ there.
        """
        start, series_zone = booking.original_starts_at, zone(self.series.time_zone)
        usual = Interval.of_minutes(start, self.series.duration_minutes)
        wall = self.wall(start)
        same_clock = self._read(usual.end) - wall == usual.end - usual.start
        is_read_back = wall.replace(tzinfo=series_zone).astimezone(UTC) == start
        is_usual = booking.time == usual and booking.location == location
        return is_usual and same_clock and is_read_back and self._read(start) == wall

    def zone_lines(self) -> str:
        starts = [*self.starts, *(each.original_starts_at for each in self.series.bookings)]
        last = Interval.of_minutes(max(starts), self.series.duration_minutes)
        return time_zone(self.series.time_zone, Interval(min(starts), last.end))

    def _read(self, instant: datetime) -> datetime:
        return instant.astimezone(zone(self.series.time_zone)).replace(tzinfo=None, fold=0)


def _repeated(plan: _Plan) -> str:
    """Returns the times of a series: its rule, without what doesn't take place."""
    series, rule = plan.series, plan.series.rule
    if rule.until is not None:
        # In UTC, and at the last start: a date would exclude that for some readers.
        rule = replace(rule, until=plan.starts[-1])
    booked = {each.original_starts_at for each in series.bookings}
    planned = set(plan.starts)
    start = plan.wall(series.starts_at)
    lines = [
        plan.line("DTSTART", start),
        plan.line("DTEND", start + timedelta(minutes=series.duration_minutes)),
        f"RRULE:{rule}\r\n",
    ]
    lines += (plan.local("EXDATE", each) for each in sorted(planned - booked))
    lines += (plan.local("RDATE", each) for each in sorted(booked - planned))
    return "".join(lines)


def _file(method: str, lines: str) -> CalendarAttachment:
    head = (
        "BEGIN:VCALENDAR\r\n"
        "VERSION:2.0\r\n"
        "PRODID:-//Boom Booking//Calendar Entry//EN\r\n"
        "CALSCALE:GREGORIAN\r\n"
        f"METHOD:{method}\r\n"
    )
    return CalendarAttachment(method, f"{head}{lines}{END}")


def _event(entry: Entry, times: str, *, status: str | None = None) -> str:
    status = status or ("CONFIRMED" if entry.is_certain else "TENTATIVE")
    attendee = entry.attendee
    # They have booked it themselves, so no calendar needs to ask them whether they accept.
    accepted = ";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE"
    return (
        "BEGIN:VEVENT\r\n"
        f"UID:{calendar_uid(entry.id)}\r\n"
        f"DTSTAMP:{_utc(entry.changed_at)}\r\n"
        f"{times}"
        f"SEQUENCE:{entry.sequence}\r\n"
        f"{text_line('SUMMARY', entry.summary)}"
        f"{text_line('LOCATION', entry.location) if entry.location else ''}"
        f"{text_line('DESCRIPTION', entry.description) if entry.description else ''}"
        f"{folded(f'URL:{entry.url}') if entry.url else ''}"
        f"{_person('ORGANIZER', entry.organizer)}"
        f"{_person('ATTENDEE', attendee, accepted) if attendee else ''}"
        f"STATUS:{status}\r\n"
        "END:VEVENT\r\n"
    )


def _person(property: str, person: Person, parameters: str = "") -> str:
    """Returns a person's property; nothing if their address is none."""
    address = mail_address(person.email)
    if address is None:
        return ""
    # No parameter can have quotes; within them, nothing else ends it (RFC 5545, 3.1).
    name = "".join(each for each in person.name if each.isprintable() and each not in '"\\')
    return folded(f'{property};CN="{name}"{parameters}:mailto:{address}')


def _times(time: Interval) -> str:
    return f"DTSTART:{_utc(time.start)}\r\nDTEND:{_utc(time.end)}\r\n"


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"
