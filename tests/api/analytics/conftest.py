"""What the tests of analytics need beside the app."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from kit.postgres.connection_urls import DatabaseUrls


@pytest_asyncio.fixture
async def admin(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The server's superuser, who sees all rows."""
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()
