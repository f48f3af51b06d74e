"""Reads the events of an iCalendar file as bookings."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.bookings.lifecycle import Status
from domain.core.intervals import Interval
from domain.core.refusals import Code, Invalid, Refusal, Required
from domain.customers.customers import MAX_NOTES_LENGTH, tidy
from domain.customers.customers import refusals as customer_refusals
from domain.imports.calendar_events import (
    CalendarFile,
    Event,
    Property,
    Times,
    When,
    duration_of,
    read_calendar,
    utc,
)
from domain.imports.calendar_series import Horizon, is_same, series_of
from domain.imports.imports import MAX_ROWS, FileRefused, ImportFailure, RowProblem
from domain.imports.rows import BookingFields, CustomerFields, FileRow
from domain.imports.zones import KnownZones

_LONGEST: Final = timedelta(days=366)
_LONGEST_ID: Final = 500
_MAILTO: Final = "mailto:"
_REPEATS: Final = ("RRULE", "RDATE")
_ALL_DAY: Final = "An event of whole days is no booking. Give it times, or close the room instead."
_NO_END: Final = "The event has no end: it needs DTEND or DURATION."
_TWO_ENDS: Final = "DTEND and DURATION differ, and an event has only one of them."

BookingRow = FileRow[BookingFields]


def calendar_rows(
    text: str,
    *,
    zone: ZoneInfo | None,
    venue_zone: ZoneInfo,
    known: KnownZones,
    room_id: UUID | None,
    now: datetime,
    days_ahead: int,
) -> list[BookingRow]:
    """Returns the bookings of a file: a row for each event, and for each occurrence of a series.

    Times without a zone are in ``zone``, else in the file's X-WR-TIMEZONE, else in the venue's.
    Raises FileRefused for a file that can't be read, or with zones that nobody knows.
    """
    file = read_calendar(text)
    floating, unknown = zone, set[str]()
    if floating is None and file.zone_name is not None:
        floating = known.find(file.zone_name)
        if floating is None:
            unknown.add(file.zone_name)
    times = Times(known, floating or venue_zone)
    reader = _Reader(file, times, Horizon(now, days_ahead), room_id)
    rows = list(reader.rows())
    if unknown := unknown | times.unknown:
        names = ", ".join(repr(each[:100]) for each in sorted(unknown)[:20])
        problem = f"Say by `timeZones` which zones are meant by: {names}."
        raise FileRefused(ImportFailure.UNKNOWN_TIME_ZONES, problem)
    return sorted(rows, key=lambda row: row.line)


class _Reader:
    def __init__(
        self, file: CalendarFile, times: Times, horizon: Horizon, room_id: UUID | None
    ) -> None:
        self._file = file
        self._times = times
        self._horizon = horizon
        self._room_id = room_id
        self._changed: defaultdict[str, list[Event]] = defaultdict(list)
        for event in file.events:
            if (uid := _uid(event)) is not None and event.one("RECURRENCE-ID") is not None:
                self._changed[uid].append(event)

    def rows(self) -> Iterator[BookingRow]:
        number = 0
        for event in self._file.events:
            for row in self._rows_of(event):
                number += 1
                if number > MAX_ROWS:
                    problem = f"A file can have at most {MAX_ROWS:,} events with occurrences."
                    raise FileRefused(ImportFailure.TOO_MANY_ROWS, problem)
                yield row

    def _rows_of(self, event: Event) -> Iterator[BookingRow]:
        try:
            if event.problem is not None:
                raise Invalid(event.problem)
            yield from self._read(event)
        except Refusal as refusal:
            yield FileRow(event.line, None, (RowProblem.of(refusal),))

    def _read(self, event: Event) -> Iterator[BookingRow]:
        if self._file.is_cancellation or event.word("STATUS") == "CANCELLED":
            # A cancelled occurrence is left out of its series without a row of its own.
            if event.one("RECURRENCE-ID") is None:
                yield _passed(event, "The event is cancelled.")
            return
        if event.word("TRANSP") == "TRANSPARENT":
            yield _passed(event, "The event is marked as free: it takes no time.")
            return
        start, length = self._time(event)
        uid = _uid(event)
        named = event.one("RECURRENCE-ID")
        if named is not None:
            if str(named.parameters.get("RANGE", "")).upper() == "THISANDFUTURE":
                raise Invalid("RECURRENCE-ID with RANGE isn't read; end the series, begin another.")
            which = self._times.one(named)
            at = which.instant or start
            yield self._row(event, start, length, None if uid is None else f"{uid}/{utc(at)}")
        elif any(event.one(each) for each in _REPEATS):
            yield from self._series(event, length, uid)
        else:
            yield self._row(event, start, length, uid)

    def _series(self, event: Event, length: timedelta, uid: str | None) -> Iterator[BookingRow]:
        given = event.one("DTSTART")
        assert given is not None
        first = self._times.one(given)
        series = series_of(event, first, self._times, self._horizon)
        changed = [
            self._times.one(named)
            for each in self._changed.get(uid or "", ())
            if (named := each.one("RECURRENCE-ID")) is not None
        ]
        remarks = series.remarks
        for at in series.starts:
            if any(is_same(at, first, each) for each in changed):
                continue
            id = None if uid is None else f"{uid}/{utc(at)}"
            yield self._row(event, at, length, id, remarks)
            remarks = ()

    def _time(self, event: Event) -> tuple[datetime, timedelta]:
        """Returns when an event starts and how long it lasts. Raises Invalid, Required."""
        given = event.one("DTSTART")
        if given is None:
            raise Required(path=("DTSTART",))
        start = self._times.one(given)
        if start.instant is None:
            raise Invalid(_ALL_DAY)
        end, lasts = event.one("DTEND"), event.one("DURATION")
        length = None if lasts is None else duration_of(lasts)
        if end is not None:
            ends = _instant(self._times.one(end))
            if length is not None and ends - start.instant != length:
                raise Invalid(_TWO_ENDS)
            length = ends - start.instant
        if length is None:
            raise Invalid(_NO_END)
        if length <= timedelta(0):
            raise Invalid("The end isn't after the start.")
        if length > _LONGEST:
            raise Invalid("The event lasts longer than a year.")
        if length % timedelta(minutes=1):
            raise Invalid("A booking lasts whole minutes.")
        return start.instant, length

    def _row(
        self,
        event: Event,
        start: datetime,
        length: timedelta,
        external_id: str | None,
        remarks: Sequence[RowProblem] = (),
    ) -> BookingRow:
        problems: list[RowProblem] = []
        room = self._room_id or event.text("LOCATION")
        if room is None:
            refusal = Required(path=("location",))
            problems.append(RowProblem.of(refusal, "LOCATION"))
        customer = _customer(event)
        if customer is not None:
            problems += [
                RowProblem.of(each, "ATTENDEE")
                for each in customer_refusals(
                    name=customer.name, email=customer.email, phone=None, locale=None
                )
            ]
        texts = (event.text("SUMMARY"), event.text("DESCRIPTION"))
        note = tidy("\n".join(each for each in texts if each))
        if problems or room is None:
            return FileRow(event.line, None, tuple(problems))
        return FileRow(
            event.line,
            BookingFields(
                Interval(start, start + length),
                room,
                room_column=None if self._room_id else "LOCATION",
                external_id=None if external_id is None else _shortened(external_id),
                status=Status.PENDING if event.word("STATUS") == "TENTATIVE" else None,
                customer=customer,
                note=None if note is None else note[:MAX_NOTES_LENGTH],
            ),
            tuple(remarks),
        )


def _uid(event: Event) -> str | None:
    return event.text("UID")


def _shortened(external_id: str) -> str:
    """Keeps an id as it is, or one that is too long apart from all others."""
    if len(external_id) <= _LONGEST_ID:
        return external_id
    return f"{external_id[:100]} {sha256(external_id.encode()).hexdigest()}"


def _instant(when: When) -> datetime:
    if when.instant is None:
        raise Invalid("DTEND is a date, and DTSTART a time.")
    return when.instant


def _passed(event: Event, text: str) -> BookingRow:
    return FileRow(event.line, None, (RowProblem(Code.INVALID, text),), is_skipped=True)


def _customer(event: Event) -> CustomerFields | None:
    """Returns the first person who attends, other than the organizer; None if nobody does."""
    organizer = event.one("ORGANIZER")
    host = "" if organizer is None else _address(organizer)
    for each in event.properties.get("ATTENDEE", ()):
        kind = str(each.parameters.get("CUTYPE", "INDIVIDUAL")).upper()
        address = _address(each)
        if kind not in ("ROOM", "RESOURCE") and address and address != host:
            name = tidy(str(each.parameters.get("CN", ""))) or address
            return CustomerFields(name, email=address)
    return None


def _address(given: Property) -> str:
    value = given.value.strip()
    return value[len(_MAILTO) :] if value.lower().startswith(_MAILTO) else ""
