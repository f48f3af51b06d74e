"""Logs what a change of a row has changed."""

from typing import Protocol, cast
from uuid import UUID

from domain.core.log_events import Event, EventType, Snapshot
from kit.scope import Scope
from models.core.base import Logged, snapshot


class _Versioned(Protocol):
    id: UUID
    version: int


def log_change(scope: Scope, type: EventType, subject: str, row: Logged, before: Snapshot) -> bool:
    """Raises the version of a row that isn't as ``before`` any more, and logs the change.

    A change that leaves everything as it was is no change: returns False, and writes nothing.
    """
    after, changed = snapshot(row), cast("_Versioned", row)
    if after == before:
        return False
    changed.version += 1
    scope.emit(Event(type, subject, changed.id, before=before, after=after))
    return True
