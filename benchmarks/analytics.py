"""Measures a year of figures of a large venue beside plain SQL: `python -m benchmarks.analytics`.

One client asks for everything that `analytics` has at once, then while a date of the year changes
before each request. The same is then counted from the bookings themselves, by the statement that
serves filters by rooms. Loading takes half a minute for each year of history.
"""

import argparse
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import repeat
from pathlib import Path
from random import Random
from statistics import quantiles
from time import perf_counter
from typing import Any, Final

import asyncpg
import orjson
import uvloop

from benchmarks.database import (
    SECRET,
    bookings_without_indexes,
    empty_database,
    environment,
)
from benchmarks.load import Call, answer_of, measure
from benchmarks.serving import Served, served
from benchmarks.size_data import Venue
from benchmarks.targets import TARGETS
from commands.rollups import rebuild
from domain.analytics.cells import Cells
from domain.analytics.spans import DateSpan
from domain.core.local_time import zone
from kit.clock import system_clock
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.analytics.recounts import RECOUNT
from models.analytics.top_customers import TOP_CUSTOMERS
from resolvers.audit.log_writer import write_log

ZONE: Final = "Europe/Berlin"
ROOMS: Final = 100
FIRST: Final = date(2026, 3, 1)
YEAR: Final = DateSpan(FIRST, date(2027, 3, 1))
METRICS: Final = """
    bookings cancelled noShows completed bookedMinutes openMinutes occupancy
    bookedValue { amount currencyCode } averageValue { amount } revenue { amount }
    medianLeadMinutes cancellationRate noShowRate newCustomers returningCustomers
"""
FEW: Final = "bookings cancelled bookedMinutes openMinutes occupancy bookedValue { amount }"
PARTS: Final = {
    "totals": f"totals {{ {METRICS} }}",
    "compared": f"compared {{ {METRICS} }}",
    "by date": f"series {{ date metrics {{ {METRICS} }} }}",
    "by week": f"series(granularity: WEEK) {{ date metrics {{ {METRICS} }} }}",
    "by month": f"series(granularity: MONTH) {{ date metrics {{ {METRICS} }} }}",
    "by room": f"byRoom {{ roomId {FEW} }}",
    "by hour of the week": f"byWeekdayHour {{ weekday hour {FEW} }}",
    "top customers": "topCustomers { customer { id name } bookings bookedValue { amount } }",
}
ALL: Final = " ".join(f"part{number}: {text}" for number, text in enumerate(PARTS.values()))

_TENANT: Final = """
    INSERT INTO tenants (id, name, subdomain, time_zone, currency_code, plan_code,
        slot_minutes, min_notice_minutes, max_advance_days, min_duration_minutes,
        max_duration_minutes, longest_minutes, hold_minutes, requires_confirmation, version,
        created_at)
    VALUES ($1, 'Year', 'year', $2, 'EUR', 'ENTERPRISE', 30, 0, 365, 15, 720, 720, 5, false, 1, $3)
"""
_ROOMS: Final = """
    INSERT INTO rooms (tenant_id, id, name, name_key, search, capacity, buffer_before_minutes,
        buffer_after_minutes, hourly_rate_minor, currency_code, version, created_at)
    SELECT $1, gen_random_uuid(), 'Room ' || number, 'room ' || number, 'room ' || number, 4, 0, 0,
        4000, 'EUR', 1, $3
    FROM generate_series(1, $2::int) AS number
"""
_HOURS: Final = """
    INSERT INTO weekday_hours (tenant_id, id, weekday, intervals)
    SELECT $1, gen_random_uuid(), day, '[[540, 1560]]'
    FROM unnest(ARRAY['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'])
        AS day
"""
_CUSTOMERS: Final = """
    INSERT INTO customers (tenant_id, id, name, name_key, name_search, version, created_at)
    SELECT $1, gen_random_uuid(), 'Customer ' || number, 'customer', 'customer', 1, $3
    FROM generate_series(1, $2::int) AS number
"""
# 100 rooms a date, each 8 or 9 times: 300,000 a year. A few customers come far more often.
_BOOKINGS: Final = """
    INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status, starts_at,
        ends_at, occupied, party_size, price_minor, currency_code, was_confirmed, version,
        link_version, created_at, updated_at)
    SELECT $1, gen_random_uuid(), substr(md5(random()::text), 1, 12), room_id,
        ($2::uuid[])[1 + floor(cardinality($2::uuid[]) * random() ^ 2)::int],
        (ARRAY['completed', 'completed', 'completed', 'completed', 'completed', 'completed',
            'no_show', 'cancelled'])[1 + floor(random() * 8)::int],
        start, start + length, tstzrange(start, start + length), 2,
        1000 + floor(random() * 20000)::int, 'EUR', false, 1, 1,
        start - random() * interval '60 days', start
    FROM generate_series($4::date, $5::date - 1, interval '1 day') AS day
    CROSS JOIN unnest($3::uuid[]) WITH ORDINALITY AS room (room_id, place)
    CROSS JOIN generate_series(0, 8) AS number
    CROSS JOIN LATERAL (
        SELECT day::date + interval '9 hours' + number * interval '105 minutes' AS start,
               interval '30 minutes' + floor(random() * 5)::int * interval '15 minutes' AS length
        WHERE number > 0 OR place % 5 = 0
    ) AS time
    ON CONFLICT DO NOTHING
"""
_BY_ROOM: Final = """
    SELECT room_id, count(*) FILTER (WHERE status <> 'cancelled'),
           count(*) FILTER (WHERE status = 'cancelled'),
           sum(extract(epoch FROM ends_at - starts_at)) FILTER (WHERE status <> 'cancelled'),
           sum(price_minor) FILTER (WHERE status <> 'cancelled')
    FROM bookings WHERE tenant_id = $1 AND starts_at >= $2 AND starts_at < $3
    GROUP BY room_id
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analytics", description=__doc__)
    parser.add_argument("--years", type=int, default=1, help="of history, up to the year asked for")
    parser.add_argument("--seconds", type=float, default=5.0, help="that each is asked for")
    parser.add_argument("--brief", action="store_true", help="only all of it, and each SQL once")
    arguments = parser.parse_args()
    with empty_database() as (urls, folder):
        uvloop.run(_measured(urls, folder, arguments))


async def _measured(urls: DatabaseUrls, folder: Path, arguments: argparse.Namespace) -> None:
    venue = await _load(urls, years=arguments.years)
    await _make(urls, venue)
    without_jobs = environment(urls, folder, BOOM_WORKER="off")
    print(f"{venue.bookings:,} bookings{'p50 ms':>38}{'p95 ms':>10}{'CPU ms':>10}")
    with served([TARGETS["ours"]], without_jobs) as (ours,):
        for name, selected in ({} if arguments.brief else PARTS).items():
            await _ask(name, selected, venue, ours, arguments.seconds)
        all_ms = await _ask("all of it", ALL, venue, ours, arguments.seconds)
        await _ask_changed(urls, venue, ours, arguments.seconds)
    plain_ms = await _plain(urls, venue, times=1 if arguments.brief else 2)
    print(f"{'plain SQL takes times as long':36}{plain_ms / all_ms:>20,.0f}")


async def _load(urls: DatabaseUrls, *, years: int) -> Venue:
    connection = await asyncpg.connect(urls.owner)
    now = datetime.now(UTC)
    tenant, user, session = new_id(), new_id(), new_id()
    began = perf_counter()
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(_TENANT, tenant, ZONE, now)
        await connection.execute(
            """INSERT INTO users (tenant_id, id, email, email_key, name, role, created_at)
               VALUES ($1, $2, 'owner@year.test', 'owner@year.test', 'Owner', 'OWNER', $3)""",
            *(tenant, user, now),
        )
        await connection.execute(
            "INSERT INTO sessions (tenant_id, id, user_id, created_at) VALUES ($1, $2, $3, $4)",
            *(tenant, session, user, now),
        )
        await connection.execute(_ROOMS, tenant, ROOMS, now)
        await connection.execute(_HOURS, tenant)
        await connection.execute(_CUSTOMERS, tenant, 60_000, now)
        ids = {
            table: await connection.fetchval(
                f"SELECT array_agg(id ORDER BY id) FROM {table} WHERE tenant_id = $1", tenant
            )
            for table in ("rooms", "customers")
        }
        await connection.execute("SET time zone 'Europe/Berlin'")
        async with bookings_without_indexes(connection):
            for year in range(years):
                until = YEAR.until.replace(year=YEAR.until.year - year)
                first = until.replace(year=until.year - 1)
                await connection.execute(
                    _BOOKINGS, tenant, ids["customers"], ids["rooms"], first, until, timeout=900
                )
        bookings = await connection.fetchval("SELECT count(*) FROM bookings")
        await connection.execute("VACUUM ANALYZE", timeout=300)
    finally:
        await connection.close()
    _say(f"Loaded {bookings:,} bookings in {perf_counter() - began:.0f} s.")
    return Venue(tenant, user, session, bookings, now)


async def _make(urls: DatabaseUrls, venue: Venue) -> None:
    """Makes all figures, and then those of one date again."""
    app = Database(urls.app.sqlalchemy)
    runtime = Runtime(app, system_clock, write_log, notify_log=lambda _: None, services={})
    began = perf_counter()
    await rebuild(runtime, venue.tenant_id, lambda _done, _dates: None)
    _say(f"Made all figures in {perf_counter() - began:.0f} s.")
    await app.close()
    connection = await asyncpg.connect(urls.owner)
    await connection.execute(
        """
        VACUUM ANALYZE analytics_days, analytics_room_days, analytics_customer_quarters
    """
    )
    await connection.close()


def _call(selected: str, venue: Venue, ours: Served) -> Call:
    text = f"""query Year($span: DateSpan!) {{
        analytics(span: $span, compareTo: PREVIOUS_YEAR) {{ {selected} asOf }}
    }}"""
    span = {"from": str(YEAR.from_), "until": str(YEAR.until)}
    body = orjson.dumps({"query": text, "variables": {"span": span}})
    token = venue.token(SECRET.encode())
    return Call.post(ours.port, "/graphql", repeat(body), token=token, sign=b'"data":{')


async def _ask(name: str, selected: str, venue: Venue, ours: Served, seconds: float) -> float:
    """Prints how long a selection takes, and returns the median in milliseconds."""
    call = _call(selected, venue, ours)
    answer: Mapping[str, Any] = orjson.loads(await answer_of(call))
    assert answer["data"]["analytics"], answer
    measured = await measure(call, ours.process, clients=1, seconds=seconds)
    _print(name, measured.p50_ms, measured.p95_ms, measured.cpu_us_per_request / 1000)
    return measured.p50_ms


async def _ask_changed(urls: DatabaseUrls, venue: Venue, ours: Served, seconds: float) -> None:
    """Prints how long everything takes if a date has been counted anew before each request."""
    call = _call(ALL, venue, ours)
    connection = await asyncpg.connect(urls.owner)
    times, cpu_ms = list[float](), 0.0
    until = perf_counter() + seconds
    dates = Random(1)
    while perf_counter() < until:
        await connection.execute(
            "UPDATE analytics_days SET bookings = bookings WHERE tenant_id = $1 AND date = $2",
            *(venue.tenant_id, FIRST + timedelta(days=dates.randrange(YEAR.days))),
        )
        before, began = sum(ours.process.cpu_times()[:2]), perf_counter()
        await answer_of(call)
        times.append(1000 * (perf_counter() - began))
        cpu_ms += 1000 * (sum(ours.process.cpu_times()[:2]) - before)
    await connection.close()
    cuts = quantiles(times, n=100)
    _print("all of it, a date has changed", cuts[49], cuts[94], cpu_ms / len(times))


def _print(name: str, p50_ms: float, p95_ms: float, cpu_ms: float) -> None:
    print(f"{name:36}{p50_ms:>20,.1f}{p95_ms:>10,.1f}{cpu_ms:>10,.1f}", flush=True)


async def _plain(urls: DatabaseUrls, venue: Venue, *, times: int) -> float:
    """Counts the same from the bookings, and returns how many milliseconds all of it took."""
    connection = await asyncpg.connect(urls.app)
    bounds = Cells.of(YEAR, zone(ZONE)).bounds
    by_date = [*bounds[::24]]
    first, last = bounds[0], bounds[-1]
    values = {
        "tenant_id": venue.tenant_id,
        "room_ids": None,
        "currency": "EUR",
        "since": first,
        "until": last,
    }
    statements: dict[str, tuple[str, list[Any]]] = {
        name: (
            RECOUNT.sql,
            RECOUNT.arguments(
                {
                    **values,
                    "bounds": wanted,
                    "of_a_date": hours,
                    "earliest": first - timedelta(hours=12),
                    "customers": exact,
                    "leads": exact,
                }
            ),
        )
        for name, wanted, hours, exact in (
            ("totals", [first, last], 1, True),
            ("by date", by_date, 1, True),
            ("by week", by_date[1::7], 1, True),
            ("by hour of the week", bounds, 24, False),
        )
    }
    statements["by room"] = (_BY_ROOM, [venue.tenant_id, first, last])
    statements["top customers"] = (
        TOP_CUSTOMERS.sql,
        TOP_CUSTOMERS.arguments({**values, "first": 10}),
    )
    in_all = 0.0
    print(f"plain SQL{'ms':>47}")
    for name, (sql, arguments) in statements.items():
        taken = []
        for _ in range(times):
            async with connection.transaction():
                await connection.execute(
                    "SELECT set_config('app.tenant', $1, true)", str(venue.tenant_id)
                )
                began = perf_counter()
                await connection.fetch(sql, *arguments)
                taken.append(1000 * (perf_counter() - began))
        in_all += min(taken)
        print(f"{name:36}{min(taken):>20,.1f}", flush=True)
    print(f"{'all of it':36}{in_all:>20,.1f}")
    await connection.close()
    return in_all


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
