"""Measures the nightly refit of forecasts of many venues: `python -m benchmarks.refits`.

Each venue has two years of bookings, and hints are drawn with its forecast, as by the job. Two
processes share the venues, as two workers would. Loading 1,000 takes some minutes and 2 GB.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from multiprocessing import get_context
from time import perf_counter, process_time
from typing import Final
from uuid import UUID

import asyncpg
import uvloop

from benchmarks.database import add_tenant, bookings_without_indexes, empty_database
from kit.clock import system_clock
from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from resolvers.analytics.forecasts import refit_forecasts
from resolvers.audit.log_writer import write_log

BATCH: Final = 20
_ROOMS: Final = """
    INSERT INTO rooms (tenant_id, id, name, name_key, search, capacity, buffer_before_minutes,
        buffer_after_minutes, hourly_rate_minor, currency_code, version, created_at)
    SELECT id, gen_random_uuid(), 'Room ' || number, 'room ' || number, 'room ' || number, 4, 0, 0,
        4000, 'USD', 1, now()
    FROM tenants CROSS JOIN generate_series(1, 2) AS number
"""
_HOURS: Final = """
    INSERT INTO weekday_hours (tenant_id, id, weekday, intervals)
    SELECT tenants.id, gen_random_uuid(), day, '[[540, 1260]]'
    FROM tenants CROSS JOIN unnest(ARRAY['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY',
        'SATURDAY', 'SUNDAY']) AS day
"""
# Of four times a day and room, more are taken on some weekdays than on others.
_BOOKINGS: Final = """
    INSERT INTO bookings (tenant_id, id, reference, room_id, status, starts_at, ends_at, occupied,
        party_size, price_minor, currency_code, was_confirmed, version, link_version, created_at,
        updated_at)
    SELECT tenant_id, gen_random_uuid(), substr(md5(random()::text), 1, 12), room_id,
        CASE WHEN random() < 0.1 THEN 'cancelled' WHEN start < now() THEN 'completed'
             ELSE 'confirmed' END,
        start, start + length, tstzrange(start, start + length), 2, 4000, 'USD', false, 1, 1, made,
        least(now(), made + random() * (start - made))
    FROM (SELECT tenant_id, id AS room_id FROM rooms) AS rooms
    CROSS JOIN generate_series(-730, 60) AS day CROSS JOIN generate_series(0, 3) AS number
    CROSS JOIN LATERAL (
        SELECT date_trunc('day', now()) + day * interval '1 day' + number * interval '3 hours'
                   + interval '9 hours' AS start,
               interval '1 hour' + floor(random() * 4) * interval '30 minutes' AS length
    ) AS time
    CROSS JOIN LATERAL (SELECT start - random() ^ 2 * interval '60 days' AS made) AS known
    WHERE made < now() AND random() < 0.2 + 0.1 * extract(isodow FROM start)
    ON CONFLICT DO NOTHING
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refits", description=__doc__)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    with empty_database() as (urls, _):
        tenants = uvloop.run(_load(urls, arguments.tenants))
        began, cpu, done = perf_counter(), 0.0, 0
        batches = [tenants[at : at + BATCH] for at in range(0, len(tenants), BATCH)]
        with ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn")) as pool:
            for each in as_completed([pool.submit(_refit, urls.app, batch) for batch in batches]):
                batch_cpu, number = each.result()
                cpu, done = cpu + batch_cpu, done + number
                _say(f"{done:,} of {len(tenants):,} venues, {perf_counter() - began:.0f} s")
        lasted = perf_counter() - began
    print(
        f"{done:,} venues by {arguments.processes} processes in {lasted:.0f} s: {cpu:.0f} s of "
        f"processor time of the processes, {1000 * cpu / done:.0f} ms a venue"
    )


async def _load(urls: DatabaseUrls, number: int) -> list[UUID]:
    connection = await asyncpg.connect(urls.owner)
    began, now = perf_counter(), datetime.now(UTC)
    try:
        await connection.execute("SET session_replication_role = replica")
        async with connection.transaction():
            tenants = [
                (await add_tenant(connection, "refit", index, now))[0] for index in range(number)
            ]
        await connection.execute(_ROOMS)
        await connection.execute(_HOURS)
        async with bookings_without_indexes(connection):
            await connection.execute(_BOOKINGS, timeout=3600)
        bookings = await connection.fetchval("SELECT count(*) FROM bookings")
        await connection.execute("VACUUM ANALYZE", timeout=900)
    finally:
        await connection.close()
    _say(f"Loaded {bookings:,} bookings of {number:,} venues in {perf_counter() - began:.0f} s.")
    return tenants


def _refit(url: DatabaseUrl, tenants: Sequence[UUID]) -> tuple[float, int]:
    """Refits some venues; returns how much processor time that took, and how many they are."""
    before = process_time()
    uvloop.run(_refit_all(url, tenants))
    return process_time() - before, len(tenants)


async def _refit_all(url: DatabaseUrl, tenants: Sequence[UUID]) -> None:
    database = Database(url.sqlalchemy)
    runtime = Runtime(database, system_clock, write_log, notify_log=lambda _: None, services={})
    for each in tenants:
        await refit_forecasts(runtime, each)
    await database.close()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
