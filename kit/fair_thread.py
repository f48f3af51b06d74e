"""Runs expensive work in one thread, outside the event loop, with callers taking turns."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

WAITING: Final = 100


class Full(Exception):
    """The caller has too much work waiting already."""


class FairThread:
    """Runs one piece of work at a time; at most ``waiting`` more of each caller may wait.

    Waiting callers are served round-robin. The work holds the GIL, so that a second thread
    wouldn't make it faster.
    """

    def __init__(self, *, waiting: int = WAITING) -> None:
        self._waiting = waiting
        self._thread = ThreadPoolExecutor(1, "gate")
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._is_busy = False

    def is_full(self, who: str) -> bool:
        """Returns whether a caller may have no more work waiting."""
        return len(self._queues.get(who, ())) >= self._waiting

    async def run(self, who: str, work: Callable[[], T]) -> T:
        """Runs work and returns its result. Raises Full.

        Cancelling the caller doesn't stop running work: the next begins after it.
        """
        if self._is_busy:
            await self._turn(who)
        self._is_busy = True
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        running.add_done_callback(self._done)
        return await asyncio.shield(running)

    def _done(self, running: "asyncio.Future[T]") -> None:
        if not running.cancelled():
            # The caller may have been cancelled.
            running.exception()
        self._next()

    async def _turn(self, who: str) -> None:
        if self.is_full(who):
            raise Full
        queue = self._queues.setdefault(who, deque())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._remove(who, turn)
            else:
                # The turn was granted at the moment of the cancellation.
                self._next()
            raise

    def _next(self) -> None:
        """Grants the next turn, to the oldest work of the next caller."""
        for who in self._queues:
            queue = self._queues.pop(who)
            turn = queue.popleft()
            if queue:
                # The caller goes to the end of the line.
                self._queues[who] = queue
            turn.set_result(None)
            return
        self._is_busy = False

    def _remove(self, who: str, turn: "asyncio.Future[None]") -> None:
        queue = self._queues[who]
        queue.remove(turn)
        if not queue:
            del self._queues[who]
