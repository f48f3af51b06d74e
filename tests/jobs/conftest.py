"""Fixtures for tests of jobs: connections and a runtime without a worker."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from kit.clock import system_clock
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.security.tokens import Tokens
from resolvers.audit.log_writer import write_log
from tests.support.database import SECRET


@pytest_asyncio.fixture
async def queue(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The queue as the worker sees it."""
    connection = await asyncpg.connect(database.relay)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def admin(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The server's superuser, who sees all rows."""
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def present(database: DatabaseUrls) -> AsyncIterator[Runtime]:
    """A runtime in real time, and without a worker."""
    pool = Database(database.app.sqlalchemy, pool_size=2)
    parts: dict[type, object] = {Tokens: Tokens(SECRET)}
    yield Runtime(pool, system_clock, write_log, notify_log=lambda _: None, services=parts)
    await pool.close()
