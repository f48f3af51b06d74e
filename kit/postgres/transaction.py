"""A transaction on one connection, for prepared statements and SQLAlchemy statements."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from kit.postgres.failures import raise_if_wrote
from kit.postgres.statements import PreparedStatement, Values

READ_TIMEOUT: Final = "2s"


class _ReadingSession(AsyncSession):
    """A session of a transaction that only reads."""

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().execute(*args, **kwargs)
        except DBAPIError as error:
            raise_if_wrote(error)
            raise


class Transaction:
    """Begins, commits and rolls back by itself; SQLAlchemy sees a connection in AUTOCOMMIT.

    Prepared statements go to the driver directly: through a session a statement costs ten times
    as much. Only one statement may run at a time.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        sync: Any = connection.sync_connection
        self._connection = connection
        self._driver: asyncpg.Connection[Any] = sync.connection.driver_connection
        self._session: AsyncSession | None = None
        self._is_open = False
        self._reads = False
        self.at_end: Callable[[], None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def session(self) -> AsyncSession:
        """The session for statements that aren't prepared, and for rows to store."""
        if self._session is None:
            kind = _ReadingSession if self._reads else AsyncSession
            self._session = kind(self._connection, autoflush=False)
        return self._session

    async def begin(self, mode: str, first: str) -> None:
        """Begins and runs ``first``, which is SQL and may be empty, in one round trip.

        If it is to read only, statements that write raise WroteWhileReading.
        """
        self._is_open = True
        self._reads = mode.endswith("READ ONLY")
        await self._driver.execute(f"BEGIN {mode}; {first}")

    async def rows(self, statement: PreparedStatement, values: Values) -> list[asyncpg.Record]:
        """Returns all rows of a prepared statement."""
        try:
            found: list[asyncpg.Record] = await self._driver.fetch(
                statement.sql, *statement.arguments(values)
            )
        except asyncpg.ReadOnlySQLTransactionError as error:
            self._raise_if_wrote(error)
            raise
        return found

    async def cursor(self, statement: PreparedStatement, values: Values) -> Any:
        """Opens a cursor for the rows of a prepared statement; ``fetch(n)`` returns the next."""
        return await self._driver.cursor(statement.sql, *statement.arguments(values))

    async def text(self, sql: str, values: Sequence[object]) -> asyncpg.Record | None:
        """Returns the first row of a statement given as SQL."""
        try:
            found: asyncpg.Record | None = await self._driver.fetchrow(sql, *values)
        except asyncpg.ReadOnlySQLTransactionError as error:
            self._raise_if_wrote(error)
            raise
        return found

    async def flush(self) -> None:
        """Stores the rows that were added or changed."""
        if self._session is not None:
            await self._session.flush()

    async def only_read(self) -> None:
        """Checks what a commit checks, and goes on with reads of what is stored, without writes.

        Others may wait for the locks of the transaction meanwhile, so that no read may take long.
        """
        if self._session is not None:
            self._session.expunge_all()
        await self._driver.execute(
            "SET CONSTRAINTS ALL IMMEDIATE; SET TRANSACTION READ ONLY; "
            f"SET LOCAL statement_timeout = '{READ_TIMEOUT}'"
        )
        self._reads = True

    async def commit(self) -> None:
        await self._driver.execute("COMMIT")
        self._is_open = False

    async def close(self) -> None:
        """Gives the connection back to the pool, after a rollback if it isn't committed."""
        try:
            if self._session is not None:
                await self._session.close()
            if self._is_open:
                await self._driver.execute("ROLLBACK")
        except BaseException:
            await self._connection.invalidate()
            raise
        finally:
            try:
                await self._connection.close()
            finally:
                at_end, self.at_end = self.at_end, None
                if at_end is not None:
                    at_end()

    def _raise_if_wrote(self, error: BaseException) -> None:
        if self._reads:
            raise_if_wrote(error)

    async def abandon(self) -> None:
        """Closes the connection because it is dead."""
        await self._connection.invalidate()
        await self._connection.close()
