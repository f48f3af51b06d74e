"""What a change puts into the queue: with its commit, for its tenant, once."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio

from kit.database_urls import DatabaseUrls
from kit.ids import new_id
from kit.scope import Actor, Request, Runtime, Scope
from resolvers.transactions import perform
from tests.factories import make_venue


@pytest_asyncio.fixture
async def queue(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The queue as the worker sees it, empty."""
    connection = await asyncpg.connect(database.relay)
    await connection.execute("DELETE FROM queue.pgqueuer")
    yield connection
    await connection.close()


async def put(runtime: Runtime, actor: Actor, *names: str, **options: Any) -> None:
    async def change(scope: Scope) -> None:
        for name in names:
            scope.enqueue(name, {"id": "1"}, **options)

    await perform(runtime, actor, Request(new_id()), change)


async def waiting(queue: asyncpg.Connection) -> list[str]:
    rows = await queue.fetch("SELECT entrypoint FROM queue.pgqueuer ORDER BY id")
    return [row["entrypoint"] for row in rows]


async def test_a_job_comes_with_the_commit(runtime: Runtime, queue: asyncpg.Connection) -> None:
    venue = await make_venue(runtime)

    await put(runtime, venue.owner.actor, "unheard", "of")

    assert await waiting(queue) == ["unheard", "of"]
    (first, _) = await queue.fetch("SELECT payload, headers FROM queue.pgqueuer ORDER BY id")
    assert first["payload"] == b'{"id":"1"}'
    assert first["headers"] == f'{{"tenant": "{venue.tenant.id}"}}'
