"""One process's way to PostgreSQL: a pool, reading snapshots and writing transactions."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from kit.reading import Readers

STATEMENT_TIMEOUT = "10s"
LOCK_TIMEOUT = "3s"
POOL_TIMEOUT_SECONDS = 5
READERS = 8

SERIALIZATION_FAILURE = "40001"
DEADLOCK = "40P01"
LOCK_NOT_AVAILABLE = "55P03"
EXCLUSION_VIOLATION = "23P01"
UNIQUE_VIOLATION = "23505"
_OUT_OF_ORDER_CLASSES = ("08", "53", "58")  # connections, resources, the system beneath
_OUT_OF_ORDER = frozenset(
    {
        "25006",  # it has become a standby, which takes no writes
        "25P02",  # what ended the transaction was told to another statement of it
        "25P03",  # the transaction was idle for too long
        "25P04",  # the transaction took too long
        "40001",
        "40P01",
        "55P03",  # another transaction keeps the lock for long
        "57014",  # the statement took too long
        "57P01",
        "57P02",
        "57P03",
        "57P05",
    }
)


class Database:
    """Connections as one role: ``pool_size`` for transactions, ``readers`` for single statements.

    ``url`` begins with ``postgresql+asyncpg://``. ``role`` is set where only the owner may log in.
    All of them are opened when they are first needed.
    """

    def __init__(
        self, url: str, *, role: str | None = None, pool_size: int = 10, readers: int = READERS
    ) -> None:
        settings = {
            "application_name": "boom",
            "statement_timeout": STATEMENT_TIMEOUT,
            "lock_timeout": LOCK_TIMEOUT,
            # An idle writer would hold back everybody's live events (the log's horizon).
            "idle_in_transaction_session_timeout": STATEMENT_TIMEOUT,
            "jit": "off",
            # Compiled reads print times as the ISO style has them.
            "datestyle": "ISO",
        }
        if role:
            settings["role"] = role
        self._engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            # Every scope commits or rolls back itself, and no session state is ever set.
            pool_reset_on_return=None,
            # Or the texts of errors would carry people's data into the logs.
            hide_parameters=True,
            connect_args={"server_settings": settings, "timeout": 5},
        )
        _, login = self._engine.dialect.create_connect_args(self._engine.url)
        self._readers = Readers(login, settings, size=readers)
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._writing = self._engine.execution_options(isolation_level="READ COMMITTED")

    def session(self, *, writes: bool) -> AsyncSession:
        """A transaction to be: READ COMMITTED to write, else one REPEATABLE READ snapshot."""
        bind = self._writing if writes else self._reading
        return AsyncSession(bind, expire_on_commit=False, autoflush=False)

    async def begun(self, first: Executable, *, writes: bool) -> AsyncSession:
        """A transaction that has run its first statement.

        Where the pool's connection turns out to be dead, on another one: nothing was done yet.
        """
        try:
            return await self._begun(first, writes=writes)
        except DBAPIError as error:
            if not _is_lost(error):
                raise
            # The pool has dropped it, and whatever is older: they have all seen the same end.
            return await self._begun(first, writes=writes)

    async def _begun(self, first: Executable, *, writes: bool) -> AsyncSession:
        session = self.session(writes=writes)
        try:
            await session.execute(first)
        except BaseException as error:
            is_lost = isinstance(error, DBAPIError) and _is_lost(error)
            await asyncio.shield(session.invalidate() if is_lost else session.close())
            raise
        return session

    async def text(self, sql: str, values: Sequence[object]) -> asyncpg.Record:
        """The only row of one statement that reads, in one round trip.

        The statement sets its tenant by itself. Raises what ``is_away`` knows, and what is wrong
        with the statement.
        """
        return await self._readers.row(sql, values)

    @property
    def pool_status(self) -> dict[str, int]:
        pool: Any = self._engine.pool
        return {
            "size": pool.size(),
            "checked_out": pool.checkedout(),
            "readers": self._readers.size,
            "readers_checked_out": self._readers.checked_out,
        }

    async def close(self) -> None:
        await self._readers.close()
        await self._engine.dispose()


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code of what went wrong; None when it wasn't PostgreSQL."""
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "sqlstate", None) or (
            "08006" if error.connection_invalidated else None
        )
    return getattr(error, "sqlstate", None)


def _is_lost(error: DBAPIError) -> bool:
    return error.connection_invalidated or (sqlstate(error) or "").startswith(("08", "57P"))


def is_away(error: BaseException) -> bool:
    """Is the database away, full or too busy, rather than the statement wrong?

    Then the same is worth another try by the client, after a while.
    """
    if state := sqlstate(error):
        return state.startswith(_OUT_OF_ORDER_CLASSES) or state in _OUT_OF_ORDER
    # What the driver says by itself is that a connection broke, or a value that it can't send.
    said = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
    return isinstance(
        said, (OSError, NoneFree, asyncpg.InterfaceError, asyncpg.InternalClientError)
    ) and not isinstance(said, asyncpg.DataError)


def constraint_name(error: DBAPIError) -> str | None:
    return getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
