"""Named locks: taken inside the process first, then as PostgreSQL advisory locks.

Waiting inside the process holds no connection, so a busy room can't exhaust the pool.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import blake2b


def advisory_key(*parts: object) -> int:
    """Returns the signed 64-bit key of a PostgreSQL advisory lock."""
    digest = blake2b(":".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


class ProcessLocks:
    """Holds one asyncio lock per key, for as long as a task holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[int, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def all_of(self, keys: Sequence[int]) -> AsyncIterator[None]:
        """Holds all locks of ``keys``, taken in ascending order so that callers can't deadlock."""
        async with AsyncExitStack() as stack:
            for key in sorted(set(keys)):
                await stack.enter_async_context(self._one(key))
            yield

    @asynccontextmanager
    async def _one(self, key: int) -> AsyncIterator[None]:
        lock, users = self._locks.get(key) or (asyncio.Lock(), 0)
        self._locks[key] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            _, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = lock, users - 1
