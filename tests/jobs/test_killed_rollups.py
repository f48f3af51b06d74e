"""Processes that are killed while they count the log: each entry is counted once."""

import asyncio
from datetime import date
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

import asyncpg
import pytest

from kit.events.notify_bus import CHANNEL
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from tests.api.analytics.history import History
from tests.jobs.worker_processes import Workers, quick
from tests.support.factories import make_venue

PATIENCE_SECONDS: Final = 60

# Each commit tells from which entry on it counted, and up to which. It lasts long enough to be
# killed between its figures and its end.
_WITNESSES: Final = """
    CREATE TABLE counted (
        number bigint GENERATED ALWAYS AS IDENTITY, tenant_id uuid, after bigint, until bigint
    );
    CREATE FUNCTION witness_counted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN
        INSERT INTO public.counted (tenant_id, after, until)
        VALUES (new.tenant_id, old.read_position, new.read_position);
        PERFORM pg_sleep(0.2);
        RETURN new;
    END $$;
    CREATE TRIGGER witness BEFORE UPDATE ON analytics_states
    FOR EACH ROW EXECUTE FUNCTION witness_counted();
"""
_BUSY: Final = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'boom_app' AND wait_event = 'PgSleep'
    )
"""
# Numbers aren't given back by a transaction that is rolled back.
_INTERRUPTED: Final = "SELECT max(number) - count(*) FROM counted"
# Where each commit went on from the one before, no entry is counted twice or left out.
_NOT_ONCE: Final = """
    SELECT * FROM (
        SELECT after, lag(until) OVER (ORDER BY until, after) AS before FROM counted
        WHERE tenant_id = $1
    ) AS commits WHERE after <> before
"""
_IS_COUNTED: Final = """
    SELECT position >= (SELECT max(position) FROM log WHERE log.tenant_id = $1)
           AND NOT EXISTS (SELECT FROM analytics_dirty_days WHERE tenant_id = $1)
    FROM analytics_states WHERE tenant_id = $1
"""


@pytest.mark.parametrize(
    ("changes", "kills"), [(20, 2), pytest.param(1_000, 60, marks=pytest.mark.soak)]
)
async def test_killed_processes_count_each_entry_once(
    present: Runtime,
    database: DatabaseUrls,
    admin: asyncpg.Connection,
    tmp_path: Path,
    changes: int,
    kills: int,
) -> None:
    venue = await make_venue(present, rooms=4)
    customers = [None, venue.customer.id, venue.other_customer.id]
    history = History(venue, admin, present, Random(2), date(2027, 3, 1), customers)
    await history.fill(30)
    await history.rebuild()
    await admin.execute(_WITNESSES)
    watching = await asyncpg.connect(database.owner)
    workers = Workers(quick, database, tmp_path)

    async def until(condition: str, *values: object) -> None:
        deadline = monotonic() + PATIENCE_SECONDS
        while not await watching.fetchval(condition, *values):
            assert monotonic() < deadline, workers.printed
            workers.check()
            await asyncio.sleep(0.002)

    try:
        workers.start()
        workers.start()
        for number in range(kills):
            for _ in range(changes // kills):
                await history.change()
                await admin.execute(f"NOTIFY {CHANNEL}, '{venue.tenant.id.hex}'")
            await until(_BUSY)
            # Of two that work, either may be the one that counts: at first, both are killed.
            if number == 0:
                workers.end()
                workers.start()
            else:
                workers.kill(oldest=number % 2 == 0)
            workers.start()
        # Until others have taken over, nobody tells them that there are entries.
        await admin.execute(f"NOTIFY {CHANNEL}, '{venue.tenant.id.hex}'")
        await until(_IS_COUNTED, venue.tenant.id)
    finally:
        workers.end()
        await watching.close()

    kept = await history.rollups()
    assert await admin.fetchval(_INTERRUPTED) >= 1, "nobody was killed in the middle"
    assert await admin.fetch(_NOT_ONCE, venue.tenant.id) == []
    await admin.execute("DROP TRIGGER witness ON analytics_states")
    await history.rebuild()
    assert await history.rollups() == kept
