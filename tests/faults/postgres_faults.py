"""A database and an app of the test's own, in processes that a test may kill."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import httpx2
import psutil

from kit.clock import system_clock
from kit.postgres.connection_urls import DatabaseUrl, trusted_urls
from kit.postgres.database import Database
from kit.postgres.embedded import EmbeddedServer
from kit.runtime import Runtime
from kit.security.tokens import Tokens
from resolvers.audit.log_writer import write_log
from tests.support.database import SECRET
from tests.support.graphiql import have_graphiql

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 180

_POOL: Final = "usename = 'boom_app' AND application_name = 'boom'"
_BUS: Final = "application_name = 'boom bus'"
_RELAY: Final = "usename = 'boom_relay'"


class FaultyPostgres:
    """A durable PostgreSQL server, and the faults that a test causes.

    ``start`` and ``stop`` block; the rest is done as the server's superuser.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = EmbeddedServer(folder, durable=True)

    @property
    def url(self) -> DatabaseUrl:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.url)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def runtime(self) -> AsyncIterator[Runtime]:
        """Yields a runtime for the factories."""
        pool = Database(trusted_urls(self.url).app.sqlalchemy, pool_size=2)
        parts: dict[type, object] = {Tokens: Tokens(SECRET)}
        yield Runtime(
            pool, system_clock, write_log, notify_log=lambda _tenant_id: None, services=parts
        )
        await pool.close()

    async def execute(self, sql: str) -> None:
        async with self.connected() as connection:
            await connection.execute(sql)

    async def terminate_a_connection(self) -> None:
        """Ends one connection of the app's pool, as an administrator does."""
        await self.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_POOL} LIMIT 1"
        )

    async def terminate_the_bus(self) -> None:
        """Ends the connections that listen."""
        await self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_BUS}")

    async def terminate_the_relay(self) -> None:
        """Ends all connections but the app's pool: those of the relay, the bus and the jobs."""
        await self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_RELAY}")

    async def kill_a_connection(self) -> None:
        """Kills one server process of the app's pool: PostgreSQL then restarts all of them."""
        async with self.connected() as connection:
            pid = await connection.fetchval(
                f"SELECT pid FROM pg_stat_activity WHERE {_POOL} LIMIT 1"
            )
            os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(START_SECONDS):
                while not connection.is_closed():  # noqa: ASYNC110 - told to those who look
                    await asyncio.sleep(0.01)
        await self.answers()

    async def kill_everything(self) -> None:
        """Kills the server's first process, and starts it again."""
        os.kill(self._pid, signal.SIGKILL)
        await asyncio.to_thread(self._server.start)

    async def answers(self) -> None:
        """Waits until the server takes connections."""
        deadline = monotonic() + START_SECONDS
        while True:
            try:
                async with self.connected() as connection:
                    await connection.execute("SELECT 1")
                    return
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                assert monotonic() < deadline, "PostgreSQL did not come back"
            await asyncio.sleep(0.02)

    async def have_no_connections_left(self) -> None:
        """Takes all connections for two seconds, including the app's."""
        greedy: list[asyncpg.Connection] = []
        try:
            await _take_all(self.url, greedy)
            await greedy[0].execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_POOL} OR {_BUS}"
            )
            await _take_all(self.url, greedy)
            await asyncio.sleep(2)
        finally:
            await asyncio.gather(*(each.close() for each in greedy))

    async def fill_the_disk(self) -> None:
        """Makes each new booking fail for two seconds as on a full disk.

        The answer is PostgreSQL's own; that the disk is full is only said.
        """
        await self._while_bookings(
            "RAISE 'could not extend file' USING ERRCODE = 'disk_full'", seconds=2
        )

    async def let_statements_hang(self) -> None:
        """Makes each new booking take a minute, for twenty seconds."""
        await self._while_bookings("PERFORM pg_sleep(60)", seconds=20)

    async def lock_the_bookings(self, *, seconds: float = 4) -> None:
        """Locks the table for longer than any lock timeout."""
        async with self.connected() as connection, connection.transaction():
            await connection.execute("LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(seconds)

    async def freeze(self) -> None:
        """Freezes all processes of the server for eight seconds, so that it doesn't respond."""
        server = psutil.Process(self._pid)
        frozen = [server, *server.children()]
        try:
            for each in frozen:
                each.suspend()
            await asyncio.sleep(8)
        finally:
            for each in frozen:
                each.resume()
        await self.answers()

    @property
    def _pid(self) -> int:
        text = (self._folder / "postgres" / "postmaster.pid").read_text()
        return int(text.split("\n", 1)[0])

    async def _while_bookings(self, do: str, *, seconds: float) -> None:
        await self.execute(f"""
            LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE;
            CREATE FUNCTION hinder() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN {do}; RETURN new; END $$;
            CREATE TRIGGER hindered BEFORE INSERT ON bookings EXECUTE FUNCTION hinder();
        """)
        await asyncio.sleep(seconds)
        # Locked first: what hangs in the trigger has the table, and would wait for this in turn.
        await self.execute("""
            LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE;
            DROP FUNCTION hinder CASCADE;
        """)


class App:
    """`python -m commands.run` on the database of a FaultyPostgres."""

    def __init__(
        self, house: FaultyPostgres, folder: Path, *, workers: int = 1, port: int = 0
    ) -> None:
        self._output = folder / "output"
        have_graphiql(folder)
        inherited = {k: v for k, v in os.environ.items() if "DATABASE_URL" not in k}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "commands.run"],
                cwd=ROOT,
                env={
                    **inherited,
                    "PORT": str(port),
                    "BOOM_DATA": str(folder),
                    "BOOM_DEMO": "0",
                    "BOOM_RATE_LIMIT": "off",
                    "BOOM_SECRET": SECRET.decode(),
                    "BOOM_WORKERS": str(workers),
                    "DATABASE_URL": house.url,
                },
                stdout=output,
                stderr=output,
            )

    @property
    def printed(self) -> str:
        return self._output.read_text()

    @property
    def address(self) -> str:
        found = re.search(r"Boom Booking runs at (http\S+)\n", self.printed)
        assert found, self.printed
        return found[1]

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that serve: the command itself, or those that it started to serve."""
        started = [
            each
            for each in psutil.Process(self.process.pid).children(recursive=True)
            if "multiprocessing.spawn" in _command_of(each)
        ]
        return started or [psutil.Process(self.process.pid)]

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    @property
    def memory(self) -> int:
        """Bytes in use by all its processes."""
        return sum(each.memory_info().rss for each in self.workers)

    async def open_sockets(self) -> int:
        """Returns the process's own count of WebSockets; with one worker only."""
        async with httpx2.AsyncClient(timeout=10) as http:
            page = (await http.get(f"{self.address}/metrics")).text
        found = re.search(r"^boom_open_sockets (\S+)$", page, re.MULTILINE)
        assert found, page
        return int(float(found[1]))

    async def is_up(self) -> None:
        """Waits until it serves."""
        deadline = monotonic() + START_SECONDS
        while "Boom Booking runs at" not in self.printed:
            assert self.process.poll() is None and monotonic() < deadline, self.printed
            await asyncio.sleep(0.05)
        await self.is_ready()

    async def is_ready(self) -> None:
        """Waits until the database answers it and it listens for live events."""
        deadline = monotonic() + START_SECONDS
        async with httpx2.AsyncClient(timeout=10) as http:
            while (await http.get(f"{self.address}/readyz")).status_code != 200:
                assert monotonic() < deadline, self.printed
                await asyncio.sleep(0.05)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@asynccontextmanager
async def serving(
    house: FaultyPostgres, folder: Path, *, workers: int = 1, port: int = 0
) -> AsyncIterator[App]:
    """Serves an app during the block; port 0 is any free port."""
    app = App(house, folder, workers=workers, port=port)
    try:
        await app.is_up()
        yield app
    finally:
        await asyncio.to_thread(app.end)


async def _take_all(url: DatabaseUrl, greedy: list[asyncpg.Connection]) -> None:
    # Some are freed a moment later than their holders were told to end.
    refused = 0
    while refused < 10:
        try:
            greedy.append(await asyncpg.connect(url))
        except asyncpg.TooManyConnectionsError:
            refused += 1
            await asyncio.sleep(0.02)


def _command_of(process: psutil.Process) -> str:
    """Returns the command line; empty for one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return ""
