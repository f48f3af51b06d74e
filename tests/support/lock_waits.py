"""Makes a change wait for the lock of its room, so that something happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from kit.postgres.advisory_locks import advisory_key
from models.venue.rooms import Room
from tests.support.client import Answer

# Of this database alone: other tests run on the same server.
_WAITER: Final = """
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@asynccontextmanager
async def waiting(
    change: Coroutine[Any, Any, Answer], room: Room, owner: asyncpg.Connection
) -> AsyncIterator[tuple[int, "asyncio.Task[Answer]"]]:
    """Keeps a change waiting during the block; yields its backend's process id, and its task."""
    key = advisory_key(room.tenant_id, "room", room.id)
    await owner.execute("SELECT pg_advisory_lock($1)", key)
    task = asyncio.create_task(change)
    try:
        yield await _waiter(owner), task
    finally:
        await owner.execute("SELECT pg_advisory_unlock($1)", key)


async def _waiter(owner: asyncpg.Connection) -> int:
    async with asyncio.timeout(60):
        while (pid := await owner.fetchval(_WAITER)) is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
    assert isinstance(pid, int)
    return pid
