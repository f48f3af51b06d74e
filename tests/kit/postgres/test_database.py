"""Connections and pools, and which errors mean that the database is unavailable."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import Float, bindparam, literal, select, text
from sqlalchemy.exc import DBAPIError

from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.postgres.failures import WroteWhileReading, is_away
from kit.postgres.statements import PreparedStatement
from kit.postgres.transaction import Transaction
from tests.support.connections import close_kept


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
    async with await pool.begin(writes=False) as transaction:
        (pid,) = await transaction.text("SELECT pg_backend_pid()", [])  # type: ignore[misc]
    same_role = await asyncpg.connect(database.app)
    await same_role.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await same_role.close()

    async with await pool.begin(writes=False) as transaction:
        (another,) = await transaction.text("SELECT pg_backend_pid()", [])  # type: ignore[misc]

    assert another != pid
    await pool.close()


async def test_a_reader_that_died_is_not_noticed(pool: Database, database: DatabaseUrls) -> None:
    [pid] = await pool.text("SELECT pg_backend_pid()", [])
    await end(database, pid)

    [another] = await pool.text("SELECT pg_backend_pid()", [])

    assert another != pid


async def test_a_reader_that_dies_at_work_is_not_noticed(
    pool: Database, database: DatabaseUrls
) -> None:
    [pid] = await pool.text("SELECT pg_backend_pid()", [])
    reading = asyncio.create_task(pool.text("SELECT pg_backend_pid(), pg_sleep(1)", []))
    await until_busy(database, pid)
    await end(database, pid)

    another, _ = await reading

    assert another != pid


async def test_who_writes_while_reading_is_wrong(pool: Database) -> None:
    writing = "SELECT lo_create(0)"
    with pytest.raises(WroteWhileReading) as raised:
        await pool.text(writing, [])
    assert not is_away(raised.value)

    ways: list[Callable[[Transaction], Awaitable[object]]] = [
        lambda transaction: transaction.text(writing, []),
        lambda transaction: transaction.rows(PreparedStatement(text(writing)), {}),
        lambda transaction: transaction.session.execute(text(writing)),
    ]
    for write in ways:
        async with await pool.begin(writes=False) as transaction:
            with pytest.raises(WroteWhileReading):
                await write(transaction)


async def test_a_server_that_takes_no_writes_is_away(pool: Database) -> None:
    """As a standby does: it answers as it would to a mistake of ours."""
    async with await pool.begin("SET TRANSACTION READ ONLY", writes=True) as transaction:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError) as raised:
            await transaction.text("SELECT lo_create(0)", [])

    assert is_away(raised.value)


async def test_a_reader_serves_again_after_a_wrong_statement(pool: Database) -> None:
    [pid] = await pool.text("SELECT pg_backend_pid()", [])
    with pytest.raises(asyncpg.DivisionByZeroError):
        await pool.text("SELECT 1 / $1::int", [0])
    with pytest.raises(asyncpg.DataError):
        await pool.text("SELECT 1 / $1::int", ["one"])

    [same] = await pool.text("SELECT pg_backend_pid()", [])

    assert same == pid


async def test_what_is_given_up_does_not_go_on(pool: Database, database: DatabaseUrls) -> None:
    [pid] = await pool.text("SELECT pg_backend_pid()", [])
    reading = asyncio.create_task(pool.text("SELECT pg_sleep(9)", []))
    await until_busy(database, pid)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    [another] = await pool.text("SELECT pg_backend_pid()", [])

    assert another != pid
    assert await activity(database, pid) is None


async def test_many_readers_take_turns(pool: Database) -> None:
    answers = await asyncio.gather(
        *(pool.text("SELECT $1::int, pg_backend_pid()", [n]) for n in range(50))
    )

    assert [number for number, _ in answers] == list(range(50))
    assert len({pid for _, pid in answers}) == 1
    assert pool.pool_status["readers_checked_out"] == 0


async def test_who_waits_for_a_reader_waits_for_so_long(
    pool: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.postgres.statement_pool.WAIT_SECONDS", 0.1)
    reading = asyncio.create_task(pool.text("SELECT pg_sleep(1)", []))
    await asyncio.sleep(0)

    with pytest.raises(TimeoutError) as raised:
        await pool.text("SELECT 1", [])

    assert is_away(raised.value)
    await reading
    assert (await pool.text("SELECT 1", []))[0] == 1


async def test_who_stops_waiting_for_a_reader_takes_none_along(pool: Database) -> None:
    reading = asyncio.create_task(pool.text("SELECT pg_sleep(0.2)", []))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(pool.text("SELECT 1", [])) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    reading.add_done_callback(lambda _: waiting[1].cancel())

    await asyncio.wait([reading, *waiting])

    assert (await waiting[2])[0] == 1
    assert (await pool.text("SELECT 1", []))[0] == 1


async def test_a_closed_pool_reads_no_more(pool: Database) -> None:
    await pool.text("SELECT 1", [])
    await pool.close()

    with pytest.raises(asyncpg.InterfaceError):
        await pool.text("SELECT 1", [])


# ------------------------------------------------------------------------------ whole changes

ALLOWED = PreparedStatement(
    text(
        """INSERT INTO spent_allowances (key, spent, forget_at)
           SELECT 'a key', '{}', now() FROM pg_sleep(:seconds) RETURNING pg_backend_pid()"""
    ).bindparams(bindparam("seconds", type_=Float()))
)


async def test_a_whole_change_is_committed(pool: Database, database: DatabaseUrls) -> None:
    await pool.write(ALLOWED, {"seconds": 0})

    assert await allowances(database) == 1


async def test_a_whole_change_whose_connection_is_lost_is_not_tried_again(
    pool: Database, database: DatabaseUrls
) -> None:
    [pid] = await pool.write(ALLOWED, {"seconds": 0})
    await forget_allowances(database)
    writing = asyncio.create_task(pool.write(ALLOWED, {"seconds": 1}))
    await until_busy(database, pid)
    await end(database, pid)

    with pytest.raises(asyncpg.PostgresError) as raised:
        await writing

    assert is_away(raised.value)
    assert await allowances(database) == 0
    [another] = await pool.write(ALLOWED, {"seconds": 0})
    assert another != pid


async def test_a_whole_change_goes_to_another_connection_if_the_idle_one_is_gone(
    pool: Database, database: DatabaseUrls
) -> None:
    [pid] = await pool.write(ALLOWED, {"seconds": 0})
    await forget_allowances(database)
    await end(database, pid)

    [another] = await pool.write(ALLOWED, {"seconds": 0})

    assert another != pid
    assert await allowances(database) == 1
    assert pool.pool_status["writers_checked_out"] == 0


async def allowances(database: DatabaseUrls) -> int:
    connection = await asyncpg.connect(database.owner)
    try:
        return await connection.fetchval("SELECT count(*) FROM spent_allowances")  # type: ignore[no-any-return]
    finally:
        await connection.close()


async def forget_allowances(database: DatabaseUrls) -> None:
    connection = await asyncpg.connect(database.owner)
    await connection.execute("DELETE FROM spent_allowances")
    await connection.close()


@pytest_asyncio.fixture(autouse=True, scope="module")
async def real_connections(database: DatabaseUrls) -> None:
    """None is kept for another test: these look at how they end."""
    await close_kept()


@pytest_asyncio.fixture
async def pool(database: DatabaseUrls) -> AsyncIterator[Database]:
    """With one connection for single statements that read, and one for those that write."""
    made = Database(database.app.sqlalchemy, readers=1, writers=1)
    yield made
    await made.close()
    await forget_allowances(database)


async def end(database: DatabaseUrls, pid: int) -> None:
    same_role = await asyncpg.connect(database.app)
    await same_role.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await same_role.close()


async def activity(database: DatabaseUrls, pid: int) -> str | None:
    """Returns a connection's state; None if it ends within 5 s."""
    connection = await asyncpg.connect(database.owner)
    try:
        for _ in range(100):
            state = await connection.fetchval(
                "SELECT state FROM pg_stat_activity WHERE pid = $1", pid
            )
            if state is None:
                return None
            await asyncio.sleep(0.05)
        return str(state)
    finally:
        await connection.close()


async def until_busy(database: DatabaseUrls, pid: int) -> None:
    connection = await asyncpg.connect(database.owner)
    query = "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"
    try:
        for _ in range(100):
            if await connection.fetchrow(query, pid) is not None:
                return
            await asyncio.sleep(0.05)
    finally:
        await connection.close()
    raise AssertionError("it never began")


async def failure(database: DatabaseUrls, statement: object) -> DBAPIError:
    pool = Database(database.app.sqlalchemy, pool_size=1)
    try:
        async with pool.session(writes=False) as session:
            with pytest.raises(DBAPIError) as raised:
                await session.execute(statement)  # type: ignore[call-overload]
        return raised.value
    finally:
        await pool.close()
