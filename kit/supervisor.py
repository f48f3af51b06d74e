"""Runs background services in a process, and restarts them after a failure."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from kit.postgres.failures import is_away, sqlstate

Service = Callable[[], Awaitable[None]]

_FIRST_PAUSE_SECONDS: Final = 0.1
_MAX_PAUSE_SECONDS: Final = 1.0
# A service that ran this long had recovered from its last failure.
_RECOVERED_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


@asynccontextmanager
async def supervise(**services: Service) -> AsyncIterator[None]:
    """Runs services, by name, for the duration of the block.

    A failed one is logged and restarted, at most a second later.
    """
    is_ending = asyncio.Event()
    tasks = [
        asyncio.create_task(_restart_on_failure(name, run, is_ending))
        for name, run in services.items()
    ]
    try:
        yield
    finally:
        is_ending.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _restart_on_failure(name: str, run: Service, is_ending: asyncio.Event) -> None:
    clock = asyncio.get_running_loop().time
    pause = _FIRST_PAUSE_SECONDS
    while True:
        started = clock()
        try:
            await run()
        except* Exception as failed:  # noqa: BLE001 - logged, and restarted
            _report(name, failed)
        # An error in cleaning up took the place of the cancellation. Task.cancelling() can't tell:
        # before Python 3.13 a task group that fails may leave it raised.
        if is_ending.is_set():
            return
        if clock() - started > _RECOVERED_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause)
        pause = min(2 * pause, _MAX_PAUSE_SECONDS)


def _report(name: str, failed: ExceptionGroup[Exception]) -> None:
    _, unexpected = failed.split(is_away)
    error = failed.exceptions[0]
    log.warning(
        "service.failed",
        service=name,
        error=type(error).__name__,
        sqlstate=sqlstate(error),
        exc_info=unexpected,
    )
