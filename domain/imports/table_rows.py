"""Reads the rows of a table as customers, rooms or bookings."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from uuid import UUID

from domain.bookings.lifecycle import Status
from domain.core.intervals import Interval
from domain.core.refusals import Invalid, Refusal, Required
from domain.customers.customers import MAX_NOTES_LENGTH, tidy
from domain.customers.customers import refusals as customer_refusals
from domain.customers.tags import tag_name, tag_refusals, with_tags
from domain.imports.columns import ImportField, heading_key, require_columns
from domain.imports.imports import (
    MAX_PROBLEMS,
    FileRefused,
    ImportFailure,
    RowProblem,
)
from domain.imports.rows import BookingFields, CustomerFields, FileRow, RoomFields
from domain.imports.values import (
    AmbiguousDate,
    Dates,
    local_moment,
    minutes_between,
    parse_amount,
    parse_date,
    parse_integer,
    parse_minutes,
    parse_moment,
    parse_time,
)
from domain.tenants.settings import LONGEST_MINUTES

F = ImportField
T = TypeVar("T")

MAX_CELL: Final = 10_000
MAX_EXTERNAL_ID: Final = 255
MOST_PEOPLE: Final = 100_000
_STATUSES: Final[Mapping[Status, str]] = {
    Status.PENDING: "pending, requested, tentative, angefragt, offen, pendiente, en attente",
    Status.CONFIRMED: "confirmed, booked, scheduled, active, accepted, bestatigt, gebucht, "
    "confirmado, confirmada, confirme, confirmee",
    Status.CHECKED_IN: "checked in, arrived, seated",
    Status.COMPLETED: "completed, done, finished, past, abgeschlossen, completado, completada, "
    "termine, terminee",
    Status.CANCELLED: "cancelled, canceled, storniert, abgesagt, cancelado, cancelada, annule, "
    "annulee",
    Status.NO_SHOW: "no show, noshow, nicht erschienen, no presentado, absent",
    Status.EXPIRED: "expired",
    Status.REJECTED: "rejected, declined, abgelehnt, rechazado, refuse",
}
_STATUS_OF: Final = {
    name: status for status, names in _STATUSES.items() for name in names.split(", ")
}


@dataclass(slots=True)
class _Cells:
    """The cells of one row by field; what is wrong with them is gathered."""

    row: Sequence[str]
    places: Mapping[ImportField, int]
    headings: Sequence[str]
    problems: list[RowProblem] = field(default_factory=list)
    is_ambiguous: bool = False

    def heading(self, name: ImportField) -> str | None:
        """Returns the heading of a field's column; None if it has none."""
        place = self.places.get(name)
        return None if place is None else self.headings[place]

    def text(self, name: ImportField) -> str | None:
        """Returns a cell; None if it is empty, or has no column."""
        place = self.places.get(name)
        if place is None or place >= len(self.row):
            return None
        cell = self.row[place]
        if len(cell) > MAX_CELL:
            problem = f"The cell has {len(cell):,} characters; at most {MAX_CELL:,} are read."
            self.refuse(Invalid(problem), name)
            return None
        return tidy(cell)

    def read(self, name: ImportField, parse: Callable[[str], T], default: T) -> T:
        """Returns what a cell has; the default if it is empty, or refused."""
        cell = self.text(name)
        if cell is None:
            return default
        try:
            return parse(cell)
        except Refusal as refusal:
            self.is_ambiguous |= isinstance(refusal, AmbiguousDate)
            self.refuse(refusal, name)
            return default

    def require(self, name: ImportField) -> str:
        """Returns a cell that must not be empty; an empty text if it is."""
        cell = self.text(name)
        if cell is None and not self.has_problem(name):
            self.refuse(Required(path=(name.value.lower(),)), name)
        return cell or ""

    def refuse(self, refusal: Refusal, name: ImportField | None = None) -> None:
        heading = None if name is None else self.heading(name)
        self.problems.append(RowProblem.of(refusal, heading))

    def has_problem(self, name: ImportField) -> bool:
        heading = self.heading(name)
        return any(each.column == heading for each in self.problems)

    def ended(self, line: int, fields: T | None) -> FileRow[T]:
        """Returns the row, without its fields if anything is wrong."""
        if len(self.row) > len(self.headings) and any(self.row[len(self.headings) :]):
            problem = f"The row has {len(self.row)} cells, and the heading {len(self.headings)}."
            self.refuse(Invalid(f"{problem} Put quotes around texts that have separators."))
        found = tuple(self.problems[:MAX_PROBLEMS])
        return FileRow(line, None if found else fields, found)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with their lines, and where their fields are."""

    headings: Sequence[str]
    rows: Iterable[tuple[int, Sequence[str]]]
    places: Mapping[ImportField, int]


def customer_rows(table: Table) -> list[FileRow[CustomerFields]]:
    """Reads customers. Raises FileRefused if a required column is missing."""
    require_columns(table.places, [F.NAME], [F.FIRST_NAME], [F.LAST_NAME])
    found = []
    for line, row in table.rows:
        cells = _Cells(row, table.places, table.headings)
        found.append(cells.ended(line, _customer(cells)))
    return found


def room_rows(table: Table) -> list[FileRow[RoomFields]]:
    """Reads rooms. Raises FileRefused if a required column is missing."""
    require_columns(table.places, [F.NAME, F.CAPACITY])
    found = []
    for line, row in table.rows:
        cells = _Cells(row, table.places, table.headings)
        cells.require(F.CAPACITY)
        fields = RoomFields(
            name=cells.require(F.NAME),
            capacity=cells.read(F.CAPACITY, parse_integer, 0),
            description=cells.text(F.DESCRIPTION),
            category=cells.text(F.CATEGORY),
            color=cells.text(F.COLOR),
            buffer_before_minutes=cells.read(F.BUFFER_BEFORE_MINUTES, parse_minutes, 0),
            buffer_after_minutes=cells.read(F.BUFFER_AFTER_MINUTES, parse_minutes, 0),
            hourly_rate=cells.read(F.HOURLY_RATE, parse_amount, None),
            seats=cells.read(F.SEATS, parse_integer, None),
        )
        found.append(cells.ended(line, fields))
    return found


def booking_rows(
    table: Table, dates: Dates, *, room_id: UUID | None
) -> list[FileRow[BookingFields]]:
    """Reads bookings; ``room_id`` is the room of all of them, if the file names none.

    Raises FileRefused if a required column is missing, or if the order of day and month is unknown.
    """
    require_columns(table.places, [F.STARTS_AT], [F.DATE, F.START_TIME])
    require_columns(table.places, [F.ENDS_AT], [F.END_TIME], [F.DURATION_MINUTES])
    if room_id is None:
        require_columns(table.places, [F.ROOM])
    found = []
    for line, row in table.rows:
        cells = _Cells(row, table.places, table.headings)
        found.append(cells.ended(line, _booking(cells, dates, room_id)))
        if cells.is_ambiguous:
            message = f"{cells.problems[0].message} The first such date is on line {line}."
            raise FileRefused(ImportFailure.AMBIGUOUS_DATES, message)
    return found


def _booking(cells: _Cells, dates: Dates, room_id: UUID | None) -> BookingFields | None:
    time = _time(cells, dates)
    room = cells.require(F.ROOM) if room_id is None else room_id
    customer = None
    if any(cells.text(each) for each in (F.NAME, F.FIRST_NAME, F.LAST_NAME, F.EMAIL, F.PHONE)):
        customer = _customer(cells, with_notes=False)
    note = cells.text(F.NOTES)
    if note is not None and len(note) > MAX_NOTES_LENGTH:
        cells.refuse(Invalid(f"At most {MAX_NOTES_LENGTH:,} characters."), F.NOTES)
    external_id = cells.text(F.EXTERNAL_ID)
    if external_id is not None and len(external_id) > MAX_EXTERNAL_ID:
        cells.refuse(Invalid(f"At most {MAX_EXTERNAL_ID} characters."), F.EXTERNAL_ID)
    party_size = cells.read(F.PARTY_SIZE, _party_size, 1)
    status = cells.read(F.STATUS, _status, None)
    if time is None:
        return None
    return BookingFields(
        time,
        room,
        room_column=None if room_id is not None else cells.heading(F.ROOM),
        external_id=external_id,
        party_size=party_size,
        status=status,
        customer=customer,
        note=note,
    )


def _time(cells: _Cells, dates: Dates) -> Interval | None:
    """Returns the time of a booking; None if its cells have problems."""
    day = cells.read(F.DATE, lambda text: parse_date(text, dates.order), None)
    if F.STARTS_AT in cells.places:
        cells.require(F.STARTS_AT)
        start = cells.read(F.STARTS_AT, lambda text: parse_moment(text, dates), None)
    else:
        cells.require(F.DATE)
        cells.require(F.START_TIME)
        at = cells.read(F.START_TIME, parse_time, None)
        start = None
        if day is not None and at is not None:
            first = day
            start = cells.read(
                F.START_TIME, lambda text: local_moment(first, parse_time(text), dates), None
            )
    if start is None:
        return None
    begins = start
    last_day = day or begins.astimezone(dates.zone).date()
    end = cells.read(F.ENDS_AT, lambda text: parse_moment(text, dates), None)
    if end is None:
        end = cells.read(
            F.END_TIME, lambda text: local_moment(last_day, parse_time(text), dates), None
        )
    minutes = cells.read(F.DURATION_MINUTES, parse_minutes, None)
    if end is not None:
        try:
            minutes = minutes_between(begins, end)
        except Refusal as refusal:
            cells.refuse(refusal, F.ENDS_AT if F.ENDS_AT in cells.places else F.END_TIME)
            return None
    if minutes is None:
        if not cells.problems:
            cells.refuse(Required(path=("end or duration",)))
        return None
    if not 1 <= minutes <= LONGEST_MINUTES:
        problem = f"A booking lasts 1 to {LONGEST_MINUTES:,} minutes."
        cells.refuse(Invalid(problem), F.DURATION_MINUTES)
        return None
    return Interval.of_minutes(begins, minutes)


def _status(text: str) -> Status:
    status = _STATUS_OF.get(heading_key(text))
    if status is None:
        raise Invalid("This isn't a known status; use confirmed, pending, cancelled or no-show.")
    return status


def _party_size(text: str) -> int:
    size = parse_integer(text)
    if not 1 <= size <= MOST_PEOPLE:
        raise Invalid(f"A party has 1 to {MOST_PEOPLE:,} people.")
    return size


def _tags(text: str) -> tuple[str, ...]:
    names = [name for each in text.split(",") if (name := tag_name(each))]
    for refusal in tag_refusals(names, path=()):
        raise refusal
    return tuple(with_tags((), names, path=()))


def _customer(cells: _Cells, *, with_notes: bool = True) -> CustomerFields:
    name = cells.text(F.NAME)
    if name is None:
        parts = [cells.text(F.FIRST_NAME), cells.text(F.LAST_NAME)]
        name = " ".join(each for each in parts if each)
    fields = CustomerFields(
        name,
        email=cells.text(F.EMAIL),
        phone=cells.text(F.PHONE),
        locale=cells.text(F.LOCALE),
        notes=cells.text(F.NOTES) if with_notes else None,
        tags=cells.read(F.TAGS, _tags, ()),
    )
    for refusal in customer_refusals(
        name=fields.name,
        email=fields.email,
        phone=fields.phone,
        locale=fields.locale,
        notes=fields.notes,
    ):
        cells.refuse(refusal, F(str(refusal.path[-1]).upper()))
    return fields
