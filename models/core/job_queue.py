"""Our own statements on the job queue, whose tables are pgqueuer's."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Delete,
    Select,
    String,
    case,
    cast,
    column,
    delete,
    func,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import JSONB

from kit.jobs.queue import SETTINGS

_QUEUE: Final = table(
    SETTINGS.queue_table,
    column("id", BigInteger()),
    column("status", String()),
    column("entrypoint", String()),
    column("created", DateTime(timezone=True)),
    column("execute_after", DateTime(timezone=True)),
    column("headers", JSONB()),
    schema=SETTINGS.db_schema,
)
_LOG: Final = table(
    SETTINGS.queue_table_log,
    column("id", BigInteger()),
    column("job_id", BigInteger()),
    column("created", DateTime(timezone=True)),
    schema=SETTINGS.db_schema,
)
STATES: Final = ("queued", "scheduled", "running", "dead")


def has_job(name: str, key: Any) -> ColumnElement[bool]:
    """Returns whether there is a waiting, running or dead job of this name and dedupe key."""
    return (
        select(_QUEUE.c.id)
        .where(_QUEUE.c.entrypoint == name, _QUEUE.c.headers["key"].astext == cast(key, String))
        .exists()
    )


def waiting_or_dead(name: str, keys: Collection[str]) -> Select[str | None, str]:
    """Selects the tenants and dedupe keys of jobs of this name that are queued or dead.

    Locks the jobs: none of them starts before the transaction ends.
    """
    key = _QUEUE.c.headers["key"].astext
    return (
        select(_QUEUE.c.headers["tenant"].astext, key)
        .where(
            _QUEUE.c.entrypoint == name,
            key.in_(keys),
            cast(_QUEUE.c.status, String).in_(["queued", "failed"]),
        )
        .order_by(_QUEUE.c.id)
        .with_for_update()
    )


def are_due(name: str, number: int) -> Select[bool]:
    """Selects whether at least so many jobs of this name wait that could run now."""
    last = (
        select(_QUEUE.c.id)
        .where(
            _QUEUE.c.entrypoint == name,
            cast(_QUEUE.c.status, String) == "queued",
            _QUEUE.c.execute_after <= func.now(),
        )
        .offset(number - 1)
    )
    return select(last.exists())


@cache
def backlog() -> Select[str, int]:
    """Counts jobs by state."""
    status = cast(_QUEUE.c.status, String)
    state = case(
        (status == "failed", "dead"),
        (status == "picked", "running"),
        (_QUEUE.c.execute_after > func.now(), "scheduled"),
        else_="queued",
    )
    return select(state, func.count()).group_by(state)


def unhandled_jobs(handled: Collection[str]) -> Select[str, int, datetime]:
    """Selects the names of all other jobs, with their number and when the oldest was enqueued."""
    name = _QUEUE.c.entrypoint
    return (
        select(name, func.count(), func.min(_QUEUE.c.created))
        .where(name.not_in(handled))
        .group_by(name)
        .order_by(name)
    )


def jobs_named(name: str, *, limit: int) -> Delete:
    """Deletes a batch of jobs of this name."""
    some = select(_QUEUE.c.id).where(_QUEUE.c.entrypoint == name).limit(limit)
    return delete(_QUEUE).where(_QUEUE.c.id.in_(some))


def history_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of results of finished jobs, but not the errors of dead ones."""
    old = (
        select(_LOG.c.id)
        .where(_LOG.c.created < cutoff, _LOG.c.job_id.not_in(select(_QUEUE.c.id)))
        .limit(limit)
    )
    return delete(_LOG).where(_LOG.c.id.in_(old))
