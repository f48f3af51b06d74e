"""The ceiling: one SQL statement that returns the JSON of the answer, behind a bare handler.

No GraphQL, no login, no permissions, no limits: what PostgreSQL and the socket cost.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_BOOKING = """
    SELECT replace(encode(convert_to('Booking:' || b.id, 'UTF8'), 'base64'), E'\\n', '') AS id,
        b.reference, upper(b.status) AS status,
        to_char(b.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "startsAt",
        to_char(b.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "endsAt",
        b.party_size AS "partySize",
        (SELECT row_to_json(r) FROM (SELECT r.name, r.color) r) AS room,
        (SELECT row_to_json(c) FROM (SELECT c.name, c.email) c) AS customer
    FROM bookings b
    JOIN rooms r ON r.tenant_id = b.tenant_id AND r.id = b.room_id
    JOIN customers c ON c.tenant_id = b.tenant_id AND c.id = b.customer_id
"""
WEEK_SQL = f"""
    SELECT '{{"data":{{"bookings":{{"nodes":' || array_to_json(array_agg(row_to_json(n)))
        || '}}}}}}'
    FROM ({_BOOKING}
        WHERE b.tenant_id = $1 AND b.starts_at >= $2 AND b.starts_at < $3
        ORDER BY b.starts_at, b.id LIMIT 250) n
"""
ONE_SQL = f"""
    SELECT '{{"data":{{"booking":' || row_to_json(n) || '}}}}'
    FROM ({_BOOKING} WHERE b.tenant_id = $1 AND b.id = $2) n
"""


async def week(request: Request) -> Response:
    asked = request.query_params
    since, until = (datetime.fromisoformat(asked[name]) for name in ("since", "until"))
    return await _answer(request, WEEK_SQL, UUID(asked["tenant"]), since, until)


async def one(request: Request) -> Response:
    asked = request.query_params
    return await _answer(request, ONE_SQL, UUID(asked["tenant"]), UUID(asked["id"]))


async def _answer(request: Request, sql: str, *values: object) -> Response:
    async with request.app.state.pool.acquire() as connection:
        text = await connection.fetchval(sql, *values)
    return Response(text, media_type="application/json")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["BENCH_DATABASE_URL"], max_size=10) as pool:
        app.state.pool = pool
        yield


def create_app() -> Starlette:
    return Starlette(routes=[Route("/week", week), Route("/one", one)], lifespan=lifespan)
