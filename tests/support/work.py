"""Runs the jobs of the running app at once."""

import asyncio
from typing import Final

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

from jobs.event_handlers import EVENT_HANDLERS, EventHandler
from jobs.event_reader import begin
from jobs.registry import FOLLOWERS
from kit.jobs.queue import CHANNEL
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings

_DUE: Final = """
    coalesce((headers ->> 'at')::timestamptz <= $1, true) AND status IN ('queued', 'picked')
"""
_BRING_FORWARD: Final = f"""
    UPDATE queue.pgqueuer SET execute_after = now() - interval '1 second'
    WHERE {_DUE} AND status = 'queued' AND execute_after > now() - interval '1 second'
"""
# Not at xmin: while another database of the server writes, that lies before what is done here.
_HANDLERS_AT_THE_END: Final = """
    INSERT INTO event_handler_positions (tenant_id, handler, generation, xid, position)
    SELECT tenants.id, handler, log_generation(), pg_snapshot_xmax(pg_current_snapshot()), 0
    FROM tenants, event_handler_starts
    ON CONFLICT (tenant_id, handler) DO UPDATE
    SET generation = excluded.generation, xid = excluded.xid, position = 0
"""
_FORGET: Final = f"""
    DELETE FROM queue.pgqueuer; DELETE FROM pending_events;
    UPDATE webhook_endpoints SET due_at = NULL WHERE due_at IS NOT NULL;
    {_HANDLERS_AT_THE_END}
"""
_BEGUN: Final = "SELECT handler FROM event_handler_starts"
_UNREAD: Final = """
    SELECT EXISTS (
        SELECT FROM event_handler_starts AS start
        JOIN log ON log.type = ANY ($2) AND log.tenant_id = ANY ($3)
        LEFT JOIN event_handler_positions AS reached
            ON reached.tenant_id = log.tenant_id AND reached.handler = start.handler
        WHERE start.handler = $1 AND (log.generation, log.xid, log.position)
              > (coalesce(reached.generation, start.generation),
                 coalesce(reached.xid, start.xid), coalesce(reached.position, start.position))
    )
"""
_REMAINING: Final = f"SELECT count(*) FROM queue.pgqueuer WHERE {_DUE}"


async def forget_jobs(settings: Settings) -> None:
    """Deletes jobs of earlier tests: the queue outlives an app.

    A database that is away, for the test's sake, holds nothing.
    """
    try:
        connection = await _connect(settings)
    except ConnectionRefusedError:
        return
    try:
        await connection.execute(_FORGET)
        begun = {
            row[0] for row in await connection.fetch("SELECT handler FROM event_handler_starts")
        }
    finally:
        await connection.close()
    if not begun.issuperset(each.name for each in FOLLOWERS):
        await _begin_handlers(settings)


async def run_due_jobs(runtime: Runtime, *, seconds: float = 30) -> None:
    """Runs all jobs that are due by the app's clock, including retries.

    The queue counts in the database's time, so what the clock was moved past is brought forward.
    Raises TimeoutError. Jobs that have died are left as they are.
    """
    settings = runtime.services[Settings]
    assert isinstance(settings, Settings)
    connection = await _connect(settings)
    try:
        async with asyncio.timeout(seconds):
            for handler in EVENT_HANDLERS:
                while await _has_unread(connection, handler):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            while await connection.fetchval(_REMAINING, runtime.clock()):
                forward = await connection.execute(_BRING_FORWARD, runtime.clock())
                if forward != "UPDATE 0":
                    await connection.execute(f"NOTIFY {CHANNEL}")
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def _has_unread(connection: asyncpg.Connection, handler: EventHandler) -> bool:
    """Returns whether a handler has yet to read of an event that it is to handle."""
    tenants = [row[0] for row in await connection.fetch("SELECT id FROM tenants")]
    if handler.only_of is not None:
        only = handler.only_of(tenants).compile(
            dialect=asyncpg_dialect(),  # type: ignore[no-untyped-call]
            compile_kwargs={"literal_binds": True},
        )
        tenants = [row[0] for row in await connection.fetch(str(only))]
    unread = await connection.fetchval(_UNREAD, handler.name, [*handler.event_types], tenants)
    return bool(unread)


async def _connect(settings: Settings) -> asyncpg.Connection:
    # Named as the app's are, which are kept for the next test.
    name = {"application_name": "boom"}
    return await asyncpg.connect(settings.relay_database_url, server_settings=name)


async def _begin_handlers(settings: Settings) -> None:
    """Starts all handlers, so that they handle the test's first events."""
    assert settings.relay_database_url is not None
    relay = Database(settings.relay_database_url.sqlalchemy, pool_size=1)
    for follower in FOLLOWERS:
        await begin(relay, follower)
    await relay.close()
