"""Holds past their time: stored as expired, so that the log and everybody who listens know."""

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
from models.bookings.bookings import holds_past
from resolvers.bookings.transitions import expire_hold
from resolvers.core.transactions import perform

BATCH: Final = 200
AT_ONCE: Final = 4
"""A room that somebody keeps locked holds up its own holds, not everybody's."""

log = structlog.get_logger(__name__)


async def expire_holds(runtime: Runtime, relay: Database) -> None:
    """Expire all holds of every tenant whose time is up.

    Several processes may do it at once: each hold is looked at again under its room's lock.
    """
    async with relay.session(writes=False) as session:
        due = (await session.execute(holds_past(runtime.clock(), limit=BATCH))).all()
    few = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(
        *(_expire(runtime, few, tenant_id, BookingId(id)) for tenant_id, id in due)
    )


async def _expire(runtime: Runtime, few: asyncio.Semaphore, tenant_id: UUID, id: BookingId) -> None:
    system = Actor(ActorKind.SYSTEM, tenant_id)
    async with few:
        try:
            await perform(runtime, system, Request(new_id()), partial(expire_hold, id=id))
        except Exception:
            # The others are due as well, and this one comes again.
            log.exception("hold.not_expired", tenant=str(tenant_id), hold=str(id))
