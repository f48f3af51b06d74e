"""Completes bookings that are over, and rejects unanswered ones that have begun, by jobs."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select

from domain.core.ids import BookingId
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.jobs.queue import Job, enqueue
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.bookings.due import COMPLETE_JOB, REJECT_JOB, bookings_to_complete, bookings_unanswered
from resolvers.bookings.transitions import complete_past_booking, reject_unanswered_booking
from resolvers.core.transactions import perform

BATCH: Final = 200

Found = Callable[..., Select[UUID, UUID]]

_DUE: Final[Mapping[str, Found]] = {
    COMPLETE_JOB: bookings_to_complete,
    REJECT_JOB: bookings_unanswered,
}


async def find_past_bookings(runtime: Runtime, relay: Database) -> None:
    """Enqueues a job for each due booking of every tenant.

    A booking whose job is dead is skipped until an operator retries or discards the job.
    """
    for job, found in _DUE.items():
        while await _find_some(runtime, relay, job, found) == BATCH:
            pass


async def complete_past(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Completes a booking that is over, unless it was completed or moved meanwhile."""
    system = Actor(ActorKind.SYSTEM, tenant_id)
    change = partial(complete_past_booking, id=BookingId(UUID(payload["id"])))
    await perform(runtime, system, Request(new_id()), change)


async def reject_unanswered(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Rejects an unanswered booking that has begun, unless it was answered or moved meanwhile."""
    system = Actor(ActorKind.SYSTEM, tenant_id)
    change = partial(reject_unanswered_booking, id=BookingId(UUID(payload["id"])))
    await perform(runtime, system, Request(new_id()), change)


async def _find_some(runtime: Runtime, relay: Database, job: str, found: Found) -> int:
    now: datetime = runtime.clock()
    async with relay.session(writes=True) as session, session.begin():
        rows = (await session.execute(found(now, limit=BATCH))).all()
        for tenant_id, of_tenant in groupby(rows, key=lambda row: row.tenant_id):
            jobs = [Job(job, {"id": str(id)}, dedupe=str(id)) for _, id in of_tenant]
            await enqueue(session, jobs, tenant_id=tenant_id, now=now)
    if rows:
        runtime.notify_jobs()
    return len(rows)
