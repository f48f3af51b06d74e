"""Killed processes lose no event: each handler handles each event once."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final

import asyncpg
import pytest

from domain.core.log_events import Event, EventType
from jobs.event_handlers import EventHandler
from jobs.event_reader import begin
from kit.actor import Request
from kit.events.notify_bus import CHANNEL
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.accounts.security_notices import NOTIFIED_OF
from resolvers.core.transactions import perform
from tests.jobs.worker_process import NOTIFYING
from tests.jobs.worker_processes import Start, Workers, product, quick
from tests.support.factories import Venue, make_venue

PATIENCE_SECONDS: Final = 60

# What handlers do, as their commits tell it: the removal of a note is the last of them. Numbers are
# not given back by a transaction that is rolled back: gaps are those that the processes died in.
_WITNESSES: Final = """
    CREATE TABLE handled (
        number bigint GENERATED ALWAYS AS IDENTITY,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        tenant_id uuid, handler text, subject_id uuid, position bigint
    );
    CREATE FUNCTION witness_handled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN
        INSERT INTO public.handled (tenant_id, handler, subject_id, position)
        VALUES (old.tenant_id, old.handler, old.subject_id, old.position);
        PERFORM pg_sleep(0.03);
        RETURN old;
    END $$;
    CREATE TRIGGER witness BEFORE DELETE ON pending_events
    FOR EACH ROW EXECUTE FUNCTION witness_handled();

    CREATE TABLE stored (xid xid8 NOT NULL DEFAULT pg_current_xact_id(), job text);
    CREATE FUNCTION witness_stored() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN
        INSERT INTO public.stored (job) VALUES (new.entrypoint);
        RETURN new;
    END $$;
    CREATE TRIGGER witness AFTER INSERT ON queue.pgqueuer
    FOR EACH ROW WHEN (new.entrypoint IN ('letter', 'noted'))
    EXECUTE FUNCTION witness_stored();

    -- A reader is killed in the middle, too.
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(0.03); RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER INSERT ON pending_events
    FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""
_NOT_ONCE: Final = """
    SELECT log.position, handler, count(handled.number)
    FROM log CROSS JOIN unnest($1::text[]) AS handler
    LEFT JOIN handled USING (tenant_id, position, handler)
    WHERE log.type = ANY ($2)
    GROUP BY log.position, handler HAVING count(handled.number) <> 1
"""
_OUT_OF_ORDER: Final = """
    SELECT * FROM (
        SELECT handler, subject_id, (log.generation, log.xid, log.position) AS place,
               lag((log.generation, log.xid, log.position)) OVER subject AS before
        FROM handled JOIN log USING (tenant_id, subject_id, position)
        WINDOW subject AS (PARTITION BY tenant_id, handler, subject_id ORDER BY number)
    ) AS in_turn
    WHERE place < before
"""
_NOT_STORED_ONCE: Final = """
    SELECT number, count(job) FROM handled LEFT JOIN stored USING (xid)
    GROUP BY number HAVING count(job) <> 1
"""
_INTERRUPTED: Final = "SELECT max(number) - count(*) FROM handled"
_HANDLED_BY_ALL: Final = """
    SELECT coalesce(min(number), 0) FROM (
        SELECT count(handled) AS number FROM unnest($1::text[]) AS handler
        LEFT JOIN handled USING (handler)
        GROUP BY handler
    ) AS of_each
"""
_BUSY: Final = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'boom_app' AND wait_event = 'PgSleep'
    )
"""


async def _log_for_all(runtime: Runtime, venue: Venue) -> None:
    """Logs an entry for each person of a venue, in one change."""

    async def change(scope: Scope) -> None:
        await scope.lock()
        for person in (venue.owner, venue.admin, venue.manager, venue.staff, venue.guest):
            scope.emit(Event(EventType.USER_DEACTIVATED, "User", person.user.id))

    await perform(runtime, venue.owner.actor, Request(new_id()), change)


async def _grow(
    runtime: Runtime,
    admin: asyncpg.Connection,
    venues: Sequence[Venue],
    changes: int,
    names: Sequence[str],
) -> None:
    """Adds log entries during reading and handling, a few changes ahead."""
    for number in range(changes):
        while await admin.fetchval(_HANDLED_BY_ALL, names) < 10 * (number - 3):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for venue in venues:
            await _log_for_all(runtime, venue)
            await admin.execute(f"NOTIFY {CHANNEL}, '{venue.tenant.id.hex}'")


async def _until(admin: asyncpg.Connection, condition: str, workers: Workers) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while not await admin.fetchval(condition):
        assert monotonic() < deadline, workers.printed
        workers.check()
        await asyncio.sleep(0.002)


async def _begin(database: DatabaseUrls, handlers: Iterable[EventHandler]) -> None:
    relay = Database(database.relay.sqlalchemy, pool_size=1)
    for handler in handlers:
        await begin(relay, handler)
    await relay.close()


async def check_killing(
    start: Start,
    handlers: Sequence[EventHandler],
    runtime: Runtime,
    database: DatabaseUrls,
    admin: asyncpg.Connection,
    folder: Path,
    *,
    changes: int,
    kills: int,
) -> None:
    """Repeatedly kills one of two processes while it handles events."""
    venues = [await make_venue(runtime) for _ in range(2)]
    await _begin(database, handlers)
    await admin.execute(_WITNESSES)
    entries = changes * len(venues) * 5
    in_all = entries * len(handlers)
    names = [each.name for each in handlers]
    workers = Workers(start, database, folder)
    writer = await asyncpg.connect(database.owner)
    growing = asyncio.create_task(_grow(runtime, writer, venues, changes, names))
    try:
        workers.start()
        workers.start()
        for number in range(1, kills + 1):
            share = in_all * number // (kills + 1)
            await _until(admin, f"SELECT count(*) >= {share} FROM handled", workers)
            await _until(admin, _BUSY, workers)
            # Of two that work, the younger one may only have begun.
            workers.kill(oldest=True)
            workers.start()
        await growing
        await _until(admin, f"SELECT count(*) >= {in_all} FROM handled", workers)
        await _until(admin, "SELECT NOT EXISTS (SELECT FROM pending_events)", workers)
    finally:
        growing.cancel()
        workers.end()
        await writer.close()

    async def violations(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await admin.fetch(statement, *values)]

    types = [each.value for each in NOTIFIED_OF]
    assert await admin.fetchval(_INTERRUPTED) >= 1, "nobody was killed in the middle"
    assert await violations(_NOT_ONCE, names, types) == []
    assert await violations(_NOT_STORED_ONCE) == []
    assert await violations(_OUT_OF_ORDER) == []
    assert await admin.fetchval("SELECT count(*) FROM handled") == in_all


async def test_killed_processes_handle_each_event_once_and_in_order(
    present: Runtime, database: DatabaseUrls, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    await check_killing(
        quick, NOTIFYING, present, database, admin, tmp_path,
        changes=10, kills=3,
    )  # fmt: skip


@pytest.mark.soak
async def test_killed_processes_of_the_product_handle_each_event_once_and_in_order(
    present: Runtime, database: DatabaseUrls, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    await check_killing(
        product, NOTIFYING[:1], present, database, admin, tmp_path,
        changes=200, kills=12,
    )  # fmt: skip
