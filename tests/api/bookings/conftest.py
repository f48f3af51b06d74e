"""A venue that is always open, and its database as the owner sees it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from tests.support.factories import Venue, make_venue


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest_asyncio.fixture
async def owner(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The server's superuser, who sees all rows."""
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()
