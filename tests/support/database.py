"""Databases for tests: one server for a run, one migrated template, a copy for whoever asks.

The server is an embedded one, or the one that DATABASE_URL names.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from commands.migrate import migrate
from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls, logins
from kit.postgres.embedded import EmbeddedServer

SECRET = b"a secret of the tests that is the same in every run"

_FOLDERS = "boom-test-"
_URL = "BOOM_TEST_SERVER_URL"
_RUN = "BOOM_TEST_RUN"
_TEMPLATE_LOCK = 0x626F6F6D

_server: EmbeddedServer | None = None
_folder: Path | None = None
_known: list[DatabaseUrls] = []


def start_server() -> None:
    """Starts a server for this run, which processes started later share."""
    global _server, _folder
    os.environ[_RUN] = secrets.token_hex(4)
    if own := os.environ.get("DATABASE_URL"):
        os.environ[_URL] = DatabaseUrl(own)
        return
    _sweep()
    _folder = Path(tempfile.mkdtemp(prefix=_FOLDERS))
    _server = EmbeddedServer(_folder, durable=False)
    _server.start()
    os.environ[_URL] = _server.url


def stop_server() -> None:
    """Stops the server of this run, or removes the run's databases from a given server."""
    if _server and _folder:
        _server.stop()
        # Another run that begins now may be removing it, too.
        shutil.rmtree(_folder, ignore_errors=True)
    elif _URL in os.environ:
        asyncio.run(_drop_all())


async def fresh_database(name: str) -> DatabaseUrls:
    """Creates a migrated, empty database; one of this name is dropped first."""
    await _make_template()
    database = _named(name)
    async with _maintenance() as connection:
        await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{_named("template")}"')
    return await _logins(_server_url().in_database(database))


async def empty_database(name: str) -> DatabaseUrl:
    """Creates a database without any tables, and returns its owner's URL."""
    database = _named(name)
    async with _maintenance() as connection:
        await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{database}" TEMPLATE template0')
    return _server_url().in_database(database)


async def drop_database(name: str) -> None:
    async with _maintenance() as connection:
        await connection.execute(f'DROP DATABASE IF EXISTS "{_named(name)}" WITH (FORCE)')


async def _logins(owner: DatabaseUrl) -> DatabaseUrls:
    # The roles are the server's: how they log in is found out once, for all of its databases.
    if not _known:
        _known.append(await logins(owner, secret=SECRET))
    app, relay = (each.in_database(owner.database) for each in (_known[0].app, _known[0].relay))
    return DatabaseUrls(owner, app=app, relay=relay)


async def _make_template() -> None:
    async with _maintenance() as connection:
        # The processes of a run come here at once: one migrates, the others wait for it.
        await connection.execute("SELECT pg_advisory_lock($1)", _TEMPLATE_LOCK)
        exists = "SELECT true FROM pg_database WHERE datname = $1"
        if await connection.fetchval(exists, _named("template")):
            return
        making = await empty_database("making")
        await asyncio.to_thread(migrate, making)
        # The roles are the server's: their passwords are set once, not by all at once.
        await logins(making, secret=SECRET)
        await connection.execute(
            f'ALTER DATABASE "{making.database}" RENAME TO "{_named("template")}"'
        )


async def _drop_all() -> None:
    async with _maintenance() as connection:
        ours = await connection.fetch(
            "SELECT datname FROM pg_database WHERE datname LIKE $1",
            _named("").replace("_", r"\_") + "%",
        )
        for row in ours:
            await connection.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')


def _sweep() -> None:
    # A killed run ends no server. A young folder may be another run's that is just starting.
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*"):
        try:
            is_old = time.time() - folder.stat().st_mtime > 60
        except FileNotFoundError:
            # Another run has just ended.
            continue
        if is_old and os.access(folder, os.W_OK) and EmbeddedServer(folder).end_abandoned():
            shutil.rmtree(folder, ignore_errors=True)


def _server_url() -> DatabaseUrl:
    return DatabaseUrl(os.environ[_URL])


def _named(name: str) -> str:
    return f"boom_test_{os.environ[_RUN]}_{name}"


@asynccontextmanager
async def _maintenance() -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(_server_url())
    try:
        yield connection
    finally:
        await connection.close()
