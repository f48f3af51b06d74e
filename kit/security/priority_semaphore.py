"""A semaphore with two queues: urgent callers go first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Final

from kit.errors import Throttled

RETRY_AFTER_SECONDS: Final = 2


class Lane(IntEnum):
    """The queue to wait in; the lower number is served first."""

    URGENT = 0
    ORDINARY = 1


class Lanes:
    """Lets ``at_once`` callers work at a time; the others wait, in order of arrival by lane.

    At most ``waiting`` callers wait in a lane. If there are several places, one is reserved for
    urgent callers.
    """

    def __init__(self, *, at_once: int, waiting: Mapping[Lane, int]) -> None:
        self._free = at_once
        self._kept = {Lane.URGENT: 0, Lane.ORDINARY: min(1, at_once - 1)}
        self._longest = waiting
        self._queues: dict[Lane, deque[asyncio.Future[None]]] = {lane: deque() for lane in Lane}

    @asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[None]:
        """Waits for a turn and holds it for the block. Raises Throttled if the lane is full."""
        await self._take(lane)
        try:
            yield
        finally:
            self._grant_next()

    async def _take(self, lane: Lane) -> None:
        if self._free > self._kept[lane]:
            self._free -= 1
            return
        queue = self._queues[lane]
        if len(queue) >= self._longest[lane]:
            raise Throttled(
                f"Too many requests are waiting; try again in {RETRY_AFTER_SECONDS} s.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.cancelled():
                queue.remove(mine)
            else:
                # The turn was granted at the moment of the cancellation.
                self._grant_next()
            raise

    def _grant_next(self) -> None:
        """Grants a released turn to the first waiting caller that may have it."""
        self._free += 1
        for lane, queue in self._queues.items():
            while queue and self._free > self._kept[lane]:
                following = queue.popleft()
                if not following.done():
                    self._free -= 1
                    following.set_result(None)
