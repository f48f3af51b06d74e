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

    ``notify_log`` is told of each tenant whose log has grown, ``notify_jobs`` that jobs are due.
    """

    database: Database
    clock: Clock
    write_log: LogWriter
    notify_log: Callable[[UUID], None]
    services: Mapping[type, object]
    locks: ProcessLocks = field(default_factory=ProcessLocks)
    notify_jobs: Callable[[], None] = lambda: None
