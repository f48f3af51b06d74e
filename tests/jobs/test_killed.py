"""Killed workers lose no job: each booking is completed, expired or released once."""

import asyncio
import random
import sys
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Final

import asyncpg
import pytest

from domain.bookings.lifecycle import Status
from jobs.due_bookings import find_deadlines, find_past_bookings
from kit.clock import system_clock
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from tests.jobs.worker_processes import Start, Workers, product, quick
from tests.support.factories import Venue, make_booking, make_venue

PATIENCE_SECONDS: Final = 90

_SLOW: Final = """
    CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN new; END $$;
    CREATE OR REPLACE TRIGGER slow BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION slow();
"""


async def past_bookings(runtime: Runtime, number: int, *, deadlines: int = 0) -> Venue:
    """Adds past bookings whose guests have come, and some whose deadlines have passed.

    ``deadlines`` is how many nobody has confirmed, and how many nobody has checked in. Each has a
    slot of its own.
    """
    venue = await make_venue(runtime, auto_release_minutes=10)
    now = system_clock().replace(minute=0, second=0, microsecond=0)
    for index in range(number + deadlines):
        before = now - timedelta(days=2, hours=2 * index)
        status = Status.CHECKED_IN if index < number else Status.PENDING
        await make_booking(runtime, venue, before, status=status)
    # Late enough to be completed by nobody.
    for index in range(deadlines):
        before = now - timedelta(hours=1, minutes=30 * index)
        await make_booking(runtime, venue, before, minutes=30, release_at=before)
    return venue


async def endings(admin: asyncpg.Connection, venue: Venue) -> list[list[str]]:
    """Returns the types on the log of each of the venue's bookings, sorted."""
    rows = await admin.fetch(
        """SELECT ARRAY(SELECT type FROM log WHERE tenant_id = bookings.tenant_id
                        AND subject_id = bookings.id) AS types
           FROM bookings WHERE tenant_id = $1 ORDER BY types""",
        venue.tenant.id,
    )
    return [row[0] for row in rows]


async def find_due(runtime: Runtime, database: DatabaseUrls) -> None:
    relay = Database(database.relay.sqlalchemy, pool_size=1)
    await find_past_bookings(runtime, relay)
    await find_deadlines(runtime, relay)
    await relay.close()


async def remaining(admin: asyncpg.Connection) -> dict[str, int]:
    """Counts the jobs by their state, but for letters."""
    rows = await admin.fetch(
        "SELECT status::text, count(*) FROM queue.pgqueuer WHERE entrypoint <> 'letter' GROUP BY 1"
    )
    return {row[0]: row[1] for row in rows}


async def kill_at_random(
    workers: Workers, admin: asyncpg.Connection, *, jobs: int, kills: int
) -> int:
    """Kills and replaces one of two workers repeatedly, and returns how many were busy."""
    killed = 0
    deadline = monotonic() + PATIENCE_SECONDS * (1 + kills)
    while left := sum((await remaining(admin)).values()):
        assert monotonic() < deadline, workers.printed
        workers.check()
        if killed < kills and left < jobs * (kills - killed) / (kills + 1):
            await asyncio.sleep(random.uniform(0, 0.05))
            workers.kill()
            workers.start()
            killed += 1
        await asyncio.sleep(0.005)
    return killed


async def check_killing(
    start: Start,
    runtime: Runtime,
    database: DatabaseUrls,
    admin: asyncpg.Connection,
    folder: Path,
    *,
    jobs: int,
    kills: int,
) -> int:
    """Returns how many letters were enqueued."""
    deadlines = min(20, jobs // 3)
    venue = await past_bookings(runtime, jobs - 2 * deadlines, deadlines=deadlines)
    await find_due(runtime, database)
    assert await remaining(admin) == {"queued": jobs}
    # Something to be killed in, however fast the machine.
    await admin.execute(_SLOW)

    workers = Workers(start, database, folder)
    try:
        workers.start()
        workers.start()
        killed = await kill_at_random(workers, admin, jobs=jobs, kills=kills)
    finally:
        workers.end()

    assert killed == kills
    assert await endings(admin, venue) == [
        *(jobs - 2 * deadlines) * [["BOOKING_COMPLETED"]],
        *deadlines * [["BOOKING_EXPIRED"]],
        *deadlines * [["BOOKING_NO_SHOW"]],
    ]
    return deadlines


async def test_killed_workers_lose_nothing_and_repeat_nothing(
    present: Runtime,
    database: DatabaseUrls,
    admin: asyncpg.Connection,
    tmp_path: Path,
) -> None:
    letters = await check_killing(quick, present, database, admin, tmp_path, jobs=60, kills=1)

    enqueued = "SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'letter'"
    assert await admin.fetchval(enqueued) == letters


@pytest.mark.soak
async def test_killed_workers_of_the_product_lose_nothing_and_repeat_nothing(
    present: Runtime,
    database: DatabaseUrls,
    admin: asyncpg.Connection,
    tmp_path: Path,
) -> None:
    await check_killing(product, present, database, admin, tmp_path, jobs=2_000, kills=20)


@pytest.mark.soak
async def test_a_job_of_a_killed_worker_is_done_within_a_minute(
    present: Runtime,
    database: DatabaseUrls,
    admin: asyncpg.Connection,
    tmp_path: Path,
) -> None:
    venue = await past_bookings(present, 1)
    await find_due(present, database)

    workers = Workers(product, database, tmp_path)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), admin.transaction():
            await admin.execute("SELECT FROM bookings FOR UPDATE")
            workers.start()
            while await remaining(admin) != {"picked": 1}:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            workers.kill()
            killed = monotonic()
        workers.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await remaining(admin):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
        done = monotonic()
    finally:
        workers.end()

    sys.stdout.write(f"\na killed worker's job was done after {done - killed:.1f} s")
    assert await endings(admin, venue) == [["BOOKING_COMPLETED"]]
    assert done - killed < 60
