"""The rows of a file: new customers, rooms and bookings, or what is wrong with them."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar
from uuid import UUID

from domain.bookings.lifecycle import Status
from domain.core.intervals import Interval
from domain.imports.imports import RowProblem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CustomerFields:
    """What a file has of a customer; texts are tidy, and None where they are empty."""

    name: str
    email: str | None = None
    phone: str | None = None
    locale: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomFields:
    """What a file has of a room; ``hourly_rate`` is a decimal in the venue's currency."""

    name: str
    capacity: int
    description: str | None = None
    category: str | None = None
    color: str | None = None
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    hourly_rate: str | None = None
    seats: int | None = None


@dataclass(frozen=True, slots=True)
class BookingFields:
    """What a file has of a booking.

    Its room is known by id, or by its name, which is in ``room_column``. ``status`` is None where
    the file doesn't tell, and ``external_id`` names the booking in the program that has written
    the file.
    """

    time: Interval
    room: str | UUID
    room_column: str | None = None
    external_id: str | None = None
    status: Status | None = None
    party_size: int = 1
    customer: CustomerFields | None = None
    note: str | None = None

    @property
    def identity(self) -> str:
        """By which a booking is known that was imported before: without an id, by what it is."""
        if self.external_id is not None:
            return self.external_id
        who = self.customer
        name, email, phone = (who.name, who.email, who.phone) if who else ("", None, None)
        parts = [
            str(self.room).casefold(),
            self.time.start.isoformat(),
            self.time.end.isoformat(),
            *(text or "" for text in (email or name, phone)),
        ]
        return f"row:{sha256('|'.join(parts).encode()).hexdigest()[:40]}"


@dataclass(frozen=True, slots=True)
class FileRow(Generic[T]):
    """A row or an event, which begins on a line of its file, counted from 1.

    ``fields`` are None if it has problems, or if there is nothing to import: then it is skipped.
    ``problems`` may also be remarks about a row that can be imported.
    """

    line: int
    fields: T | None
    problems: tuple[RowProblem, ...] = ()
    is_skipped: bool = False


AnyRow = FileRow[CustomerFields] | FileRow[RoomFields] | FileRow[BookingFields]
