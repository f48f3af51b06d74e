"""One process's access to PostgreSQL: connection pools, read snapshots, write transactions."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from kit.postgres.failures import is_lost
from kit.postgres.fair_share import FairShare
from kit.postgres.statement_pool import StatementPool
from kit.postgres.statements import PreparedStatement, Values
from kit.postgres.transaction import Transaction

_READING = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITING = "ISOLATION LEVEL READ COMMITTED"
STATEMENT_TIMEOUT = "10s"
LOCK_TIMEOUT = "3s"
POOL_TIMEOUT_SECONDS = 5
READERS = 8
WRITERS = 4


class Database:
    """Connects as one role: ``pool_size`` connections for transactions, others for statements.

    ``readers`` are for single statements that read, ``writers`` for those that are a whole change.
    ``url`` begins with ``postgresql+asyncpg://``. ``role`` is set if only the owner can log in.
    Connections are opened on first use.
    """

    def __init__(
        self,
        url: str,
        *,
        role: str | None = None,
        pool_size: int = 7,
        readers: int = READERS,
        writers: int = WRITERS,
    ) -> None:
        settings = {
            "application_name": "boom",
            "statement_timeout": STATEMENT_TIMEOUT,
            "lock_timeout": LOCK_TIMEOUT,
            # An idle write transaction would delay live events for all (the log's horizon).
            "idle_in_transaction_session_timeout": STATEMENT_TIMEOUT,
            "jit": "off",
            # Compiled reads rely on the ISO format of times.
            "datestyle": "ISO",
        }
        if role:
            settings["role"] = role
        self._engine: AsyncEngine = create_async_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            # Every scope commits or rolls back itself, and none sets session state.
            pool_reset_on_return=None,
            # Error messages would otherwise carry personal data into the logs.
            hide_parameters=True,
            connect_args={"server_settings": settings, "timeout": 5},
        )
        self._pool_size = pool_size
        self._shares = FairShare(pool_size)
        _, login = self._engine.dialect.create_connect_args(self._engine.url)
        self._readers = StatementPool(login, settings, size=readers)
        self._writers = StatementPool(login, settings, size=writers, writes=True)
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._writing = self._engine.execution_options(isolation_level="READ COMMITTED")

    def session(self, *, writes: bool) -> AsyncSession:
        """Returns a session: READ COMMITTED if it writes, else one REPEATABLE READ snapshot."""
        bind = self._writing if writes else self._reading
        return AsyncSession(bind, expire_on_commit=False, autoflush=False)

    async def begin(
        self, first: str = "", *, writes: bool, owner: UUID | None = None
    ) -> Transaction:
        """Begins a transaction and runs ``first``, which is SQL, in the same round trip.

        ``owner`` is the tenant, whose share of the pool is bounded while others wait. If a pooled
        connection turns out to be dead, another one is tried: nothing was done yet.
        """
        share = _share(owner)
        await self._shares.take(share, within_seconds=POOL_TIMEOUT_SECONDS)
        try:
            return await self._begin(first, writes, partial(self._shares.give_back, share))
        except BaseException:
            self._shares.give_back(share)
            raise

    async def _begin(self, first: str, writes: bool, at_end: Callable[[], None]) -> Transaction:
        mode = _WRITING if writes else _READING
        dead = 0
        while True:
            transaction = Transaction(await self._engine.connect())
            try:
                await transaction.begin(mode, first)
            except BaseException as error:
                if not is_lost(error):
                    await asyncio.shield(transaction.close())
                    raise
                await asyncio.shield(transaction.abandon())
                # A restart of the server may have closed all pooled connections.
                if dead == self._pool_size:
                    raise
                dead += 1
            else:
                transaction.at_end = at_end
                return transaction

    def text(
        self, sql: str, values: Sequence[object], *, owner: UUID | None = None
    ) -> Coroutine[Any, Any, asyncpg.Record]:
        """Returns the only row of a read-only SQL statement, in one round trip.

        The statement sets its tenant itself; ``owner`` is that tenant. Raises the errors that
        ``is_away`` recognizes, and errors of the statement.
        """
        # Not a coroutine: each one in the way of a read costs a percent of a small request.
        return self._readers.row(sql, values, owner=_share(owner))

    async def rows(
        self, statement: PreparedStatement, values: Values, *, owner: UUID | None = None
    ) -> list[asyncpg.Record]:
        """Returns all rows of a prepared read-only statement; raises the same as ``text``."""
        arguments = statement.arguments(values)
        return await self._readers.rows(statement.sql, arguments, owner=_share(owner))

    async def write(
        self,
        statement: PreparedStatement,
        values: Values,
        *,
        owner: UUID | None = None,
        showing: tuple[str, Sequence[object]] | None = None,
    ) -> asyncpg.Record:
        """Returns the only row of a prepared statement that is a whole change, committed by itself.

        ``showing`` are the SQL and the values of what to show of the row that it stores.

        It sets its tenant itself; ``owner`` is that tenant. If the connection is lost, it may have
        been committed all the same. Raises the same as ``text``.
        """
        sql, arguments = statement.sql, statement.arguments(values)
        if showing is not None:
            sql, arguments = statement.showing(showing[0]), [*arguments, *showing[1]]
        return await self._writers.row(sql, arguments, owner=_share(owner))

    @property
    def pool_status(self) -> dict[str, int]:
        pool: Any = self._engine.pool
        return {
            "size": pool.size(),
            "checked_out": pool.checkedout(),
            "readers": self._readers.size,
            "readers_checked_out": self._readers.checked_out,
            "writers": self._writers.size,
            "writers_checked_out": self._writers.checked_out,
        }

    async def close(self) -> None:
        await self._readers.close()
        await self._writers.close()
        await self._engine.dispose()


def _share(owner: UUID | None) -> int | None:
    # Hashing a UUID runs in Python; hashing its int doesn't.
    return owner.int if owner is not None else None
