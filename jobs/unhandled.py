"""Finds and removes jobs for which this version has no handler.

A worker leaves them alone: during an update, a process of another version may handle them. Once no
process does, as after a handler was removed, they wait until an operator forgets them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from jobs.purge import delete_in_batches
from kit.postgres.database import Database
from models.audit.event_handlers import (
    pending_removed,
    positions_removed,
    start_removed,
    started_handlers,
)
from models.core.job_queue import jobs_named, unhandled_jobs

EVENT_PREFIX: Final = "event:"
"""What the names of event handlers' jobs start with."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Unhandled:
    """The jobs of a name without a handler; none if only an event handler's position is left."""

    name: str
    jobs: int = 0
    since: datetime | None = None


async def find_unhandled(relay: Database, handled: Collection[str]) -> list[Unhandled]:
    """Returns all names of jobs and event handlers that aren't among the handled ones, in order."""
    async with relay.session(writes=False) as session:
        rows = (await session.execute(unhandled_jobs(handled))).all()
        started = (await session.scalars(started_handlers())).all()
    found = {name: Unhandled(name, number, since) for name, number, since in rows}
    for handler in started:
        name = EVENT_PREFIX + handler
        if name not in handled:
            found.setdefault(name, Unhandled(name))
    return [found[name] for name in sorted(found)]


async def report_unhandled(relay: Database, handled: Collection[str]) -> None:
    """Logs a warning for each name without a handler."""
    for each in await find_unhandled(relay, handled):
        since = each.since.isoformat() if each.since else None
        log.warning("jobs.unhandled", job=each.name, waiting=each.jobs, since=since)


async def forget(relay: Database, name: str) -> int:
    """Deletes all jobs of a name, and for an event handler's all that it has stored.

    Returns the number of jobs. Running ones aren't stopped.
    """
    handler = name.removeprefix(EVENT_PREFIX)
    if handler != name:
        # First, so that no process of another version adds anything.
        async with relay.session(writes=True) as session, session.begin():
            await session.execute(start_removed(handler))
        await delete_in_batches(relay, partial(pending_removed, handler))
        await delete_in_batches(relay, partial(positions_removed, handler))
    return await delete_in_batches(relay, partial(jobs_named, name))
