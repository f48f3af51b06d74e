"""Work that nobody waits for: it goes on after the answer, and its failure is only logged."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

MOST: Final = 1000

log = structlog.get_logger(__name__)


class BackgroundTasks:
    """Tasks of this process; beyond ``most`` at once, new ones are dropped and logged."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, errand: Coroutine[Any, Any, None]) -> None:
        """Do it soon, in a task of its own; ``name`` stands in the log where it fails."""
        if len(self._tasks) >= self._most:
            errand.close()
            log.error("errand.dropped", errand=name)
            return
        task = asyncio.create_task(_logged(name, errand))
        # Held here: asyncio itself keeps only weak references to tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for all that was started."""
        while self._tasks:
            await asyncio.wait(self._tasks)


async def _logged(name: str, errand: Coroutine[Any, Any, None]) -> None:
    try:
        await errand
    except Exception:
        log.exception("errand.failed", errand=name)
