"""What the jobs need beside the app."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from kit.postgres.connection_urls import DatabaseUrls


@pytest_asyncio.fixture
async def queue(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The queue as the worker sees it."""
    connection = await asyncpg.connect(database.relay)
    yield connection
    await connection.close()
