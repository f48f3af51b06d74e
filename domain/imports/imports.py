"""Imports: files of customers, rooms or bookings, whose rows are added by a job."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from domain.core.refusals import Code, Refusal

MAX_BYTES: Final = 20 * 1024 * 1024
"""The largest file."""
MAX_ROWS: Final = 50_000
"""The most rows of a file; of an iCalendar file, events and occurrences of series."""
MAX_ROOMS: Final = 500
"""The most rows of a file of rooms."""
MAX_PROBLEMS: Final = 10
"""The most problems of a row that are stored."""
UPLOAD_WITHIN: Final = timedelta(hours=1)
"""How long the link for the file is valid."""
UNUSED_FOR: Final = timedelta(days=1)
"""How long an import is kept that has no file: longer than any upload takes."""
UNDONE_WITHIN: Final = timedelta(days=1)
"""How long after its end an import can be undone."""
KEPT_FOR: Final = timedelta(days=30)
"""How long an import is kept that has added and changed nothing."""
MAX_UNFINISHED: Final = 5
"""The most imports of a tenant that wait or run."""
MAX_ATTEMPTS: Final = 3
"""How often in a row an import is begun without getting further before it fails."""


class ImportKind(StrEnum):
    """What the rows of a file are; the value is stored."""

    CUSTOMERS = "CUSTOMERS"
    ROOMS = "ROOMS"
    BOOKINGS = "BOOKINGS"


class ImportFormat(StrEnum):
    """The format of a file; the value is stored."""

    CSV = "CSV"
    ICS = "ICS"


class ImportStatus(StrEnum):
    """The status of an import; the value is stored."""

    AWAITING_UPLOAD = "AWAITING_UPLOAD"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    UNDOING = "UNDOING"
    UNDONE = "UNDONE"


class ImportFailure(StrEnum):
    """Why an import failed; the value is stored."""

    UNREADABLE = "UNREADABLE"
    MISSING_COLUMNS = "MISSING_COLUMNS"
    AMBIGUOUS_DATES = "AMBIGUOUS_DATES"
    UNKNOWN_TIME_ZONES = "UNKNOWN_TIME_ZONES"
    TOO_MANY_ROWS = "TOO_MANY_ROWS"
    NOT_ALLOWED = "NOT_ALLOWED"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    TIMED_OUT = "TIMED_OUT"
    INTERRUPTED = "INTERRUPTED"
    SERVER_ERROR = "SERVER_ERROR"


class ImportOutcome(StrEnum):
    """What became of a row; the value is stored."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    SKIPPED = "SKIPPED"
    ERROR = "ERROR"
    UNDONE = "UNDONE"


class DateFormat(StrEnum):
    """The order of day, month and year in dates; the value is stored."""

    DMY = "DMY"
    MDY = "MDY"
    YMD = "YMD"


ACTIVE: Final = frozenset({ImportStatus.QUEUED, ImportStatus.RUNNING, ImportStatus.UNDOING})
"""The statuses in which a job works on an import."""
UNFINISHED: Final = ACTIVE | {ImportStatus.AWAITING_UPLOAD}
KEPT_OUTCOMES: Final = frozenset({ImportOutcome.CREATED, ImportOutcome.UPDATED})
"""The outcomes of rows that an undo takes back."""


class FileRefused(Exception):
    """The file as a whole can't be imported; the message is for the person who uploaded it."""

    def __init__(self, failure: ImportFailure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with a row, or what else is to be said about it.

    ``column`` is the heading of the column, or the name of the property, that it is about.
    """

    code: Code
    message: str
    column: str | None = None

    @classmethod
    def of(cls, refusal: Refusal, column: str | None = None) -> "RowProblem":
        """Returns the problem that a refusal is."""
        return cls(refusal.code, refusal.message, column)


def percent_done(rows: int, of: int | None) -> int:
    """Returns how much of an unfinished import is done, in whole percent: at most 99."""
    return min(99, rows * 100 // of) if of else 0
