"""What the jobs need beside the app."""

from collections.abc import AsyncIterator

import pytest_asyncio

from kit.database import Database
from kit.settings import Settings


@pytest_asyncio.fixture
async def relay(settings: Settings) -> AsyncIterator[Database]:
    """The database as the relay sees it."""
    assert settings.relay_database_url is not None
    database = Database(settings.relay_database_url.sqlalchemy)
    yield database
    await database.close()
