"""Keeps long work from holding up the event loop."""

import asyncio
from time import perf_counter
from typing import Final

SECONDS: Final = 0.005


class TimeSlice:
    """How long work may go on before other tasks get a turn: 5 milliseconds."""

    def __init__(self) -> None:
        self._ends = perf_counter() + SECONDS

    @property
    def is_over(self) -> bool:
        return perf_counter() >= self._ends

    async def give_way(self) -> None:
        """Lets other tasks run if the slice is over, and begins another one."""
        if self.is_over:
            await asyncio.sleep(0)
            self._ends = perf_counter() + SECONDS
