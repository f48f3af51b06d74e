"""Tells the workers of all processes, after a commit, that there is something to do.

A ring only saves time: a worker looks at the queue every second.
"""

import asyncio
from typing import Final

from sqlalchemy import func, select

from kit.jobs.queue import CHANNEL
from kit.postgres.database import Database

# One NOTIFY for all commits of these few milliseconds: a NOTIFY in each takes half their rate.
_GATHERED_SECONDS: Final = 0.003


class JobNotifier:
    """One process's way to ring."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def run(self) -> None:
        """Pass the rings on."""
        while True:
            await self._rung.wait()
            await asyncio.sleep(_GATHERED_SECONDS)
            self._rung.clear()
            async with self._database.session(writes=True) as session, session.begin():
                await session.execute(select(func.pg_notify(CHANNEL, "")))
