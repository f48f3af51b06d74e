"""Named locks: taken inside the process first, then as PostgreSQL advisory locks.

Waiting inside the process holds no connection, so a busy room can't exhaust the pool.
"""

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=10_000)
def advisory_key(*parts: Hashable) -> int:
    """Returns the signed 64-bit key of a PostgreSQL advisory lock."""
    digest = blake2b(":".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


class ProcessLocks:
    """Holds one asyncio lock per key, for as long as a task holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[int, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def all_of(self, keys: Iterable[int]) -> AsyncIterator[None]:
        """Holds all locks of ``keys``."""
        held = await self.take(keys)
        try:
            yield
        finally:
            self.give_back(held)

    async def take(self, keys: Iterable[int]) -> list[int]:
        """Takes all locks of ``keys``, in ascending order so that callers can't deadlock.

        Returns them, to be passed to ``give_back``.
        """
        held: list[int] = []
        try:
            for key in sorted(set(keys)):
                lock, users = self._locks.get(key) or (asyncio.Lock(), 0)
                self._locks[key] = lock, users + 1
                try:
                    await lock.acquire()
                except BaseException:
                    self._forget(key)
                    raise
                held.append(key)
        except BaseException:
            self.give_back(held)
            raise
        return held

    def give_back(self, held: Iterable[int]) -> None:
        """Releases locks that were taken together."""
        for key in held:
            self._locks[key][0].release()
            self._forget(key)

    def _forget(self, key: int) -> None:
        """Counts one user of a lock less; without users it is dropped."""
        lock, users = self._locks[key]
        if users == 1:
            del self._locks[key]
        else:
            self._locks[key] = lock, users - 1
