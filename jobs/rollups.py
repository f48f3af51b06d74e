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
_PAUSE_RATIO: Final = 20
_MAX_DELAY_SECONDS: Final = 1.0
"""In a busy process they wait longer, so that counting takes some 5% of its time.

No longer than this: with what is counted before and after, figures are then 2 seconds behind at
most.
"""
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
        self._grown: set[UUID] = set()
        # In order: a venue whose figures are all made anew doesn't keep others waiting.
        self._due: dict[UUID, None] = {}
        self._any_may_have_grown = False
        self._woken = asyncio.Event()

    def notify(self, tenant_ids: frozenset[UUID] | None) -> None:
        """Reports that the logs of these tenants have grown; None: any log may have."""
        if tenant_ids is None:
            self._any_may_have_grown = True
        else:
            self._grown |= tenant_ids
        self._woken.set()

    async def run(self, runtime: Runtime) -> None:
        """Counts until it is cancelled or the database fails."""
        elapsed = asyncio.get_running_loop().time
        all_due_at = elapsed() + FIRST_POLL_SECONDS
        taken_at, spent = elapsed(), 0.0
        while True:
            # Whose log grows meanwhile isn't due at once: it would be counted all the time.
            if not self._due:
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(all_due_at - elapsed(), 0)):
                        await self._woken.wait()
                        await asyncio.sleep(_delay_after(spent))
                spent = 0.0
            self._woken.clear()
            if self._any_may_have_grown or elapsed() >= all_due_at:
                self._any_may_have_grown = False
                self._grown |= set(await self._behind())
                all_due_at = elapsed() + POLL_SECONDS
            started = elapsed()
            if not self._due or started >= taken_at + _MAX_DELAY_SECONDS:
                self._take_grown()
                taken_at = started
            await self.count(runtime)
            spent += elapsed() - started

    async def count(self, runtime: Runtime) -> None:
        """Counts a batch of the tenants whose logs have grown."""
        if not self._due:
            self._take_grown()
        some = list(islice(self._due, TENANTS_AT_ONCE))
        is_busy = False
        for tenant_id in some:
            del self._due[tenant_id]
            match await self._count(runtime, tenant_id):
                case Progress.MORE:
                    self._due[tenant_id] = None
                case Progress.BUSY:
                    self._due[tenant_id] = None
                    is_busy = True
        if is_busy:
            await asyncio.sleep(BUSY_SECONDS)

    def _take_grown(self) -> None:
        self._due |= dict.fromkeys(self._grown)
        self._grown.clear()

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


def _delay_after(seconds: float) -> float:
    """Returns how long entries wait for others after counting took so many seconds."""
    return min(max(DELAY_SECONDS, _PAUSE_RATIO * seconds), _MAX_DELAY_SECONDS)
