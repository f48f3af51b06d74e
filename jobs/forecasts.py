"""Refits the forecasts of venues in their night, by jobs."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from domain.core.local_time import zone
from kit.jobs.queue import Job, enqueue
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.analytics.forecasts import FORECAST_JOB, without_forecast_from, zones_with_forecasts
from resolvers.analytics import forecasts

NIGHT: Final = range(1, 6)
"""The hours of a venue's wall clock in which its forecasts are refitted."""
BATCH: Final = 200
MAX_TENANTS: Final = 10_000
"""How many venues get a job in one run, at most; the others follow in the next."""


async def find_old_forecasts(runtime: Runtime, relay: Database) -> None:
    """Enqueues a job for each venue where it is night and that has no forecast from today on.

    Several processes may run it concurrently: of equal jobs, one waits. A venue whose job is dead
    is skipped until an operator retries or discards the job.
    """
    async with relay.session(writes=False) as session:
        names = (await session.scalars(zones_with_forecasts())).all()
    by_date: defaultdict[date, list[str]] = defaultdict(list)
    for name in names:
        local = runtime.clock().astimezone(zone(name))
        if local.hour in NIGHT:
            by_date[local.date()].append(name)
    for today, zones in by_date.items():
        await _enqueue(runtime, relay, today, zones)


async def refit_forecasts(
    runtime: Runtime,
    tenant_id: UUID | None,
    payload: Mapping[str, Any],  # noqa: ARG001 - the tenant is enough
) -> None:
    """Refits a venue's forecasts, unless they are of today."""
    assert tenant_id is not None, "a forecast belongs to a tenant"
    await forecasts.refit_forecasts(runtime, tenant_id)


async def _enqueue(runtime: Runtime, relay: Database, today: date, zones: list[str]) -> None:
    after: UUID | None = None
    for _ in range(MAX_TENANTS // BATCH):
        async with relay.session(writes=True) as session, session.begin():
            found = without_forecast_from(today, zones, after=after, limit=BATCH)
            tenant_ids = (await session.scalars(found)).all()
            for tenant_id in tenant_ids:
                job = Job(FORECAST_JOB, {}, dedupe=str(tenant_id))
                await enqueue(session, [job], tenant_id=tenant_id, now=runtime.clock())
        if tenant_ids:
            runtime.notify_jobs()
        if len(tenant_ids) < BATCH:
            return
        after = tenant_ids[-1]
