"""The upper bound: a bare handler that runs one SQL statement, which returns the JSON.

No GraphQL, no login, no permissions, no limits: what PostgreSQL and the socket cost.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kit.ids import new_id

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
TO_MANY_SQL = """
    SELECT '{"data":{"rooms":{"nodes":' || array_to_json(array_agg(row_to_json(n))) || '}}}'
    FROM (
        SELECT replace(encode(convert_to('Room:' || r.id, 'UTF8'), 'base64'), E'\\n', '') AS id,
            r.name, (SELECT row_to_json(p) FROM (SELECT page.nodes) p) AS bookings
        FROM rooms r CROSS JOIN LATERAL (
            SELECT array_to_json(array_agg(row_to_json(next))) AS nodes FROM (
                SELECT replace(encode(convert_to('Booking:' || b.id, 'UTF8'), 'base64'), E'\\n', '')
                        AS id, b.reference, upper(b.status) AS status,
                    to_char(b.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                        AS "startsAt",
                    to_char(b.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                        AS "endsAt",
                    (SELECT row_to_json(c) FROM (SELECT c.name) c) AS customer
                FROM bookings b
                JOIN customers c ON c.tenant_id = b.tenant_id AND c.id = b.customer_id
                WHERE b.tenant_id = r.tenant_id AND b.room_id = r.id AND b.starts_at >= $2
                ORDER BY b.starts_at, b.id LIMIT 5) next
        ) page
        WHERE r.tenant_id = $1 ORDER BY r.name, r.id LIMIT 20) n
"""
SEARCH_SQL = f"""
    WITH found AS MATERIALIZED ({_BOOKING}
        WHERE b.tenant_id = $1 AND b.starts_at >= $3 AND (b.reference ILIKE $2 OR c.name ILIKE $2
            OR c.email ILIKE $2 OR c.phone ILIKE $2)
        ORDER BY b.starts_at, b.id)
    SELECT '{{"data":{{"bookings":{{"totalCount":' || (SELECT count(*) FROM found) || ',"nodes":'
        || array_to_json(array_agg(row_to_json(n))) || '}}}}}}'
    FROM (SELECT * FROM found LIMIT 20) n
"""
CREATE_SQL = """
    WITH b AS (
        INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status, starts_at,
            ends_at, occupied, party_size, price_minor, currency_code, version,
            link_version, created_at, updated_at)
        VALUES ($1, $2::uuid, $2::uuid::text, $3, $4, 'confirmed', $5, $6, tstzrange($5, $6), 2,
            4000, 'USD', 1, 1, now(), now())
        RETURNING *)
    SELECT '{"data":{"createBooking":{"booking":' || row_to_json(n) || ',"userErrors":[]}}}'
    FROM (
        SELECT replace(encode(convert_to('Booking:' || b.id, 'UTF8'), 'base64'), E'\\n', '') AS id,
            upper(b.status) AS status,
            to_char(b.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "startsAt",
            to_char(b.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "endsAt",
            b.party_size AS "partySize",
            (SELECT row_to_json(r) FROM (SELECT r.name) r) AS room,
            (SELECT row_to_json(c) FROM (SELECT c.name) c) AS customer
        FROM b
        JOIN rooms r ON r.tenant_id = b.tenant_id AND r.id = b.room_id
        JOIN customers c ON c.tenant_id = b.tenant_id AND c.id = b.customer_id) n
"""


async def week(request: Request) -> Response:
    query = request.query_params
    since, until = (datetime.fromisoformat(query[name]) for name in ("since", "until"))
    return await _answer(request, WEEK_SQL, UUID(query["tenant"]), since, until)


async def one(request: Request) -> Response:
    query = request.query_params
    return await _answer(request, ONE_SQL, UUID(query["tenant"]), UUID(query["id"]))


async def to_many(request: Request) -> Response:
    query = request.query_params
    now = datetime.fromisoformat(query["now"])
    return await _answer(request, TO_MANY_SQL, UUID(query["tenant"]), now)


async def search(request: Request) -> Response:
    query = request.query_params
    now = datetime.fromisoformat(query["now"])
    return await _answer(request, SEARCH_SQL, UUID(query["tenant"]), f"%{query['text']}%", now)


async def create_booking(request: Request) -> Response:
    query = orjson.loads(await request.body())
    tenant, room, customer = (UUID(query[name]) for name in ("tenant", "room", "customer"))
    start = datetime.fromisoformat(query["startsAt"])
    end = start + timedelta(minutes=query["minutes"])
    return await _answer(request, CREATE_SQL, tenant, new_id(), room, customer, start, end)


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
    handlers = (week, one, to_many, search)
    return Starlette(
        routes=[
            *(Route(f"/{handler.__name__}", handler) for handler in handlers),
            Route("/create_booking", create_booking, methods=["POST"]),
        ],
        lifespan=lifespan,
    )
