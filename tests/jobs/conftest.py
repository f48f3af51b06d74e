"""What the jobs need beside the app."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from kit.database import Database
from kit.database_urls import DatabaseUrls
from kit.settings import Settings


@pytest_asyncio.fixture
async def relay(settings: Settings) -> AsyncIterator[Database]:
    """The database as the relay sees it."""
    assert settings.relay_database_url is not None
    database = Database(settings.relay_database_url.sqlalchemy)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def queue(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The queue as the worker sees it."""
    connection = await asyncpg.connect(database.relay)
    yield connection
    await connection.close()
