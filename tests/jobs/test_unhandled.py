"""Jobs without a handler in this version wait, are reported, and can be forgotten."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from commands.jobs import main
from jobs.registry import HANDLED
from jobs.unhandled import report_unhandled
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from tests.support.factories import make_venue

_ALL_THAT_A_HANDLER_STORES = """
    SELECT (SELECT count(*) FROM event_handler_starts WHERE handler = $1)
         + (SELECT count(*) FROM event_handler_positions WHERE handler = $1)
         + (SELECT count(*) FROM pending_events WHERE handler = $1)
"""


@pytest_asyncio.fixture
async def relay(database: DatabaseUrls) -> AsyncIterator[Database]:
    pool = Database(database.relay.sqlalchemy, pool_size=1)
    yield pool
    await pool.close()


@pytest_asyncio.fixture
async def waiting(
    runtime: Runtime,
    database: DatabaseUrls,
    queue: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[asyncpg.Connection]:
    """A job of a removed handler, two of a removed event handler, and one that has a handler."""
    monkeypatch.setenv("BOOM_APP_DATABASE_URL", database.app)
    monkeypatch.setenv("BOOM_RELAY_DATABASE_URL", database.relay)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    tenant_id = (await make_venue(runtime)).tenant.id
    await queue.execute("DELETE FROM queue.pgqueuer")
    await queue.execute("""
        INSERT INTO queue.pgqueuer (priority, status, entrypoint, attempts, created, execute_after)
        VALUES (0, 'queued', 'fax', 0, '2027-02-01', now()),
               (0, 'failed', 'event:faxes', 9, '2027-02-02', now()),
               (0, 'queued', 'event:faxes', 0, '2027-02-03', now()),
               (0, 'queued', 'billing.sync', 0, now(), now() + interval '1 day')
    """)
    for table in ("event_handler_positions", "pending_events"):
        extra = ", subject_id, at" if table == "pending_events" else ""
        values = ", $1, now()" if extra else ""
        await queue.execute(
            f"INSERT INTO {table} (tenant_id, handler, generation, xid, position{extra}) "
            f"VALUES ($1, 'faxes', 0, '1', 1{values})",
            tenant_id,
        )
    await queue.execute(
        "INSERT INTO event_handler_starts VALUES ('faxes', 0, '1', 1), ('idle', 0, '1', 1)"
    )
    yield queue
    for table in ("event_handler_starts", "event_handler_positions", "pending_events"):
        await queue.execute(f"DELETE FROM {table} WHERE handler IN ('faxes', 'idle')")
    await queue.execute("DELETE FROM queue.pgqueuer")


async def names(queue: asyncpg.Connection) -> list[str]:
    rows = await queue.fetch("SELECT DISTINCT entrypoint FROM queue.pgqueuer ORDER BY 1")
    return [row["entrypoint"] for row in rows]


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, arguments)


@pytest.mark.usefixtures("waiting")
async def test_each_name_without_a_handler_is_reported(relay: Database) -> None:
    with capture_logs() as logs:
        await report_unhandled(relay, HANDLED)

    reports = [each for each in logs if each["event"] == "jobs.unhandled"]
    assert [(each["log_level"], each["job"], each["waiting"]) for each in reports] == [
        ("warning", "event:faxes", 2),
        ("warning", "event:idle", 0),
        ("warning", "fax", 1),
    ]


@pytest.mark.usefixtures("waiting")
async def test_jobs_without_a_handler_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run() == 0

    *_, faxes, idle, fax = capsys.readouterr().out.splitlines()
    assert faxes.split() == ["event:faxes", "2", "jobs,", "since", "2027-02-02", "00:00"]
    assert idle.split() == ["event:idle", "0", "jobs"]
    assert fax.split()[:3] == ["fax", "1", "jobs,"]


async def test_a_removed_event_handler_is_forgotten_with_all_that_it_stored(
    waiting: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await waiting.fetchval(_ALL_THAT_A_HANDLER_STORES, "faxes") == 3

    assert await run("forget", "event:faxes", "event:idle") == 0

    assert await waiting.fetchval(_ALL_THAT_A_HANDLER_STORES, "faxes") == 0
    assert await waiting.fetchval(_ALL_THAT_A_HANDLER_STORES, "idle") == 0
    assert await names(waiting) == ["billing.sync", "fax"]
    assert "Forgotten: event:faxes, 2 jobs" in capsys.readouterr().out


async def test_jobs_that_have_a_handler_are_not_forgotten(
    waiting: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("forget", "billing.sync", "telex", "fax") == 1

    assert await names(waiting) == ["billing.sync", "event:faxes"]
    refused = capsys.readouterr().err.splitlines()
    assert refused == [
        "billing.sync has a handler in this version: discard its jobs",
        "No jobs: telex",
    ]
