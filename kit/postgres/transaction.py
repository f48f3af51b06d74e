"""One transaction on one connection: prepared statements, and SQLAlchemy's beside them."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from kit.postgres.statements import PreparedStatement, Values


class Transaction:
    """Begun, committed and rolled back here; to SQLAlchemy each statement is one by itself.

    What is prepared goes to the driver directly: on its way through a session a statement costs
    ten times as much. One statement at a time.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        sync: Any = connection.sync_connection
        self._connection = connection
        self._driver: asyncpg.Connection[Any] = sync.connection.driver_connection
        self._session: AsyncSession | None = None
        self._is_open = False
        self.at_end: Callable[[], None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def session(self) -> AsyncSession:
        """For statements that are made anew each time, and for rows that are to be stored."""
        if self._session is None:
            self._session = AsyncSession(self._connection, autoflush=False)
        return self._session

    async def begin(self, mode: str, first: str) -> None:
        """Begin, and take the first step, in one round trip; ``first`` is SQL, maybe empty."""
        self._is_open = True
        await self._driver.execute(f"BEGIN {mode}; {first}")

    async def rows(self, statement: PreparedStatement, values: Values) -> list[asyncpg.Record]:
        """All rows of a prepared statement."""
        found: list[asyncpg.Record] = await self._driver.fetch(
            statement.sql, *statement.arguments(values)
        )
        return found

    async def text(self, sql: str, values: Sequence[object]) -> asyncpg.Record | None:
        """The first row of what is SQL already."""
        found: asyncpg.Record | None = await self._driver.fetchrow(sql, *values)
        return found

    async def flush(self) -> None:
        """Store the rows that were added or changed."""
        if self._session is not None:
            await self._session.flush()

    async def commit(self) -> None:
        await self._driver.execute("COMMIT")
        self._is_open = False

    async def close(self) -> None:
        """Give the connection back, rolling back what was not committed."""
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

    async def abandon(self) -> None:
        """Have the connection closed, because it is dead."""
        await self._connection.invalidate()
        await self._connection.close()
