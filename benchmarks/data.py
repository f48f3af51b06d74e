"""Benchmark data: venues with 20 rooms, a week of 140 bookings, and years of earlier ones.

They are open daily from 09:00 to 21:00, as a new tenant is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final
from uuid import UUID

import asyncpg

from benchmarks.database import add_tenant
from domain.core.text import search_form, sort_key
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.security.tokens import Tokens
from schema.core.global_ids import encode_id

ROOMS: Final = 20
WIDE_ROOMS: Final = 200
"""Rooms of the venue that is asked about all its rooms at once."""
BOOKINGS_A_ROOM: Final = 7
BOOKINGS_A_WEEK: Final = ROOMS * BOOKINGS_A_ROOM
MINUTES: Final = 30
_STARTS_A_DAY: Final = 24
_FREE_DAYS: Final = 300


@dataclass(frozen=True, slots=True)
class Slot:
    """A free half hour for createBooking."""

    room_id: UUID
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Data:
    """The venue, the week and the login that requests use; ``wide`` is a venue of many rooms."""

    token: str
    tenant_id: UUID
    booking_id: UUID
    customer_id: UUID
    room_ids: list[UUID]
    now: datetime
    since: datetime
    until: datetime
    slots: Iterator[Slot]
    wide: "Data | None" = None

    @property
    def booking_node_id(self) -> str:
        return encode_id("Booking", self.booking_id)


async def load(urls: DatabaseUrls, secret: bytes, *, tenants: int, bookings: int) -> Data:
    """Fills an empty, migrated database as its owner; bookings are split among the venues."""
    connection = await asyncpg.connect(urls.owner)
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        async with connection.transaction():
            first, *_ = [
                await _load_venue(connection, secret, n, bookings // tenants, now)
                for n in range(tenants)
            ]
            wide = await _load_venue(connection, secret, tenants, 0, now, room_count=WIDE_ROOMS)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return replace(first, wide=wide)


async def _load_venue(
    connection: asyncpg.Connection,
    secret: bytes,
    number: int,
    bookings: int,
    now: datetime,
    *,
    room_count: int = ROOMS,
) -> Data:
    # The week after the next, no part of which is in the past.
    monday = now.replace(hour=0, minute=0, second=0) + timedelta(days=14 - now.weekday())
    tenant, user, session = await add_tenant(connection, "bench", number, now)
    await connection.execute(
        """
        INSERT INTO weekday_hours (tenant_id, id, weekday, intervals)
        SELECT $1, gen_random_uuid(), day, '[[540, 1260]]'
        FROM unnest(ARRAY['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY',
            'SUNDAY']) day
        """,
        tenant,
    )
    rooms = [
        (tenant, new_id(), name := f"Room {n:02}", 4 + n, now, sort_key(name), search_form(name))
        for n in range(room_count)
    ]
    await connection.executemany(
        """
        INSERT INTO rooms (tenant_id, id, name, name_key, search, capacity, buffer_before_minutes,
            buffer_after_minutes, hourly_rate_minor, currency_code, version, created_at)
        VALUES ($1, $2, $3, $6, $7, $4, 0, 0, 4000, 'USD', 1, $5)
        """,
        rooms,
    )
    customers = [
        (
            *(tenant, new_id(), name := f"Customer {n:03}", f"customer{n}@bench.test", now),
            *(sort_key(name), search_form(name)),
        )
        for n in range(room_count * BOOKINGS_A_ROOM)
    ]
    await connection.executemany(
        """
        INSERT INTO customers (tenant_id, id, name, name_key, name_search, email, email_key,
            version, created_at)
        VALUES ($1, $2, $3, $6, $7, $4, $4, 1, $5)
        """,
        customers,
    )
    booked = []
    for n, customer in enumerate(customers):
        room, day = divmod(n, BOOKINGS_A_ROOM)
        start = monday + timedelta(days=day, hours=10 + room % 8)
        booked.append((tenant, new_id(), f"BENCH-{n:04}", rooms[room][1], customer[1], start, now))
    await connection.executemany(
        """
        INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status, starts_at,
            ends_at, occupied, party_size, price_minor, currency_code, version, link_version,
            created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, 'confirmed', $6, $6::timestamptz + interval '1 hour',
            tstzrange($6, $6::timestamptz + interval '1 hour'), 2, 4000, 'USD', 1, 1, $7, $7)
        """,
        booked,
    )
    room_ids = [room[1] for room in rooms]
    await _load_history(connection, tenant, room_ids, max(bookings - len(booked), 0), now)
    token, _ = Tokens(secret).sign(tenant_id=tenant, user_id=user, session_id=session, now=now)
    return Data(
        token=token,
        tenant_id=tenant,
        booking_id=booked[0][1],
        customer_id=customers[0][1],
        room_ids=room_ids,
        now=now,
        since=monday,
        until=monday + timedelta(days=7),
        slots=free_slots(room_ids, monday + timedelta(days=7)),
    )


def free_slots(room_ids: list[UUID], since: datetime) -> Iterator[Slot]:
    """Yields free slots of rooms in turn, from the first morning on."""
    for n in count():
        turn, room = divmod(n, len(room_ids))
        day, start = divmod(turn, _STARTS_A_DAY)
        if day >= _FREE_DAYS:
            raise SystemExit("All free slots are booked: measure for a shorter time.")
        yield Slot(room_ids[room], since + timedelta(days=day, hours=9, minutes=start * MINUTES))


async def _load_history(
    connection: asyncpg.Connection, tenant: UUID, room_ids: list[UUID], history: int, now: datetime
) -> None:
    """Adds past bookings, one an hour in each room, back from now."""
    await connection.execute(
        """
        INSERT INTO bookings (tenant_id, id, reference, room_id, status, starts_at, ends_at,
            occupied, party_size, price_minor, currency_code, version, link_version, created_at,
            updated_at)
        SELECT $1, gen_random_uuid(), 'PAST-' || room.n || '-' || hour, room.id, 'completed', start,
            start + interval '1 hour', tstzrange(start, start + interval '1 hour'), 2, 4000, 'USD',
            1, 1, start, start
        FROM unnest($2::uuid[]) WITH ORDINALITY room (id, n)
        CROSS JOIN generate_series(1, $3) hour
        CROSS JOIN LATERAL (SELECT $4::timestamptz - hour * interval '1 hour' AS start) past
        """,
        tenant,
        room_ids,
        history // len(room_ids),
        now.replace(minute=0, second=0),
    )
