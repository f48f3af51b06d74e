"""Expires holds whose time is up, so that the log and subscribers get the event."""

import asyncio
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from domain.core.ids import BookingId
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.bookings.due import holds_past
from resolvers.bookings.transitions import expire_hold
from resolvers.core.transactions import perform

BATCH: Final = 200
MAX_CONCURRENT: Final = 4
"""How many holds expire concurrently: a room that stays locked delays only its own holds."""

log = structlog.get_logger(__name__)


async def expire_holds(runtime: Runtime, relay: Database) -> None:
    """Expires all holds of every tenant whose time is up.

    Several processes may do so concurrently: each hold is read again under its room's lock.
    """
    async with relay.session(writes=False) as session:
        due = (await session.execute(holds_past(runtime.clock(), limit=BATCH))).all()
    few = asyncio.Semaphore(MAX_CONCURRENT)
    await asyncio.gather(
        *(_expire(runtime, few, tenant_id, BookingId(id)) for tenant_id, id in due)
    )


async def _expire(runtime: Runtime, few: asyncio.Semaphore, tenant_id: UUID, id: BookingId) -> None:
    system = Actor(ActorKind.SYSTEM, tenant_id)
    async with few:
        try:
            await perform(runtime, system, Request(new_id()), partial(expire_hold, id=id))
        except Exception:
            # The others are due too, and this one is retried in the next run.
            log.exception("hold.not_expired", tenant=str(tenant_id), hold=str(id))
