"""A venue with a full week, 20 rooms and 140 bookings with customers, after years of others.

It is open daily from 09:00 to 21:00, as a new tenant is.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from kit.database_urls import DatabaseUrls
from kit.ids import new_id
from kit.tokens import Tokens
from schema.ids import encode_id

ROOMS: Final = 20
BOOKINGS_A_ROOM: Final = 7
MONDAY: Final = datetime(2027, 1, 4, tzinfo=UTC)
WEEK: Final = (MONDAY, MONDAY + timedelta(days=7))


@dataclass(frozen=True, slots=True)
class Data:
    """What the targets are asked for, and by whom."""

    token: str
    tenant_id: str
    booking_id: str
    booking_node_id: str
    room_node_ids: list[str]


async def load(urls: DatabaseUrls, secret: bytes, *, history: int) -> Data:
    """Fill an empty, migrated database, as its owner: ``history`` bookings lie before the week."""
    connection = await asyncpg.connect(urls.owner)
    try:
        return await _load(connection, secret, history)
    finally:
        await connection.close()


async def _load(connection: asyncpg.Connection, secret: bytes, history: int) -> Data:
    now = datetime.now(UTC)
    tenant, user, session = new_id(), new_id(), new_id()
    await connection.execute("SELECT set_config('app.tenant', $1, false)", str(tenant))
    await connection.execute(
        """
        INSERT INTO tenants (id, name, subdomain, time_zone, currency_code, plan_code,
            slot_minutes, min_notice_minutes, max_advance_days, min_duration_minutes,
            max_duration_minutes, hold_minutes, requires_confirmation, version, created_at)
        VALUES ($1, 'Bench', 'bench', 'UTC', 'USD', 'ENTERPRISE', 30, 0, 365, 15, 720, 5, false,
            1, $2)
        """,
        tenant,
        now,
    )
    await connection.execute(
        """
        INSERT INTO users (tenant_id, id, email, name, role, created_at)
        VALUES ($1, $2, 'owner@bench.test', 'Owner', 'OWNER', $3)
        """,
        tenant,
        user,
        now,
    )
    await connection.execute(
        "INSERT INTO sessions (tenant_id, id, user_id, created_at) VALUES ($1, $2, $3, $4)",
        tenant,
        session,
        user,
        now,
    )
    rooms = [(tenant, new_id(), f"Room {n:02}", 4 + n, now) for n in range(ROOMS)]
    await connection.executemany(
        """
        INSERT INTO rooms (tenant_id, id, name, capacity, buffer_before_minutes,
            buffer_after_minutes, hourly_rate_minor, currency_code, version, created_at)
        VALUES ($1, $2, $3, $4, 0, 0, 4000, 'USD', 1, $5)
        """,
        rooms,
    )
    customers = [
        (tenant, new_id(), f"Customer {n:03}", f"customer{n}@bench.test", now)
        for n in range(ROOMS * BOOKINGS_A_ROOM)
    ]
    await connection.executemany(
        """
        INSERT INTO customers (tenant_id, id, name, email, email_key, version, created_at)
        VALUES ($1, $2, $3, $4, $4, 1, $5)
        """,
        customers,
    )
    bookings = []
    for n, customer in enumerate(customers):
        room, day = divmod(n, BOOKINGS_A_ROOM)
        start = MONDAY + timedelta(days=day, hours=10 + room % 8)
        bookings.append(
            (tenant, new_id(), f"BENCH-{n:04}", rooms[room][1], customer[1], start, now)
        )
    await connection.executemany(
        """
        INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status, starts_at,
            ends_at, occupied, party_size, price_minor, currency_code, version, created_at,
            updated_at)
        VALUES ($1, $2, $3, $4, $5, 'confirmed', $6, $6::timestamptz + interval '1 hour',
            tstzrange($6, $6::timestamptz + interval '1 hour'), 2, 4000, 'USD', 1, $7, $7)
        """,
        bookings,
    )
    await _load_history(connection, tenant, [room[1] for room in rooms], history)
    await connection.execute("ANALYZE")
    token, _ = Tokens(secret).sign(tenant_id=tenant, user_id=user, session_id=session, now=now)
    booking = bookings[0][1]
    return Data(
        token,
        str(tenant),
        str(booking),
        encode_id("Booking", booking),
        [encode_id("Room", room[1]) for room in rooms],
    )


async def _load_history(
    connection: asyncpg.Connection, tenant: UUID, room_ids: list[UUID], history: int
) -> None:
    """One booking an hour in each room, back from the week until there are so many."""
    await connection.execute(
        """
        INSERT INTO weekday_hours (tenant_id, id, weekday, intervals)
        SELECT $1, gen_random_uuid(), day, '[[540, 1260]]'
        FROM unnest(ARRAY['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY',
            'SUNDAY']) day
        """,
        tenant,
    )
    await connection.execute(
        """
        INSERT INTO bookings (tenant_id, id, reference, room_id, status, starts_at, ends_at,
            occupied, party_size, price_minor, currency_code, version, created_at, updated_at)
        SELECT $1, gen_random_uuid(), 'PAST-' || room.n || '-' || hour, room.id, 'completed', start,
            start + interval '1 hour', tstzrange(start, start + interval '1 hour'), 2, 4000, 'USD',
            1, start, start
        FROM unnest($2::uuid[]) WITH ORDINALITY room (id, n)
        CROSS JOIN generate_series(1, $3) hour
        CROSS JOIN LATERAL (SELECT $4::timestamptz - hour * interval '1 hour' AS start) past
        """,
        tenant,
        room_ids,
        history // len(room_ids),
        MONDAY,
    )
