"""Notifies the workers of all processes, after a commit, that jobs are due.

A notification only saves time: workers poll the queue every second.
"""

import asyncio
from typing import Final

from sqlalchemy import func, select

from kit.jobs.queue import CHANNEL
from kit.postgres.database import Database

# One NOTIFY for all commits of a few milliseconds: a NOTIFY in each commit halves their rate.
_GATHERED_SECONDS: Final = 0.003


class JobNotifier:
    """Sends the notifications of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._requested = asyncio.Event()

    def notify(self) -> None:
        self._requested.set()

    async def run(self) -> None:
        """Sends requested notifications until cancelled."""
        while True:
            await self._requested.wait()
            await asyncio.sleep(_GATHERED_SECONDS)
            self._requested.clear()
            async with self._database.session(writes=True) as session, session.begin():
                await session.execute(select(func.pg_notify(CHANNEL, "")))
