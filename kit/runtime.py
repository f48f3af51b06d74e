"""What all scopes of a process share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from kit.clock import Clock
from kit.postgres.advisory_locks import ProcessLocks
from kit.postgres.database import Database


class LogWriter(Protocol):
    """Writes a change's events into the log, as the last statement before the commit."""

    # A scope can't be named here: it is made of a runtime.
    async def __call__(self, scope: Any, events: Sequence[Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """What all scopes of a process share.

    ``wake`` is told of each tenant whose log has grown, ``ring`` that there are jobs to be done.
    """

    database: Database
    clock: Clock
    journal: LogWriter
    wake: Callable[[UUID], None]
    parts: Mapping[type, object]
    locks: ProcessLocks = field(default_factory=ProcessLocks)
    ring: Callable[[], None] = lambda: None
