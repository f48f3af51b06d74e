"""One process's way to PostgreSQL: a pool, reading snapshots and writing transactions."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from kit.postgres.failures import is_lost
from kit.postgres.fair_share import FairShare
from kit.postgres.read_pool import ReadPool
from kit.postgres.statements import PreparedStatement, Values
from kit.postgres.transaction import Transaction

_READING = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITING = "ISOLATION LEVEL READ COMMITTED"
STATEMENT_TIMEOUT = "10s"
LOCK_TIMEOUT = "3s"
POOL_TIMEOUT_SECONDS = 5
READERS = 8


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
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            # Every scope commits or rolls back itself, and no session state is ever set.
            pool_reset_on_return=None,
            # Or the texts of errors would carry people's data into the logs.
            hide_parameters=True,
            connect_args={"server_settings": settings, "timeout": 5},
        )
        self._pool_size = pool_size
        self._shares = FairShare(pool_size)
        _, login = self._engine.dialect.create_connect_args(self._engine.url)
        self._readers = ReadPool(login, settings, size=readers)
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._writing = self._engine.execution_options(isolation_level="READ COMMITTED")

    def session(self, *, writes: bool) -> AsyncSession:
        """A transaction to be: READ COMMITTED to write, else one REPEATABLE READ snapshot."""
        bind = self._writing if writes else self._reading
        return AsyncSession(bind, expire_on_commit=False, autoflush=False)

    async def begin(
        self, first: str = "", *, writes: bool, owner: UUID | None = None
    ) -> Transaction:
        """A transaction that has taken its first step, which is SQL.

        ``owner`` is the tenant, whose share of the pool is bounded while others wait. Where the
        pool's connections turn out to be dead, on another one: nothing was done yet.
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
                # They may all have seen the same end.
                if dead == self._pool_size:
                    raise
                dead += 1
            else:
                transaction.at_end = at_end
                return transaction

    async def text(
        self, sql: str, values: Sequence[object], *, owner: UUID | None = None
    ) -> asyncpg.Record:
        """The only row of one statement that reads, in one round trip.

        The statement sets its tenant by itself, the ``owner`` of the share. Raises what
        ``is_away`` knows, and what is wrong with the statement.
        """
        return await self._readers.row(sql, values, owner=_share(owner))

    async def rows(
        self, statement: PreparedStatement, values: Values, *, owner: UUID | None = None
    ) -> list[asyncpg.Record]:
        """All rows of a prepared statement that reads, in one round trip; raises as ``text``."""
        arguments = statement.arguments(values)
        return await self._readers.rows(statement.sql, arguments, owner=_share(owner))

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


def _share(owner: UUID | None) -> int | None:
    # The hash of a uuid is worked out in Python.
    return owner.int if owner is not None else None
