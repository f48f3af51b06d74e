"""Loaders batch concurrent loads, and a failure reaches only its waiters."""

import asyncio
import gc
from typing import cast

from kit.loaders import Loaders
from kit.scope import Scope


async def test_a_failure_that_nobody_waits_for_is_not_logged() -> None:
    reported: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    loaders = Loaders(cast("Scope", None))

    async def fail(_keys: list[int]) -> list[str]:
        raise TimeoutError("no connection is free")

    forgotten = [loaders.batch("rows", fail, key) for key in range(3)]
    await asyncio.sleep(0.01)
    del forgotten, loaders
    gc.collect()
    await asyncio.sleep(0)
    loop.set_exception_handler(None)

    assert reported == []
