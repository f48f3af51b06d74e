"""Locks by name: inside the process first, then PostgreSQL's advisory ones.

Waiting inside the process costs no connection, so a hot room can't take the whole pool.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import blake2b


def advisory_key(*parts: object) -> int:
    """The signed 64-bit number under which PostgreSQL knows a lock."""
    digest = blake2b(":".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


class ProcessLocks:
    """One asyncio lock per key, kept only while somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[int, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def all_of(self, keys: Sequence[int]) -> AsyncIterator[None]:
        """Hold every lock of ``keys``, taken in ascending order, so that no two callers cross."""
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
