"""Costly work, one piece at a time, beside the event loop; those who want it take turns."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

WAITING: Final = 100


class Full(Exception):
    """As much waits already as may wait of one caller."""


class FairThread:
    """Runs work in a thread: one piece at a time, and at most ``waiting`` more of each caller.

    Whoever waits is served in turn with the others, whatever else of theirs waits. The work holds
    Python's lock, so that a second thread would make nothing faster.
    """

    def __init__(self, *, waiting: int = WAITING) -> None:
        self._waiting = waiting
        self._thread = ThreadPoolExecutor(1, "gate")
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._is_busy = False

    def is_full(self, who: str) -> bool:
        """Whether as much of a caller's waits as may wait."""
        return len(self._queues.get(who, ())) >= self._waiting

    async def run(self, who: str, work: Callable[[], T]) -> T:
        """What the work gives, or raises. Raises Full.

        Who gives up while it runs doesn't end it: the next begins after it.
        """
        if self._is_busy:
            await self._turn(who)
        self._is_busy = True
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        running.add_done_callback(self._done)
        return await asyncio.shield(running)

    def _done(self, running: "asyncio.Future[T]") -> None:
        if not running.cancelled():
            # Nobody else may want to know.
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
                self._forget(who, turn)
            else:
                # It was given at the very moment of giving up.
                self._next()
            raise

    def _next(self) -> None:
        """Let in who waits longest of the caller whose turn it is."""
        for who in self._queues:
            queue = self._queues.pop(who)
            turn = queue.popleft()
            if queue:
                # Behind all others.
                self._queues[who] = queue
            turn.set_result(None)
            return
        self._is_busy = False

    def _forget(self, who: str, turn: "asyncio.Future[None]") -> None:
        queue = self._queues[who]
        queue.remove(turn)
        if not queue:
            del self._queues[who]
