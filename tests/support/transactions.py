"""Finds transactions that are open during calls of external services."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from kit.postgres.connection_urls import DatabaseUrls
from tests.integrations.payments.fake_stripe import FakeStripe

LOOKS: Final = 40
"""How often a transaction must be seen open, 50 ms apart, to be one that waits for the answer."""

_IDLE: Final = """
    SELECT usename || ' since ' || xact_start || ' after ' || query FROM pg_stat_activity
    WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""


@asynccontextmanager
async def watched(stripe: FakeStripe, database: DatabaseUrls) -> AsyncIterator[set[str]]:
    """Collects transactions that stay open during calls of Stripe in the block."""
    waiting: set[str] = set()
    connection = await asyncpg.connect(database.owner)
    one_at_a_time = asyncio.Lock()

    async def idle() -> set[str]:
        async with one_at_a_time:
            return {row[0] for row in await connection.fetch(_IDLE)}

    async def look() -> None:
        # Others come and go meanwhile; whoever waits for this answer is there at each look.
        opened = await idle()
        for _ in range(LOOKS):
            if not opened:
                return
            await asyncio.sleep(0.05)
            opened &= await idle()
        waiting.update(opened)

    stripe.before_each = look
    try:
        yield waiting
    finally:
        stripe.before_each = None
        await connection.close()
