"""The command that lists, retries and discards dead jobs."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from commands.jobs import main
from kit.postgres.connection_urls import DatabaseUrls


@pytest_asyncio.fixture
async def queue(
    database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[asyncpg.Connection]:
    """Two dead jobs, 1 and 2, and one that waits."""
    monkeypatch.setenv("BOOM_APP_DATABASE_URL", database.app)
    monkeypatch.setenv("BOOM_RELAY_DATABASE_URL", database.relay)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    connection = await asyncpg.connect(database.relay)
    await connection.execute("DELETE FROM queue.pgqueuer")
    await connection.execute("""
        INSERT INTO queue.pgqueuer (id, priority, status, entrypoint, attempts, headers)
        VALUES (1, 0, 'failed', 'mail', 11, '{"tenant": "the-tenant"}'),
               (2, 0, 'failed', 'complete_booking', 9, '{}'), (3, 0, 'queued', 'mail', 0, '{}')
    """)
    await connection.execute("""
        INSERT INTO queue.pgqueuer_log (job_id, status, priority, entrypoint, traceback)
        VALUES (1, 'failed', 0, 'mail', '{"exception_type": "SMTPConnectError"}')
    """)
    yield connection
    await connection.close()


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, arguments)


async def states(queue: asyncpg.Connection) -> dict[int, str]:
    rows = await queue.fetch("SELECT id, status::text FROM queue.pgqueuer")
    return {row["id"]: row["status"] for row in rows}


async def test_dead_jobs_are_listed_with_what_went_wrong(
    queue: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run() == 0

    second, first = capsys.readouterr().out.splitlines()
    assert first.split()[0] == "1" and "tenant the-tenant" in first
    assert "mail" in first and "12 tries" in first and "SMTPConnectError" in first
    assert second.split()[0] == "2"


async def test_a_dead_job_is_tried_again(queue: asyncpg.Connection) -> None:
    assert await run("retry", "1") == 0

    assert await states(queue) == {1: "queued", 2: "failed", 3: "queued"}
    assert await queue.fetchval("SELECT attempts FROM queue.pgqueuer WHERE id = 1") == 0


async def test_all_dead_jobs_are_tried_again(queue: asyncpg.Connection) -> None:
    assert await run("retry", "all") == 0

    assert await states(queue) == {1: "queued", 2: "queued", 3: "queued"}


async def test_a_dead_job_is_discarded_and_a_waiting_one_is_not(
    queue: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("discard", "2", "3") == 1

    assert await states(queue) == {1: "failed", 3: "queued"}
    assert "No dead jobs: 3" in capsys.readouterr().err
