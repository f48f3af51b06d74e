"""Reads that many callers share, each of whom gets what was read after they asked."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedReads(Generic[T]):
    """Runs at most one read of a key at a time; all who ask meanwhile share the next one.

    So nobody is answered by a read that began before they asked, however many ask.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}
        self._next: dict[Hashable, asyncio.Task[T]] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Returns the result of a read that begins now or later, ``read`` or another caller's."""
        task = self._next.get(key)
        if task is None:
            task = asyncio.ensure_future(self._after(self._running.get(key), key, read))
            self._next[key] = task
        # A caller that gives up doesn't end the read for the others.
        return await asyncio.shield(task)

    async def _after(
        self, before: asyncio.Task[T] | None, key: Hashable, read: Callable[[], Awaitable[T]]
    ) -> T:
        if before is not None:
            await asyncio.wait([before])
        task = self._running[key] = self._next.pop(key)
        try:
            return await read()
        finally:
            if self._running[key] is task:
                del self._running[key]
