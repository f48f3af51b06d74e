"""The queue in tests: what the running app's worker has to do, done now."""

import asyncio
from typing import Final

import asyncpg

from kit.jobs.queue import CHANNEL
from kit.runtime import Runtime
from kit.settings import Settings

_DUE: Final = """
    coalesce((headers ->> 'at')::timestamptz <= $1, true) AND status IN ('queued', 'picked')
"""
_BRING_FORWARD: Final = f"""
    UPDATE queue.pgqueuer SET execute_after = now() - interval '1 second'
    WHERE {_DUE} AND status = 'queued' AND execute_after > now() - interval '1 second'
"""
_REMAINING: Final = f"SELECT count(*) FROM queue.pgqueuer WHERE {_DUE}"


async def forget_jobs(settings: Settings) -> None:
    """Take out what an earlier test has left: the queue outlives its app, as it should.

    A database that is away, for the test's sake, holds nothing.
    """
    try:
        connection = await asyncpg.connect(settings.relay_database_url)
    except ConnectionRefusedError:
        return
    await connection.execute("DELETE FROM queue.pgqueuer")
    await connection.close()


async def run_due_jobs(runtime: Runtime, *, seconds: float = 30) -> None:
    """Have all done that is due by the app's clock, also what is to be tried again later.

    The queue counts in the database's time, so what the clock was moved past is brought forward.
    Raises TimeoutError. Jobs that have died are left as they are.
    """
    settings = runtime.services[Settings]
    assert isinstance(settings, Settings)
    connection = await asyncpg.connect(settings.relay_database_url)
    try:
        async with asyncio.timeout(seconds):
            while await connection.fetchval(_REMAINING, runtime.clock()):
                forward = await connection.execute(_BRING_FORWARD, runtime.clock())
                if forward != "UPDATE 0":
                    await connection.execute(f"NOTIFY {CHANNEL}")
                await asyncio.sleep(0.02)
    finally:
        await connection.close()
