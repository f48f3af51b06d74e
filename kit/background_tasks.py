"""Background tasks that outlive the request: nothing awaits them, and failures are logged."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

MAX_TASKS: Final = 1000

log = structlog.get_logger(__name__)


class BackgroundTasks:
    """Runs background tasks; beyond ``limit`` at once, new ones are dropped and logged."""

    def __init__(self, *, limit: int = MAX_TASKS) -> None:
        self._limit = limit
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, errand: Coroutine[Any, Any, None]) -> None:
        """Starts a coroutine in a task; ``name`` is logged if it fails."""
        if len(self._tasks) >= self._limit:
            errand.close()
            log.error("errand.dropped", errand=name)
            return
        task = asyncio.create_task(_logged(name, errand))
        # asyncio keeps only weak references to tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Waits for all tasks."""
        while self._tasks:
            await asyncio.wait(self._tasks)


async def _logged(name: str, errand: Coroutine[Any, Any, None]) -> None:
    try:
        await errand
    except Exception:
        log.exception("errand.failed", errand=name)
