"""Work that nobody waits for: it goes on after the answer, and its failure is only logged."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

MOST: Final = 1000

log = structlog.get_logger(__name__)


class Background:
    """Tasks of this process; beyond ``most`` at once, new ones are dropped and logged."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do it soon, in a task of its own; ``name`` stands in the log where it fails."""
        if len(self._tasks) >= self._most:
            work.close()
            log.error("background.dropped", work=name)
            return
        task = asyncio.create_task(_logged(name, work))
        # Held here: asyncio itself keeps only weak references to tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for all that was started."""
        while self._tasks:
            await asyncio.wait(self._tasks)


async def _logged(name: str, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("background.failed", work=name)


def _report(name: str, failed: ExceptionGroup) -> None:
    _, unexpected = failed.split(is_away)
    error = failed.exceptions[0]
    log.warning(
        "service.failed",
        service=name,
        error=type(error).__name__,
        sqlstate=sqlstate(error),
        exc_info=unexpected,
    )
