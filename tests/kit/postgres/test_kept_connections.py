"""Connections that tests keep: they are as new for the next app, and none is forgotten."""

import pytest
from sqlalchemy import text

from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from tests.support.connections import close_kept, keep_connections

SETTING = "SELECT pg_backend_pid(), current_setting('lock_timeout')"


async def test_a_connection_is_used_again_as_if_it_were_new(database: DatabaseUrls) -> None:
    first = Database(database.app.sqlalchemy, pool_size=1)
    async with await first.begin(writes=True) as transaction:
        [pid, before] = await transaction.text(SETTING, []) or []
        await transaction.text("SELECT set_config('lock_timeout', '1s', false)", [])
        await transaction.commit()
    await first.close()

    second = Database(database.app.sqlalchemy, pool_size=1)
    async with await second.begin(writes=True) as transaction:
        [same, after] = await transaction.text(SETTING, []) or []
    await second.close()

    assert (same, after) == (pid, before)


async def test_a_transaction_that_was_left_open_is_rolled_back(database: DatabaseUrls) -> None:
    first = Database(database.app.sqlalchemy, pool_size=1)
    transaction = await first.begin(writes=True)
    [pid] = await transaction.text("SELECT pg_backend_pid()", []) or []
    await transaction._driver.close()

    second = Database(database.app.sqlalchemy, pool_size=1)
    async with second.session(writes=False) as session:
        another = await session.scalar(text("SELECT pg_backend_pid()"))
    await second.close()
    await transaction._connection.invalidate()
    await first.close()

    assert another != pid


async def test_who_leaves_a_connection_open_is_named(database: DatabaseUrls) -> None:
    left = Database(database.app.sqlalchemy, pool_size=1)
    await left.text("SELECT 1", [])

    with pytest.raises(AssertionError, match="test_who_leaves_a_connection_open_is_named"):
        await close_kept(patience_seconds=0.1)

    keep_connections()
    await left.close()
