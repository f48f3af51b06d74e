"""How many jobs wait, as the database last said."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from kit.postgres.database import Database

_SECONDS: Final = 15.0


class QueueGauge:
    """Counts by state, for the metrics; ``counted`` is the statement that tells them."""

    def __init__(self, database: Database, counted: Callable[[], Any]) -> None:
        self._database = database
        self._counted = counted
        self._counts: Mapping[str, int] = {}

    def count(self, state: str) -> int:
        return self._counts.get(state, 0)

    async def run(self) -> None:
        """Count every 15 seconds."""
        while True:
            await self.look()
            await asyncio.sleep(_SECONDS)

    async def look(self) -> None:
        async with self._database.session(writes=False) as session:
            rows = (await session.execute(self._counted())).all()
        self._counts = {row[0]: row[1] for row in rows}
