"""Gauges how long entries of the log have waited to be counted, for the metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from kit.clock import Clock

_SECONDS: Final = 15.0


class RollupGauge:
    """The age of the oldest entry that isn't counted, as last read from the database.

    ``find_oldest`` returns when it was written; None if all are counted.
    """

    def __init__(
        self, find_oldest: Callable[[], Awaitable[datetime | None]], *, clock: Clock
    ) -> None:
        self._find_oldest = find_oldest
        self._clock = clock
        self._oldest: datetime | None = None

    def lag_seconds(self) -> float:
        """Returns how long the oldest entry has waited; 0 if none waits."""
        if self._oldest is None:
            return 0.0
        return max((self._clock() - self._oldest).total_seconds(), 0.0)

    async def run(self) -> None:
        """Reads it every 15 seconds."""
        while True:
            await self.look()
            await asyncio.sleep(_SECONDS)

    async def look(self) -> None:
        self._oldest = await self._find_oldest()
