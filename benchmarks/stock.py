"""The same API as in Strawberry's documentation: its own ASGI app, resolvers, DataLoaders.

SQL by hand on asyncpg's pool; no login, no permissions, no limits.
"""

import base64
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, NewType
from uuid import UUID

import asyncpg
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.schema.config import StrawberryConfig

from kit.ids import new_id

Instant = NewType("Instant", datetime)
Loader = DataLoader[Any, Any]


@strawberry.enum
class BookingStatus(Enum):
    CONFIRMED = "confirmed"
    COMPLETED = "completed"


class Context:
    """The context of one request, with loaders that never return stale rows."""

    def __init__(self, pool: asyncpg.Pool, tenant: UUID) -> None:
        self.pool = pool
        self.tenant = tenant
        self.rooms: Loader = DataLoader(self._load_rooms)
        self.customers: Loader = DataLoader(self._load_customers)
        self.next_bookings: Loader = DataLoader(self._load_next_bookings)

    async def _load_rooms(self, ids: list[UUID]) -> Sequence[asyncpg.Record]:
        sql = "SELECT * FROM rooms WHERE tenant_id = $1 AND id = ANY($2)"
        return _in_order(ids, await self.pool.fetch(sql, self.tenant, ids))

    async def _load_customers(self, ids: list[UUID]) -> Sequence[asyncpg.Record]:
        sql = "SELECT * FROM customers WHERE tenant_id = $1 AND id = ANY($2)"
        return _in_order(ids, await self.pool.fetch(sql, self.tenant, ids))

    async def _load_next_bookings(
        self, keys: list[tuple[UUID, datetime, int]]
    ) -> Sequence[list[asyncpg.Record]]:
        rows = await self.pool.fetch(
            """
            SELECT b.* FROM unnest($2::uuid[]) r (id) CROSS JOIN LATERAL (
                SELECT * FROM bookings
                WHERE tenant_id = $1 AND room_id = r.id AND starts_at >= $3
                ORDER BY starts_at, id LIMIT $4) b
            """,
            self.tenant,
            [room for room, _, _ in keys],
            *keys[0][1:],
        )
        found = defaultdict(list)
        for row in rows:
            found[row["room_id"]].append(row)
        return [found[room] for room, _, _ in keys]


Info = strawberry.Info[Context, None]


@strawberry.type
class Customer:
    name: str
    email: str


@strawberry.input
class DateTimeRange:
    gte: Instant | None = None
    lt: Instant | None = None


@strawberry.input
class BookingFilter:
    starts_at: DateTimeRange | None = None
    search: str | None = None


@strawberry.type
class Booking:
    row: strawberry.Private[asyncpg.Record]
    reference: str
    status: BookingStatus
    starts_at: Instant
    ends_at: Instant
    party_size: int

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Booking":
        return cls(
            row=row,
            reference=row["reference"],
            status=BookingStatus(row["status"]),
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            party_size=row["party_size"],
        )

    @strawberry.field
    def id(self) -> strawberry.ID:
        return _node_id("Booking", self.row["id"])

    @strawberry.field
    async def room(self, info: Info) -> "Room":
        return Room.of(await info.context.rooms.load(self.row["room_id"]))

    @strawberry.field
    async def customer(self, info: Info) -> Customer | None:
        if self.row["customer_id"] is None:
            return None
        row = await info.context.customers.load(self.row["customer_id"])
        return Customer(name=row["name"], email=row["email"])


@strawberry.type
class NextBookings:
    nodes: list[Booking]


@strawberry.type
class Room:
    row: strawberry.Private[asyncpg.Record]
    name: str
    color: str | None

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Room":
        return cls(row=row, name=row["name"], color=row["color"])

    @strawberry.field
    def id(self) -> strawberry.ID:
        return _node_id("Room", self.row["id"])

    @strawberry.field
    async def bookings(self, info: Info, filter: BookingFilter, first: int = 20) -> NextBookings:
        since = filter.starts_at and filter.starts_at.gte
        rows = await info.context.next_bookings.load((self.row["id"], since, first))
        return NextBookings(nodes=[Booking.of(row) for row in rows])


@strawberry.type
class Bookings:
    """A page of filtered bookings."""

    conditions: strawberry.Private[str]
    values: strawberry.Private[list[Any]]
    first: strawberry.Private[int]

    @strawberry.field
    async def total_count(self, info: Info) -> int:
        sql = f"SELECT count(*) FROM bookings b WHERE {self.conditions}"
        return int(await info.context.pool.fetchval(sql, *self.values))

    @strawberry.field
    async def nodes(self, info: Info) -> list[Booking]:
        sql = (
            f"SELECT * FROM bookings b WHERE {self.conditions} "
            f"ORDER BY starts_at, id LIMIT ${len(self.values) + 1}"
        )
        rows = await info.context.pool.fetch(sql, *self.values, self.first)
        return [Booking.of(row) for row in rows]


@strawberry.type
class Rooms:
    nodes: list[Room]


@strawberry.type
class Query:
    @strawberry.field
    async def booking(self, info: Info, id: strawberry.ID) -> Booking | None:
        sql = "SELECT * FROM bookings WHERE tenant_id = $1 AND id = $2"
        row = await info.context.pool.fetchrow(sql, info.context.tenant, _uuid(id))
        return Booking.of(row) if row else None

    @strawberry.field
    async def bookings(self, info: Info, filter: BookingFilter, first: int = 20) -> Bookings:
        values: list[Any] = [info.context.tenant]
        conditions = ["tenant_id = $1"]
        if filter.starts_at and filter.starts_at.gte:
            values.append(filter.starts_at.gte)
            conditions.append(f"starts_at >= ${len(values)}")
        if filter.starts_at and filter.starts_at.lt:
            values.append(filter.starts_at.lt)
            conditions.append(f"starts_at < ${len(values)}")
        if filter.search:
            values.append(f"%{filter.search}%")
            like = f"ILIKE ${len(values)}"
            conditions.append(
                f"(reference {like} OR EXISTS (SELECT FROM customers c WHERE "
                f"c.tenant_id = b.tenant_id AND c.id = b.customer_id AND "
                f"(c.name {like} OR c.email {like} OR c.phone {like})))"
            )
        return Bookings(conditions=" AND ".join(conditions), values=values, first=first)

    @strawberry.field
    async def rooms(self, info: Info, first: int = 20) -> Rooms:
        sql = "SELECT * FROM rooms WHERE tenant_id = $1 ORDER BY name, id LIMIT $2"
        rows = await info.context.pool.fetch(sql, info.context.tenant, first)
        return Rooms(nodes=[Room.of(row) for row in rows])


@strawberry.input
class StartInput:
    at: Instant


@strawberry.input
class CustomerInput:
    id: strawberry.ID


@strawberry.input
class CreateBookingInput:
    room_id: strawberry.ID
    start: StartInput
    duration_minutes: int
    customer: CustomerInput
    party_size: int = 1


@strawberry.type
class UserError:
    message: str


@strawberry.type
class CreateBookingPayload:
    booking: Booking | None
    user_errors: list[UserError]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_booking(self, info: Info, input: CreateBookingInput) -> CreateBookingPayload:
        start, id = input.start.at, new_id()
        try:
            async with info.context.pool.acquire() as connection, connection.transaction():
                row = await connection.fetchrow(
                    """
                    INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status,
                        starts_at, ends_at, occupied, party_size, price_minor, currency_code,
                        version, link_version, created_at, updated_at)
                    VALUES ($1, $2, $3, $4, $5, 'confirmed', $6, $7, tstzrange($6, $7), $8, 4000,
                        'USD', 1, 1, now(), now())
                    RETURNING *
                    """,
                    info.context.tenant,
                    id,
                    str(id),
                    _uuid(input.room_id),
                    _uuid(input.customer.id),
                    start,
                    start + timedelta(minutes=input.duration_minutes),
                    input.party_size,
                )
        except asyncpg.ExclusionViolationError:
            return CreateBookingPayload(booking=None, user_errors=[UserError(message="Taken.")])
        assert row is not None
        return CreateBookingPayload(booking=Booking.of(row), user_errors=[])


SCHEMA = strawberry.Schema(
    Query,
    Mutation,
    config=StrawberryConfig(
        scalar_map={
            Instant: strawberry.scalar(
                name="DateTime",
                serialize=lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                parse_value=datetime.fromisoformat,
            )
        }
    ),
)


class Endpoint(GraphQL[Context, None]):
    """Strawberry's own ASGI app, with the pool of the process and a single tenant."""

    pool: asyncpg.Pool
    tenant: UUID

    async def get_context(
        self,
        request: Request | WebSocket,  # noqa: ARG002 - Strawberry gives it
        response: Response | WebSocket,  # noqa: ARG002 - Strawberry gives it
    ) -> Context:
        return Context(self.pool, self.tenant)


def create_app() -> Starlette:
    endpoint = Endpoint(SCHEMA)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with asyncpg.create_pool(os.environ["BENCH_DATABASE_URL"], max_size=10) as pool:
            endpoint.pool = pool
            endpoint.tenant = await pool.fetchval(
                "SELECT id FROM tenants WHERE subdomain = 'bench-0'"
            )
            yield

    app = Starlette(lifespan=lifespan)
    app.mount("/", endpoint)
    return app


def _in_order(ids: list[UUID], rows: list[asyncpg.Record]) -> Sequence[asyncpg.Record]:
    found = {row["id"]: row for row in rows}
    return [found[id] for id in ids]


def _node_id(name: str, id: UUID) -> strawberry.ID:
    return strawberry.ID(base64.b64encode(f"{name}:{id}".encode()).decode())


def _uuid(id: strawberry.ID) -> UUID:
    return UUID(base64.b64decode(id).decode().partition(":")[2])
