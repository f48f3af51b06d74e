"""What became of entries that handlers got, and how long others have waited, for the metrics."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final

from kit.clock import Clock

_SECONDS: Final = 15.0


class HandlerGauge:
    """Counts of this process by handler, and the age of the oldest entries that wait for each.

    ``find_oldest`` returns when the oldest entry was written that each handler has yet to handle;
    None where none waits.
    """

    def __init__(
        self, find_oldest: Callable[[], Awaitable[Mapping[str, datetime | None]]], *, clock: Clock
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._find_oldest = find_oldest
        self._clock = clock
        self._oldest: Mapping[str, datetime | None] = {}

    def add(self, handler: str, outcome: str) -> None:
        """Count an entry that was ``handled``, or a try that ``failed``."""
        self.counts[handler, outcome] += 1

    def lag_seconds(self) -> Mapping[str, float]:
        """For how long each handler's oldest entry has waited; 0 where none waits."""
        now = self._clock()
        return {
            handler: max((now - at).total_seconds(), 0.0) if at else 0.0
            for handler, at in self._oldest.items()
        }

    async def run(self) -> None:
        """Look every 15 seconds."""
        while True:
            await self.look()
            await asyncio.sleep(_SECONDS)

    async def look(self) -> None:
        self._oldest = await self._find_oldest()
