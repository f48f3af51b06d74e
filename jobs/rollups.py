"""Counts new entries of the log into the rollups of analytics, in each worker."""

import asyncio
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

import structlog

from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.analytics.rollups import oldest_uncounted, tenants_to_count
from resolvers.analytics.rollups import Progress, count_entries
from resolvers.core.transactions import perform

DELAY_SECONDS: Final = 0.5
"""How long entries wait for others: changes of one date are counted together."""
BUSY_SECONDS: Final = 0.2
POLL_SECONDS: Final = 15.0
"""The interval at which all tenants are looked at, in case a notification was lost."""
FIRST_POLL_SECONDS: Final = 5.0
TENANTS_AT_ONCE: Final = 20

log = structlog.get_logger(__name__)


class RollupReader:
    """Follows the logs of all tenants. Several processes may do so: one counts a tenant at a time.

    ``database`` is the relay's, which sees which logs have grown.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # In order: a venue whose figures are all made anew doesn't keep others waiting.
        self._grown: dict[UUID, None] = {}
        self._any_may_have_grown = False
        self._woken = asyncio.Event()

    def notify(self, tenant_ids: frozenset[UUID] | None) -> None:
        """Reports that the logs of these tenants have grown; None: any log may have."""
        if tenant_ids is None:
            self._any_may_have_grown = True
        else:
            self._grown |= dict.fromkeys(tenant_ids)
        self._woken.set()

    async def run(self, runtime: Runtime) -> None:
        """Counts until it is cancelled or the database fails."""
        elapsed = asyncio.get_running_loop().time
        all_due_at = elapsed() + FIRST_POLL_SECONDS
        while True:
            if not self._grown:
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(all_due_at - elapsed(), 0)):
                        await self._woken.wait()
                        await asyncio.sleep(DELAY_SECONDS)
            self._woken.clear()
            if self._any_may_have_grown or elapsed() >= all_due_at:
                self._any_may_have_grown = False
                self._grown |= dict.fromkeys(await self._behind())
                all_due_at = elapsed() + POLL_SECONDS
            await self.count(runtime)

    async def count(self, runtime: Runtime) -> None:
        """Counts a batch of the tenants whose logs have grown."""
        some = list(islice(self._grown, TENANTS_AT_ONCE))
        is_busy = False
        for tenant_id in some:
            del self._grown[tenant_id]
            match await self._count(runtime, tenant_id):
                case Progress.MORE:
                    self._grown[tenant_id] = None
                case Progress.BUSY:
                    self._grown[tenant_id] = None
                    is_busy = True
        if is_busy:
            await asyncio.sleep(BUSY_SECONDS)

    async def _count(self, runtime: Runtime, tenant_id: UUID) -> Progress:
        system = Actor(ActorKind.SYSTEM, tenant_id)
        try:
            return (await perform(runtime, system, Request(new_id()), count_entries)).result
        except Exception:
            # Others are due too, and this one is found again by the next poll.
            log.exception("rollups.not_counted", tenant=str(tenant_id))
            return Progress.DONE

    async def _behind(self) -> list[UUID]:
        async with self._database.session(writes=False) as session:
            return list((await session.scalars(tenants_to_count())).all())


async def find_oldest_uncounted(database: Database) -> datetime | None:
    """Returns when the oldest entry was written that isn't counted, of any tenant."""
    async with database.session(writes=False) as session:
        return await session.scalar(oldest_uncounted())
