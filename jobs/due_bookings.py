"""Changes bookings whose time has come, by a job each: completes, expires or releases them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select

from domain.core.ids import BookingId
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.jobs.queue import Job, enqueue
from kit.jobs.worker import Handler
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.due import (
    COMPLETE_JOB,
    EXPIRE_JOB,
    REJECT_JOB,
    RELEASE_JOB,
    bookings_to_complete,
    bookings_unanswered,
    bookings_unattended,
)
from resolvers.bookings.deadlines import expire_unanswered_booking, release_unattended_booking
from resolvers.bookings.transitions import complete_past_booking
from resolvers.core.transactions import perform

BATCH: Final = 200

Found = Callable[..., Select[UUID, UUID]]
Change = Callable[[Scope, BookingId], Awaitable[None]]

_PAST: Final[Mapping[str, Found]] = {COMPLETE_JOB: bookings_to_complete}
_DEADLINES: Final[Mapping[str, Found]] = {
    EXPIRE_JOB: bookings_unanswered,
    RELEASE_JOB: bookings_unattended,
}


async def find_past_bookings(runtime: Runtime, relay: Database) -> None:
    """Enqueues a job for each booking of every tenant that is over.

    A booking whose job is dead is skipped until an operator retries or discards the job.
    """
    await _find(runtime, relay, _PAST)


async def find_deadlines(runtime: Runtime, relay: Database) -> None:
    """Enqueues a job for each booking that nobody confirmed or attended in time, likewise."""
    await _find(runtime, relay, _DEADLINES)


def _job(change: Change) -> Handler:
    """Returns the handler of a job that changes a booking, unless it has changed meanwhile."""

    async def handle(runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]) -> None:
        system = Actor(ActorKind.SYSTEM, tenant_id)
        id = BookingId(UUID(payload["id"]))
        await perform(runtime, system, Request(new_id()), lambda scope: change(scope, id))

    return handle


BOOKING_JOBS: Final[Mapping[str, Handler]] = {
    COMPLETE_JOB: _job(complete_past_booking),
    EXPIRE_JOB: _job(expire_unanswered_booking),
    RELEASE_JOB: _job(release_unattended_booking),
    # Enqueued by processes of the version before, for what expires now.
    REJECT_JOB: _job(expire_unanswered_booking),
}


async def _find(runtime: Runtime, relay: Database, due: Mapping[str, Found]) -> None:
    for job, found in due.items():
        while await _find_some(runtime, relay, job, found) == BATCH:
            pass


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
