"""The connection of a scope after its end."""

import asyncpg
from sqlalchemy import func, select
from structlog.testing import capture_logs

from kit.actor import ANONYMOUS, Request
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.scope import Scope


async def test_a_connection_that_is_lost_before_its_rollback_is_logged_and_no_error(
    runtime: Runtime, database: DatabaseUrls
) -> None:
    admin = await asyncpg.connect(database.owner)
    scope = Scope(runtime, ANONYMOUS, Request(new_id()))
    pid = await scope.value(select(func.pg_backend_pid()))
    await admin.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await admin.close()

    with capture_logs() as logs:
        await scope.close()

    assert [each["event"] for each in logs] == ["database.connection_lost"]
