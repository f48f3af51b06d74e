"""Shares a pool fairly: no tenant holds all connections while others wait for one."""

import asyncio
from collections import deque
from collections.abc import Hashable

_Turn = asyncio.Future[None]


class FairShare:
    """Hands out ``places``, each to the waiting owner that holds the fewest.

    Ties go to the one who waited longest. While nobody waits, one owner may hold all places; while
    others wait, it gets no more until they hold as many.
    """

    def __init__(self, places: int) -> None:
        # While a place is free, nobody waits.
        self._free = places
        self._held: dict[Hashable, int] = {}
        # By owner: the waiting turns, numbered by arrival.
        self._waiting: dict[Hashable, deque[tuple[int, _Turn]]] = {}
        self._arrivals = 0

    def take_free(self, owner: Hashable) -> bool:
        """Takes a place if one is free, without waiting."""
        if not self._free:
            return False
        self._free -= 1
        self._held[owner] = self._held.get(owner, 0) + 1
        return True

    async def take(self, owner: Hashable, *, within_seconds: float) -> None:
        """Takes a place, to be given back. Raises TimeoutError if none becomes free in time."""
        if self.take_free(owner):
            return
        loop = asyncio.get_running_loop()
        turn: _Turn = loop.create_future()
        self._arrivals += 1
        self._waiting.setdefault(owner, deque()).append((self._arrivals, turn))
        deadline = loop.call_later(within_seconds, _time_out, turn)
        try:
            await turn
        except asyncio.CancelledError:
            # The place may have been granted at the moment of the cancellation.
            if not turn.cancelled() and not turn.exception():
                self.give_back(owner)
            raise
        finally:
            deadline.cancel()

    def give_back(self, owner: Hashable) -> None:
        """Gives the place to the next owner in turn."""
        self._free += 1
        left = self._held[owner] - 1
        if left:
            self._held[owner] = left
        else:
            del self._held[owner]
        while self._waiting and self._free:
            self._grant_next()

    def _grant_next(self) -> None:
        """Grants a place to the next turn, unless it has timed out or was cancelled."""
        owner = next(iter(self._waiting))
        if len(self._waiting) > 1:
            owner = min(self._waiting, key=self._rank)
        turns = self._waiting[owner]
        _, turn = turns.popleft()
        if not turns:
            del self._waiting[owner]
        if not turn.done() and self.take_free(owner):
            turn.set_result(None)

    def _rank(self, owner: Hashable) -> tuple[int, int]:
        return self._held.get(owner, 0), self._waiting[owner][0][0]


def _time_out(turn: _Turn) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError("no place got free in time"))
