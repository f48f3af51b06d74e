"""Exports: files of a venue's data, which are made by a job and can be downloaded for a week."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

FILES_KEPT_FOR: Final = timedelta(days=7)
"""How long a file can be downloaded, and a failed export be retried."""
MAX_UNFINISHED: Final = 5
"""The most exports of a tenant that wait or are being made."""
MAX_STORED: Final = 100
"""The most exports of a tenant, finished ones included."""
MAX_ATTEMPTS: Final = 3
"""How often an export is begun before it counts as one that nothing finishes."""


class ExportKind(StrEnum):
    """What an export has a row for."""

    BOOKINGS = "BOOKINGS"
    SALES = "SALES"
    OCCUPANCY = "OCCUPANCY"
    CUSTOMERS = "CUSTOMERS"
    STAFF_ACTIONS = "STAFF_ACTIONS"


class ExportFormat(StrEnum):
    """The format of a file; the value is stored."""

    CSV = "CSV"
    JSONL = "JSONL"
    XLSX = "XLSX"

    @property
    def media_type(self) -> str:
        """The media type of such a file."""
        return _MEDIA_TYPES[self]

    @property
    def extension(self) -> str:
        """What the name of such a file ends with, after the dot."""
        return self.value.lower()


class ExportStatus(StrEnum):
    """The status of an export; the value is stored."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class ExportFailure(StrEnum):
    """Why an export failed; the value is stored."""

    STORAGE_FULL = "STORAGE_FULL"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    TIMED_OUT = "TIMED_OUT"
    INTERRUPTED = "INTERRUPTED"
    SERVER_ERROR = "SERVER_ERROR"


UNFINISHED: Final = frozenset({ExportStatus.QUEUED, ExportStatus.RUNNING})

KINDS_OF_ROOMS: Final = frozenset({ExportKind.BOOKINGS, ExportKind.SALES, ExportKind.OCCUPANCY})
"""The kinds whose rows belong to rooms, and can be restricted to some."""

_MEDIA_TYPES: Final = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.JSONL: "application/x-ndjson",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def percent_done(rows: int, of: int) -> int:
    """Returns how much of an export is done, in whole percent, at most 99: it isn't stored yet."""
    return min(99, rows * 100 // of) if of > 0 else 0
