"""The runtime of a process: the database, the clock and the services that scopes share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from kit.clock import Clock
from kit.postgres.advisory_locks import ProcessLocks
from kit.postgres.database import Database


class LogWriter(Protocol):
    """Writes a change's events to the log, in the last statement before the commit."""

    # `Any`, because kit/scope.py imports this module.
    async def __call__(self, scope: Any, events: Sequence[Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """Holds what all scopes of a process share.

    ``notify_log`` is called with each tenant whose log has grown, ``notify_jobs`` if jobs are due.
    """

    database: Database
    clock: Clock
    write_log: LogWriter
    notify_log: Callable[[UUID], None]
    services: Mapping[type, object]
    locks: ProcessLocks = field(default_factory=ProcessLocks)
    notify_jobs: Callable[[], None] = lambda: None
