"""An owner who is no superuser, as hosted databases have: row-level security is theirs, too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from secrets import token_hex

import asyncpg
import pytest
from alembic import command

from commands.migrate import migrations
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrl
from tests.support.database import drop_database, empty_database

NAME = "owned"
TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
TENANT = """
    INSERT INTO tenants (id, name, subdomain, time_zone, currency_code, plan_code, slot_minutes,
        min_notice_minutes, max_advance_days, min_duration_minutes, max_duration_minutes,
        longest_minutes, hold_minutes, requires_confirmation, version, created_at)
    VALUES ($1, 'Venue', 'venue', 'UTC', 'EUR', 'STARTER', 30, 0, 365, 15, 720, 720, 5, false, 1,
        now())
"""
ROOM = """
    INSERT INTO rooms (tenant_id, id, name, name_key, search, capacity, buffer_before_minutes,
        buffer_after_minutes, hourly_rate_minor, currency_code, version, created_at)
    VALUES ($1, $2, 'Room', 'room', 'room', 4, 0, 0, 4000, 'EUR', 1, now())
"""
BOOKING = """
    INSERT INTO bookings (tenant_id, id, reference, room_id, status, starts_at, ends_at, occupied,
        party_size, currency_code, version, link_version, created_at, updated_at)
    VALUES ($1, $2::uuid, $2::uuid::text, $3, 'confirmed', $4, $4::timestamptz + interval '1 hour',
        tstzrange($4, $4::timestamptz + interval '1 hour'), 1, 'EUR', 1, 1, now(), now())
"""
TAKEN = "SELECT starts_at FROM occupancy WHERE tenant_id = $1 ORDER BY 1"
VERSION = "SELECT calendar_version FROM tenants WHERE id = $1"


@asynccontextmanager
async def owned_database() -> AsyncIterator[tuple[DatabaseUrl, DatabaseUrl]]:
    """An empty database, for an owner who may make roles, and for a superuser."""
    url = await empty_database(NAME)
    role, password = f"boom_test_{token_hex(4)}", token_hex(16)
    superuser = await asyncpg.connect(url.in_database("postgres"))
    try:
        await superuser.execute(
            f"CREATE ROLE {role} LOGIN NOSUPERUSER CREATEROLE PASSWORD '{password}'"
        )
        await superuser.execute(f'ALTER DATABASE "{url.database}" OWNER TO {role}')
        yield url.as_user(role, password), url
    finally:
        await drop_database(NAME)
        await superuser.execute(f"DROP ROLE IF EXISTS {role}")
        await superuser.close()


async def test_an_owner_who_is_no_superuser_migrates_a_database_in_use() -> None:
    tenant_id, room_id, booking_id = new_id(), new_id(), new_id()
    async with owned_database() as (owner, url):
        await asyncio.to_thread(command.upgrade, migrations(owner), "0025")
        superuser = await asyncpg.connect(url)
        await superuser.execute(TENANT, tenant_id)
        await superuser.execute(ROOM, tenant_id, room_id)
        await superuser.execute(BOOKING, tenant_id, booking_id, room_id, TEN)
        # pgvector isn't trusted: without a superuser, the migration says what to do.
        with pytest.raises(RuntimeError, match="run CREATE EXTENSION vector in this database"):
            await asyncio.to_thread(command.upgrade, migrations(owner), "head")
        await superuser.execute("CREATE EXTENSION vector")
        await asyncio.to_thread(command.upgrade, migrations(owner), "head")
        assert [row[0] for row in await superuser.fetch(TAKEN, tenant_id)] == [TEN]
        version = await superuser.fetchval(VERSION, tenant_id)

        # As the app, who may only see one venue's rows; triggers run as the owner.
        await superuser.execute("SET ROLE boom_app")
        await superuser.execute("SELECT set_config('app.tenant', $1, false)", str(tenant_id))
        later_id = new_id()
        await superuser.execute(BOOKING, tenant_id, later_id, room_id, TEN + HOUR)
        with pytest.raises(asyncpg.ExclusionViolationError):
            await superuser.execute(BOOKING, tenant_id, new_id(), room_id, TEN + HOUR / 2)
        await superuser.execute(
            "UPDATE bookings SET status = 'cancelled' WHERE id = $1", booking_id
        )
        assert [row[0] for row in await superuser.fetch(TAKEN, tenant_id)] == [TEN + HOUR]
        await superuser.execute("UPDATE rooms SET capacity = 5 WHERE id = $1", room_id)
        assert await superuser.fetchval(VERSION, tenant_id) > version
        await superuser.close()
