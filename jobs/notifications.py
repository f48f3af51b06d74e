"""Sends notifications, and finds the reminders and digests that are due."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from domain.core.local_time import LocalTime, zone
from domain.notifications.times import digest_date
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.jobs.queue import Job, enqueue_for_tenants
from kit.jobs.worker import Handler
from kit.postgres.advisory_locks import advisory_key
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.notifications.due import clock_set, digests_wanted, found_until, reminders_due
from resolvers.core.transactions import perform
from resolvers.notifications.deliveries import DELIVERY_JOB
from resolvers.notifications.due import DIGEST_JOB, REMINDER_JOB, make_digest, make_reminder
from resolvers.notifications.sending import deliver


async def send_notification(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Sends a delivery, unless that was done or begun."""
    assert tenant_id is not None, "deliveries belong to tenants"
    await deliver(runtime, tenant_id, UUID(payload["id"]))


def _in_tenant(change: Any) -> Handler:
    async def handle(runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]) -> None:
        system = Actor(ActorKind.SYSTEM, tenant_id)
        await perform(runtime, system, Request(new_id()), partial(change, payload=payload))

    return handle


NOTIFICATION_JOBS: Final[Mapping[str, Handler]] = {
    DELIVERY_JOB: send_notification,
    REMINDER_JOB: _in_tenant(make_reminder),
    DIGEST_JOB: _in_tenant(make_digest),
}


async def find_due_notices(runtime: Runtime, relay: Database) -> None:
    """Enqueues a job for each reminder and digest that has become due since the last time.

    One process looks at a time. The jobs and the instant up to which it has looked are one commit,
    so that each is found once. What is due is decided by the bookings and settings of now: a
    booking that was moved is found by its new start.
    """
    now = runtime.clock()
    async with relay.session(writes=True) as session, session.begin():
        lock = advisory_key("due notices")
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(lock))):
            return
        since = await session.scalar(found_until())
        # At the first time ever, and after the clock was put back, it starts from now.
        if since is not None and since < now:
            jobs = await _due(session, since, now)
            await enqueue_for_tenants(session, jobs, now=now)
        else:
            jobs = []
        if since != now:
            await session.execute(clock_set(now))
    if jobs:
        runtime.notify_jobs()


async def _due(session: Any, since: datetime, now: datetime) -> Sequence[tuple[UUID, Job]]:
    jobs = []
    for tenant_id, id, starts_at, minutes, channel in await session.execute(
        reminders_due(since, now)
    ):
        payload = {
            "booking_id": str(id),
            "starts_at": starts_at.isoformat(),
            "minutes_before": minutes,
            "channel": channel,
        }
        jobs.append((tenant_id, Job(REMINDER_JOB, payload)))
    for tenant_id, minutes, time_zone in await session.execute(digests_wanted()):
        day = digest_date(since, now, LocalTime(minutes), zone(time_zone))
        if day is not None:
            jobs.append((tenant_id, Job(DIGEST_JOB, {"date": day.isoformat()})))
    return jobs
