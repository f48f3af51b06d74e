"""Connections for single reading statements: one round trip each, and nothing around it.

asyncpg's own pool, without its reset, takes 16 to 29 µs more of the processor for each statement
(40 instead of 24 with 16 that read at once), which is a sixth of a whole small operation.
"""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

import asyncpg

from kit.postgres.failures import is_lost
from kit.postgres.fair_share import FairShare

# What PostgreSQL keeps for one of them is some 100 kB.
STATEMENTS: Final = 200
CONNECT_SECONDS: Final = 5
WAIT_SECONDS: Final = 5
CLOSE_SECONDS: Final = 5

_BROKEN: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class ReadPool:
    """At most ``size`` connections on which nothing can be written.

    ``login`` is what asyncpg connects with, ``settings`` are those of the session. A statement is
    a transaction by itself and leaves nothing behind, so that a connection needs no reset. Each
    keeps the statements that it ran of late prepared.
    """

    def __init__(self, login: Mapping[str, Any], settings: Mapping[str, str], *, size: int) -> None:
        self.size = size
        self._shares = FairShare(size)
        self._login = login
        self._settings = {**settings, "default_transaction_read_only": "on"}
        # The last one back goes out first: fewer have to stay warm.
        self._idle: list[asyncpg.Connection[Any]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._open = 0
        self._is_closed = False

    @property
    def checked_out(self) -> int:
        return self._open - len(self._idle)

    async def row(
        self, sql: str, values: Sequence[object], *, owner: Hashable = None
    ) -> asyncpg.Record:
        """The first row; raises LookupError where there is none, and else as ``rows`` does."""
        rows = await self.rows(sql, values, owner=owner)
        if not rows:
            raise LookupError("the statement gave no row")
        return rows[0]

    async def rows(
        self, sql: str, values: Sequence[object], *, owner: Hashable = None
    ) -> list[asyncpg.Record]:
        """All rows; the parameters of the statement are ``$1``, ``$2`` ….

        ``owner`` is the tenant, who has a share of the connections while others wait. Where the
        connection turns out to be dead, from another one: reading twice does no harm. Raises
        TimeoutError where none is free for 5 s, and what asyncpg raises.
        """
        if not self._shares.take_free(owner):
            await self._shares.take(owner, within_seconds=WAIT_SECONDS)
        try:
            connection = self._idle.pop() if self._idle else await self._next()
            try:
                return await self._read(connection, sql, values)
            except (asyncpg.PostgresError, *_BROKEN) as error:
                if not is_lost(error):
                    raise
            # They have all seen the same end.
            while self._idle:
                self._drop(self._idle.pop())
            return await self._read(await self._next(), sql, values)
        finally:
            self._shares.give_back(owner)

    async def close(self) -> None:
        """Close what is idle, and what is in use as it comes back."""
        self._is_closed = True
        while self._idle:
            self._end(self._idle.pop())
        if self._ending:
            await asyncio.wait(self._ending)

    async def _read(
        self, connection: "asyncpg.Connection[Any]", sql: str, values: Sequence[object]
    ) -> list[asyncpg.Record]:
        try:
            rows: list[asyncpg.Record] = await connection.fetch(sql, *values)
        except (asyncpg.PostgresError, *_BROKEN) as error:
            if is_lost(error):
                self._drop(connection)
            else:
                self._give_back(connection)
            raise
        except BaseException:
            # Given up: what it still says is nobody's answer.
            self._end(connection)
            raise
        self._give_back(connection)
        return rows

    async def _next(self) -> "asyncpg.Connection[Any]":
        """One for who has a place: as many have one as there are connections."""
        while not self._is_closed:
            if self._idle:
                return self._idle.pop()
            if self._open < self.size:
                return await self._connected()
            # Some that were given up are still being closed.
            await asyncio.wait(self._ending, return_when=asyncio.FIRST_COMPLETED)
        raise asyncpg.InterfaceError("the pool is closed")

    async def _connected(self) -> "asyncpg.Connection[Any]":
        self._open += 1
        try:
            connection: asyncpg.Connection[Any] = await asyncpg.connect(
                **self._login,
                timeout=CONNECT_SECONDS,
                server_settings=self._settings,
                statement_cache_size=STATEMENTS,
                # For ever, and of any length: they are few, and ours.
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=0,
            )
        except BaseException:
            self._open -= 1
            raise
        return connection

    def _give_back(self, connection: "asyncpg.Connection[Any]") -> None:
        if self._is_closed:
            self._end(connection)
        else:
            self._idle.append(connection)

    def _drop(self, connection: "asyncpg.Connection[Any]") -> None:
        connection.terminate()
        self._open -= 1

    def _end(self, connection: "asyncpg.Connection[Any]") -> None:
        """Close one properly, which also cancels what PostgreSQL is still doing on it."""
        task = asyncio.ensure_future(self._ended(connection))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _ended(self, connection: "asyncpg.Connection[Any]") -> None:
        try:
            await connection.close(timeout=CLOSE_SECONDS)
        except (asyncpg.PostgresError, *_BROKEN):
            pass
        finally:
            self._drop(connection)
