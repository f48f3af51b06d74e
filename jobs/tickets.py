"""Looks after support tickets: those that are almost due, and those that are to be closed."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.jobs.queue import Job, enqueue_for_tenants
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.support.tickets import due_tickets
from resolvers.core.transactions import perform
from resolvers.support.due_tickets import TICKET_JOB, tend_ticket

BATCH: Final = 200


async def look_after_ticket(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Tells the managers of a ticket that is almost due, or closes it, if it is time for it."""
    assert tenant_id is not None, "tickets belong to tenants"
    system = Actor(ActorKind.SYSTEM, tenant_id)
    await perform(runtime, system, Request(new_id()), partial(tend_ticket, payload=payload))


async def find_due_tickets(runtime: Runtime, relay: Database) -> None:
    """Enqueues a job for each ticket of every tenant that has to be looked at."""
    now = runtime.clock()
    async with relay.session(writes=True) as session, session.begin():
        due = (await session.execute(due_tickets(now, limit=BATCH))).all()
        jobs = [
            (tenant_id, Job(TICKET_JOB, {"id": str(id)}, dedupe=str(id))) for tenant_id, id in due
        ]
        await enqueue_for_tenants(session, jobs, now=now)
    if due:
        runtime.notify_jobs()
