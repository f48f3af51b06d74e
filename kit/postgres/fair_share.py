"""Fair shares of a pool: no tenant keeps all connections while others wait for one."""

import asyncio
from collections import deque
from collections.abc import Hashable

_Turn = asyncio.Future[None]


class FairShare:
    """Hands out ``places``, the next one to whoever of those that wait has the fewest.

    Of equals, to who came first. Where nobody waits, one owner may have all; where others wait,
    it gets no other one before they have as many.
    """

    def __init__(self, places: int) -> None:
        # Where a place is free, nobody waits.
        self._free = places
        self._held: dict[Hashable, int] = {}
        # By owner; each turn with its number, in the order in which they came.
        self._waiting: dict[Hashable, deque[tuple[int, _Turn]]] = {}
        self._came = 0

    def take_free(self, owner: Hashable) -> bool:
        """Have a place if one is free, without waiting."""
        if not self._free:
            return False
        self._free -= 1
        self._held[owner] = self._held.get(owner, 0) + 1
        return True

    async def take(self, owner: Hashable, *, within_seconds: float) -> None:
        """Have a place, to be given back. Raises TimeoutError where none gets free in time."""
        if self.take_free(owner):
            return
        loop = asyncio.get_running_loop()
        turn: _Turn = loop.create_future()
        self._came += 1
        self._waiting.setdefault(owner, deque()).append((self._came, turn))
        deadline = loop.call_later(within_seconds, _give_up, turn)
        try:
            await turn
        except asyncio.CancelledError:
            # It may have come at the very moment of giving up.
            if not turn.cancelled() and not turn.exception():
                self.give_back(owner)
            raise
        finally:
            deadline.cancel()

    def give_back(self, owner: Hashable) -> None:
        """Let whoever is next have the place."""
        self._free += 1
        left = self._held[owner] - 1
        if left:
            self._held[owner] = left
        else:
            del self._held[owner]
        while self._waiting and self._free:
            self._pass_on()

    def _pass_on(self) -> None:
        """Give the place to the next one, who may have given up by now."""
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


def _give_up(turn: _Turn) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError("no place got free in time"))
