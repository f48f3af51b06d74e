"""Bookings whose time is over: found now and then, and completed by jobs."""

from collections.abc import Mapping
from functools import partial
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from domain.ids import BookingId
from kit.database import Database
from kit.ids import new_id
from kit.queue import Job, put
from kit.scope import Actor, ActorKind, Request, Runtime
from models.bookings import COMPLETE_JOB, bookings_over
from resolvers.past_bookings import complete_past_booking
from resolvers.transactions import perform

BATCH: Final = 200


async def find_past_bookings(runtime: Runtime, relay: Database) -> None:
    """Have those of every tenant completed that nobody has completed, each by a job.

    One whose job is dead is left alone until an operator has decided about it.
    """
    while await _find_some(runtime, relay) == BATCH:
        pass


async def complete_past(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Complete a booking that is over, unless somebody has done so or moved it."""
    system = Actor(ActorKind.SYSTEM, tenant_id)
    change = partial(complete_past_booking, id=BookingId(UUID(payload["id"])))
    await perform(runtime, system, Request(new_id()), change)


async def _find_some(runtime: Runtime, relay: Database) -> int:
    now = runtime.clock()
    async with relay.session(writes=True) as session, session.begin():
        found = (await session.execute(bookings_over(now, limit=BATCH))).all()
        for tenant_id, of_tenant in groupby(found, key=lambda row: row.tenant_id):
            jobs = [Job(COMPLETE_JOB, {"id": str(id)}, dedupe=str(id)) for _, id in of_tenant]
            await put(session, jobs, tenant_id=tenant_id, now=now)
    if found:
        runtime.ring()
    return len(found)
