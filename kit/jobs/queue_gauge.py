"""Gauges the job queue: how many jobs are in each state."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from kit.postgres.database import Database

_SECONDS: Final = 15.0


class QueueGauge:
    """Counts jobs by state, for the metrics; ``counted`` returns the statement that counts."""

    def __init__(self, database: Database, counted: Callable[[], Any]) -> None:
        self._database = database
        self._counted = counted
        self._counts: Mapping[str, int] = {}

    def count(self, state: str) -> int:
        return self._counts.get(state, 0)

    async def run(self) -> None:
        """Counts every 15 seconds."""
        while True:
            await self.refresh()
            await asyncio.sleep(_SECONDS)

    async def refresh(self) -> None:
        async with self._database.session(writes=False) as session:
            rows = (await session.execute(self._counted())).all()
        self._counts = {row[0]: row[1] for row in rows}
