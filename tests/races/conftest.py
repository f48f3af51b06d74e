"""Servers in processes of their own, so that the load doesn't run in the process it loads."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.security.tokens import Tokens
from resolvers.audit.log_writer import write_log
from tests.races.clock import RunningClock
from tests.support.database import SECRET, drop_database, fresh_database

_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"

Say = Callable[[str], None]


@pytest_asyncio.fixture(scope="session")
async def database() -> AsyncIterator[DatabaseUrls]:
    """One for all races, because servers take a while to start; each test has its own venue."""
    name = f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_races"
    yield await fresh_database(name)
    await drop_database(name)


@pytest_asyncio.fixture(scope="session")
async def runtime(database: DatabaseUrls, servers: tuple[str, str]) -> AsyncIterator[Runtime]:
    """For the factories, and to look at what was stored; closed before the servers end."""
    pool = Database(database.app.sqlalchemy, pool_size=2)
    parts: dict[type, object] = {Tokens: Tokens(SECRET)}
    yield Runtime(
        pool, RunningClock(), write_log, notify_log=lambda _tenant_id: None, services=parts
    )
    await pool.close()


@pytest_asyncio.fixture(scope="session")
async def servers(
    database: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[str, str]]:
    """The addresses of two processes on one database, where nothing ever deadlocks."""
    with ExitStack() as running:
        folders = [tmp_path_factory.mktemp("server") for _ in range(2)]
        first, second = (running.enter_context(_server(database, each)) for each in folders)
        await asyncio.gather(_is_up(first), _is_up(second))
        yield first, second
    # Asked for when they have ended: only then have they told all their numbers.
    assert await _deadlocks(database) == 0


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints a line, whether the test passes or not."""

    def print_line(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")

    return print_line


@contextmanager
def _server(database: DatabaseUrls, folder: Path) -> Iterator[str]:
    environment = {
        **os.environ,
        "BOOM_ENV": "test",
        "BOOM_DATA": str(folder),
        "BOOM_APP_DATABASE_URL": database.app,
        "BOOM_RELAY_DATABASE_URL": database.relay,
        "BOOM_SECRET": SECRET.decode(),
        "BOOM_RATE_LIMIT": "off",
    }
    with (
        socket.create_server(("127.0.0.1", 0), backlog=1024) as listener,
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "tests.races.serving", str(listener.fileno())],
            env=environment,
            stdin=subprocess.PIPE,
            stderr=log,
            pass_fds=[listener.fileno()],
        ) as process,
    ):
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.send_signal(signal.SIGTERM)


async def _is_up(address: str) -> None:
    async with asyncio.timeout(60), httpx2.AsyncClient(timeout=60) as http:
        assert (await http.get(f"{address}/livez")).status_code == 200


async def _deadlocks(database: DatabaseUrls) -> int:
    connection = await asyncpg.connect(database.app)
    try:
        # The last sessions tell their numbers while they end.
        async with asyncio.timeout(60):
            while await connection.fetchval(_SESSIONS) > 1:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.05)
        return await connection.fetchval(  # type: ignore[no-any-return]
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
    finally:
        await connection.close()
