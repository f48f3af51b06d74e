"""What becomes of rows: the parts that imports of all kinds share."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from domain.bookings.refusals import Busy
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.refusals import Code, Refusal, refusals_in
from domain.imports.imports import ImportOutcome, RowProblem
from domain.imports.rows import AnyRow
from kit.ids import new_id
from models.customers.customers import Customer
from models.imports.imports import Import

_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class TakenRow:
    """What became of a row.

    ``subject`` is what it has added or changed: its id, and its version afterwards. ``filled`` are
    the columns of it that were empty before.
    """

    line: int
    outcome: ImportOutcome
    problems: tuple[RowProblem, ...] = ()
    subject: tuple[UUID, int] | None = None
    external_id: str | None = None
    filled: tuple[str, ...] = ()

    def columns(self, of: Import) -> dict[str, Any]:
        """Returns the columns in which it is stored."""
        id, version = self.subject or (None, None)
        return {
            "tenant_id": of.tenant_id,
            "id": new_id(),
            "import_id": of.id,
            "line": self.line,
            "outcome": self.outcome.value,
            "subject_id": id,
            "subject_version": version,
            "external_id": self.external_id,
            "filled": list(self.filled) or None,
            "problems": [asdict(each) for each in self.problems],
        }


@dataclass(slots=True)
class Tried:
    """What a dry run would have added so far, which isn't stored.

    ``busy`` has the times of spaces, by the days that they touch.
    """

    customers: list[Customer] = field(default_factory=list)
    rooms: set[str] = field(default_factory=set)
    external_ids: set[str] = field(default_factory=set)
    busy: defaultdict[tuple[UUID, date], list[Busy]] = field(
        default_factory=lambda: defaultdict(list)
    )
    counted: int = 0

    def note(self, spaces: Sequence[UUID], busy: Busy) -> None:
        """Notes the time of a booking that takes some spaces."""
        for space in spaces:
            for day in _days(busy.occupied):
                self.busy[space, day].append(busy)

    def busy_in(self, room_id: RoomId, spaces: Sequence[UUID], time: Interval) -> list[Busy]:
        """Returns the times that are taken of a room's spaces around a time, as the room's."""
        around = time.padded(before_minutes=_DAY_MINUTES, after_minutes=_DAY_MINUTES)
        found = {
            each.booking_id: each
            for space in spaces
            for day in _days(around)
            for each in self.busy.get((space, day), ())
        }
        return [
            Busy(room_id, each.booking_id, each.interval, each.occupied, each.seats)
            for each in found.values()
        ]


def _days(time: Interval) -> list[date]:
    first, last = time.start.date(), time.end.date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def passed_over(row: AnyRow) -> TakenRow | None:
    """Returns what becomes of a row that has nothing to import; None if it has something."""
    if row.fields is not None:
        return None
    outcome = ImportOutcome.SKIPPED if row.is_skipped else ImportOutcome.ERROR
    return TakenRow(row.line, outcome, row.problems)


def skipped(row: AnyRow, code: Code, message: str) -> TakenRow:
    problem = RowProblem(code, message)
    return TakenRow(row.line, ImportOutcome.SKIPPED, (*row.problems, problem))


def refused(row: AnyRow, *refusals: Refusal, column_of_room: str | None = None) -> TakenRow:
    """Returns what becomes of a row that something refuses."""
    problems = tuple(
        RowProblem.of(each, column_of_room if each.path == ("room",) else None) for each in refusals
    )
    return TakenRow(row.line, ImportOutcome.ERROR, (*row.problems, *problems))


def all_refusals(error: Exception) -> list[Refusal]:
    """Returns the refusals of an exception, or of a group of them; raises it if it is none."""
    if isinstance(error, Refusal):
        return [error]
    if isinstance(error, ExceptionGroup):
        wrong, others = error.split(Refusal)
        if wrong is not None and others is None:
            return list(refusals_in(wrong))
    raise error
