"""What an error says of the database: is it away, or was the statement wrong?"""

import asyncpg
import pytest
from sqlalchemy import func, literal, select, text
from sqlalchemy.exc import DBAPIError

from kit.database import Database, is_away
from kit.database_urls import DatabaseUrls


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.AdminShutdownError(),
        asyncpg.CannotConnectNowError(),
        asyncpg.ConnectionDoesNotExistError(),
        asyncpg.DiskFullError(),
        asyncpg.IdleInTransactionSessionTimeoutError(),
        asyncpg.OutOfMemoryError(),
        asyncpg.QueryCanceledError(),
        asyncpg.ReadOnlySQLTransactionError(),
        asyncpg.TooManyConnectionsError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
)
def test_the_database_is_away_or_busy(error: Exception) -> None:
    assert is_away(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UndefinedTableError(),
        asyncpg.UniqueViolationError(),
        asyncpg.DataError("an integer is required"),
        ValueError(),
    ],
)
def test_the_statement_is_wrong(error: Exception) -> None:
    assert not is_away(error)


@pytest.mark.parametrize(
    ("code", "away"), [("53100", True), ("57014", True), ("23505", False), ("P0001", False)]
)
async def test_the_code_of_an_answer_decides(
    database: DatabaseUrls, code: str, *, away: bool
) -> None:
    statement = text(f"DO $$ BEGIN RAISE 'no' USING ERRCODE = '{code}'; END $$")

    assert is_away(await failure(database, statement)) is away


async def test_a_value_that_can_not_be_sent_is_no_sign_of_a_lost_connection(
    database: DatabaseUrls,
) -> None:
    assert not is_away(await failure(database, select(literal(2**80))))


async def test_a_connection_that_died_in_the_pool_is_not_noticed(database: DatabaseUrls) -> None:
    pool = Database(database.app.sqlalchemy, pool_size=1)
    first = select(func.pg_backend_pid())
    async with await pool.begun(first, writes=False) as session:
        pid = await session.scalar(first)
    same_role = await asyncpg.connect(database.app)
    await same_role.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await same_role.close()

    async with await pool.begun(first, writes=False) as session:
        another = await session.scalar(first)

    assert another != pid
    await pool.close()


async def failure(database: DatabaseUrls, statement: object) -> DBAPIError:
    pool = Database(database.app.sqlalchemy, pool_size=1)
    try:
        async with pool.session(writes=False) as session:
            with pytest.raises(DBAPIError) as raised:
                await session.execute(statement)  # type: ignore[call-overload]
        return raised.value
    finally:
        await pool.close()
