"""Jobs that wait in the database: put there by the change that wants them done.

The tables and their statements are pgqueuer's, in a schema of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

import asyncpg
import orjson
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.models import Job as QueuedJob
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import JobId
from pgqueuer.ports.driver import Driver
from sqlalchemy.ext.asyncio import AsyncSession

SCHEMA: Final = "queue"
CHANNEL: Final = "boom_queue"

# Validated, not called: that would read the names of the tables from the environment.
SETTINGS: Final = DBSettings.model_validate({"db_schema": SCHEMA, "channel": CHANNEL})

_USUAL: Final = 0
_URGENT: Final = 10

_TENANT: Final = "tenant"
_AT: Final = "at"
_KEY: Final = "key"

_POSTPONE: Final = """
    UPDATE queue.pgqueuer AS job
    SET status = 'queued', queue_manager_id = NULL, execute_after = now() + rest
    FROM unnest($1::bigint[], $2::interval[]) AS early(id, rest) WHERE job.id = early.id
"""
_WAIT_NO_LONGER: Final = """
    UPDATE queue.pgqueuer SET dedupe_key = NULL
    WHERE id = ANY($1::bigint[]) AND dedupe_key IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done by the handler of this name, not before ``at`` where that is given.

    Of jobs with one name, tenant and ``dedupe``, only one waits at a time. Those that are
    ``urgent`` go first.
    """

    name: str
    payload: Mapping[str, object]
    at: datetime | None = None
    dedupe: str | None = None
    urgent: bool = False


def queries_of(driver: Driver) -> Queries:
    """pgqueuer's statements on our tables."""
    return Queries(
        driver,
        qbe=QueryBuilderEnvironment(SETTINGS),
        qbq=QueryQueueBuilder(SETTINGS),
        qbs=QuerySchedulerBuilder(SETTINGS),
    )


async def put(
    session: AsyncSession, jobs: Iterable[Job], *, tenant_id: UUID | None, now: datetime
) -> None:
    """Have jobs of a tenant, or of none, wait from the commit of this transaction on.

    A job that waits already under the same ``dedupe`` is kept, and locked until that commit: it
    can't be done on what was there before. Payloads are JSON.
    """
    wanted = _one_of_each(jobs, tenant_id)
    driver = cast("Driver", _InTransaction(session))
    await queries_of(driver).enqueue(
        [job.name for job in wanted],
        [orjson.dumps(job.payload) for job in wanted],
        [_URGENT if job.urgent else _USUAL for job in wanted],
        [_delay(job, now) for job in wanted],
        [_dedupe_key(job, tenant_id) for job in wanted],
        [_headers(job, tenant_id) for job in wanted],
        on_conflict="update_priority",
    )


def tenant_of(job: QueuedJob) -> UUID | None:
    """The tenant of the scope that wanted it done."""
    text = (job.headers or {}).get(_TENANT)
    return UUID(str(text)) if text else None


def due_at(job: QueuedJob) -> datetime | None:
    """Not to be done before, by the app's clock."""
    text = (job.headers or {}).get(_AT)
    return datetime.fromisoformat(str(text)) if text else None


def payload_of(job: QueuedJob) -> Mapping[str, Any]:
    payload: Mapping[str, Any] = orjson.loads(job.payload or b"{}")
    return payload


async def postpone(connection: asyncpg.Connection, early: Mapping[JobId, timedelta]) -> None:
    """Put jobs back that were taken before their time, without counting it as a try.

    Their wait is measured from the beginning of the transaction that put them there, by the
    database's clock; when they may be done is for the app's clock to say.
    """
    if early:
        await connection.execute(_POSTPONE, list(early), list(early.values()))


async def wait_no_longer(connection: asyncpg.Connection, ids: Sequence[JobId]) -> None:
    """From now on another job may wait under the key of these, which are about to be done.

    Waits for transactions that count on them: what those store will be seen.
    """
    if ids:
        await connection.execute(_WAIT_NO_LONGER, ids)


def _one_of_each(jobs: Iterable[Job], tenant_id: UUID | None) -> Sequence[Job]:
    # PostgreSQL can't meet one conflict twice in a statement.
    return list({_dedupe_key(job, tenant_id) or id(job): job for job in jobs}.values())


def _dedupe_key(job: Job, tenant_id: UUID | None) -> str | None:
    return None if job.dedupe is None else f"{job.name} {tenant_id or '-'} {job.dedupe}"


def _delay(job: Job, now: datetime) -> timedelta:
    return timedelta(0) if job.at is None else max(job.at - now, timedelta(0))


def _headers(job: Job, tenant_id: UUID | None) -> dict[str, str]:
    headers = {}
    if tenant_id is not None:
        headers[_TENANT] = str(tenant_id)
    if job.at is not None:
        headers[_AT] = job.at.isoformat()
    if job.dedupe is not None:
        headers[_KEY] = job.dedupe
    return headers


class _InTransaction:
    """pgqueuer's statements in the transaction of a session, with its errors."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        connection = await self._session.connection()
        result = await connection.exec_driver_sql(query, args)
        return [dict(row) for row in result.mappings()]
