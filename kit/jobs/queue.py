"""The job queue in the database: jobs are enqueued by the transaction that needs them.

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

# `model_validate`: the constructor would read the table names from the environment.
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
    """A job for the handler of this name, to run not before ``at``, if given.

    Of jobs with the same name, tenant and ``dedupe``, only one waits at a time. ``urgent`` jobs
    run first.
    """

    name: str
    payload: Mapping[str, object]
    at: datetime | None = None
    dedupe: str | None = None
    urgent: bool = False


def queries_of(driver: Driver) -> Queries:
    """Returns pgqueuer's statements for our tables."""
    return Queries(
        driver,
        qbe=QueryBuilderEnvironment(SETTINGS),
        qbq=QueryQueueBuilder(SETTINGS),
        qbs=QuerySchedulerBuilder(SETTINGS),
    )


async def enqueue(
    session: AsyncSession, jobs: Iterable[Job], *, tenant_id: UUID | None, now: datetime
) -> None:
    """Enqueues jobs of a tenant, or of none, in this transaction.

    A job that waits already under the same ``dedupe`` is kept, and locked until the commit, so that
    it can't run on the state before it. Payloads are JSON.
    """
    await enqueue_for_tenants(session, [(tenant_id, job) for job in jobs], now=now)


async def enqueue_for_tenants(
    session: AsyncSession, jobs: Iterable[tuple[UUID | None, Job]], *, now: datetime
) -> None:
    """Enqueues jobs of several tenants, as ``enqueue`` does for one."""
    wanted = _one_of_each(jobs)
    driver = cast("Driver", _InTransaction(session))
    await queries_of(driver).enqueue(
        [job.name for _, job in wanted],
        [orjson.dumps(job.payload) for _, job in wanted],
        [_URGENT if job.urgent else _USUAL for _, job in wanted],
        [_delay(job, now) for _, job in wanted],
        [_dedupe_key(job, tenant_id) for tenant_id, job in wanted],
        [_headers(job, tenant_id) for tenant_id, job in wanted],
        on_conflict="update_priority",
    )


def tenant_of(job: QueuedJob) -> UUID | None:
    """Returns the tenant of the scope that enqueued the job."""
    text = (job.headers or {}).get(_TENANT)
    return UUID(str(text)) if text else None


def due_at(job: QueuedJob) -> datetime | None:
    """Returns when the job is due by the app's clock."""
    text = (job.headers or {}).get(_AT)
    return datetime.fromisoformat(str(text)) if text else None


def payload_of(job: QueuedJob) -> Mapping[str, Any]:
    payload: Mapping[str, Any] = orjson.loads(job.payload or b"{}")
    return payload


async def requeue_early(connection: asyncpg.Connection, early: Mapping[JobId, timedelta]) -> None:
    """Requeues jobs that were taken early, without counting it as an attempt.

    The database delays them by its own clock, from the beginning of the transaction that enqueued
    them; the app's clock decides when they are due.
    """
    if early:
        await connection.execute(_POSTPONE, list(early), list(early.values()))


async def release_dedupe_keys(connection: asyncpg.Connection, ids: Sequence[JobId]) -> None:
    """Lets other jobs wait under the dedupe keys of these, which are about to run.

    Waits for transactions that rely on these jobs, so that they see what those store.
    """
    if ids:
        await connection.execute(_WAIT_NO_LONGER, ids)


def _one_of_each(
    jobs: Iterable[tuple[UUID | None, Job]],
) -> Sequence[tuple[UUID | None, Job]]:
    # PostgreSQL refuses two rows with the same conflict key in one statement.
    by_key = {_dedupe_key(job, tenant_id) or id(job): (tenant_id, job) for tenant_id, job in jobs}
    return list(by_key.values())


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
    """Runs pgqueuer's statements in the transaction of a session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        connection = await self._session.connection()
        result = await connection.exec_driver_sql(query, args)
        return [dict(row) for row in result.mappings()]
