"""The worker of a process: what is done over and over, and how often."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from jobs.holds import expire_holds
from jobs.housekeeping import forget_what_is_old
from kit.database import Database
from kit.scope import Runtime
from kit.services import Service

HOLDS_SECONDS: Final = 1.0
HOUSEKEEPING_SECONDS: Final = 3600.0


def services_of(runtime: Runtime, relay: Database) -> Mapping[str, Service]:
    """What the worker does, by name, for as long as the process lives."""
    holds = partial(expire_holds, runtime, relay)
    old = partial(forget_what_is_old, runtime, relay)
    return {
        "holds": partial(_every, HOLDS_SECONDS, holds),
        "housekeeping": partial(_every, HOUSEKEEPING_SECONDS, old),
    }


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await work()
        await asyncio.sleep(seconds)
