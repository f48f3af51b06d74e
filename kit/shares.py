"""Fair shares of a pool: no tenant keeps all connections while others wait for one."""

import asyncio
from collections import deque
from collections.abc import Hashable


class Shares:
    """Hands out ``places``, the next one to whoever of those that wait has the fewest.

    Of equals, to who came first. Where nobody waits, one owner may have all; where others wait,
    it gets no other one before they have as many.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._held: dict[Hashable, int] = {}
        self._waiting: deque[tuple[Hashable, asyncio.Future[None]]] = deque()

    async def take(self, owner: Hashable, *, within_seconds: float) -> None:
        """Have a place, to be given back. Raises TimeoutError where none gets free in time."""
        if self._free and not self._waiting:
            self._grant(owner)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (owner, turn)
        self._waiting.append(waiting)
        self._pass_on()
        try:
            async with asyncio.timeout(within_seconds):
                await turn
        except BaseException:
            # It may have come at the very moment of giving up.
            if turn.cancelled():
                self._waiting.remove(waiting)
            else:
                self.give_back(owner)
            raise

    def give_back(self, owner: Hashable) -> None:
        """Let whoever is next have the place."""
        self._free += 1
        if self._held[owner] == 1:
            del self._held[owner]
        else:
            self._held[owner] -= 1
        if self._waiting:
            self._pass_on()

    def _grant(self, owner: Hashable) -> None:
        self._free -= 1
        self._held[owner] = self._held.get(owner, 0) + 1

    def _pass_on(self) -> None:
        # Who has given up is still in the queue for a moment.
        able = [each for each in self._waiting if not each[1].done()]
        if not self._free or not able:
            return
        chosen = min(able, key=lambda each: self._held.get(each[0], 0))
        self._waiting.remove(chosen)
        owner, turn = chosen
        self._grant(owner)
        turn.set_result(None)
