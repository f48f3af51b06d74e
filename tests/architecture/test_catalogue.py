"""Guarantees of the migrated database itself: keys, row-level security and rights."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from alembic.script import ScriptDirectory

from commands.migrate import migrations
from domain.bookings.lifecycle import OCCUPYING
from domain.core.log_events import EventType
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from models import TABLES
from models.analytics.platform import PlatformDay
from models.audit.event_handlers import EventHandlerStart
from models.core.allowances import SpentAllowance
from models.core.zone_clocks import ZoneClock
from models.notifications.due import NotificationClock
from models.notifications.stopped_numbers import StoppedNumber
from models.payments.gateway_events import WebhookEvent
from models.tenants import Tenant

# Whose an event of a gateway is, nobody knows when it comes; an address counts for all tenants,
# a handler of events begins for all at once, reminders are looked for at once too, whoever answers
# an SMS doesn't tell tenants apart, a time zone is everybody's, and the platform's figures are of
# all venues together.
NOBODYS: Final = {
    EventHandlerStart.__tablename__,
    NotificationClock.__tablename__,
    PlatformDay.__tablename__,
    SpentAllowance.__tablename__,
    StoppedNumber.__tablename__,
    WebhookEvent.__tablename__,
    ZoneClock.__tablename__,
}
TENANT_TABLES: Final = sorted(set(TABLES) - {Tenant.__tablename__} - NOBODYS)
WITHOUT_TENANT: Final = sorted({*NOBODYS, Tenant.__tablename__, "alembic_version"})
POLICY: Final = (
    "(tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid"
)
CHANGES: Final = ("UPDATE", "DELETE", "TRUNCATE")


@pytest_asyncio.fixture(scope="module")
async def owner(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def app(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The login of the app, in a transaction that is rolled back."""
    connection = await asyncpg.connect(database.app)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


# ------------------------------------------------------------------------------ walls


@pytest.mark.parametrize("table", [*TENANT_TABLES, *sorted(NOBODYS), "tenants"])
async def test_row_level_security_is_on_and_forced(owner: asyncpg.Connection, table: str) -> None:
    (security,) = await owner.fetch(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = $1::regclass", table
    )

    assert tuple(security) == (True, True)


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_a_policy_shows_and_takes_the_tenants_own_rows_only(
    owner: asyncpg.Connection, table: str
) -> None:
    (policy,) = await owner.fetch(
        """SELECT roles::text, permissive, cmd, qual, with_check FROM pg_policies
           WHERE tablename = $1 AND policyname = 'tenant'""",
        table,
    )

    assert tuple(policy)[:3] == ("{public}", "PERMISSIVE", "ALL")
    assert policy["qual"].startswith(POLICY)
    assert policy["with_check"].startswith(POLICY)


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_no_other_policy_is_for_the_app(owner: asyncpg.Connection, table: str) -> None:
    others = await owner.fetch(
        """SELECT policyname FROM pg_policies
           WHERE tablename = $1 AND policyname <> 'tenant' AND roles && '{public,boom_app}'""",
        table,
    )

    assert others == []


async def test_no_table_is_left_out(owner: asyncpg.Connection) -> None:
    tables = await owner.fetch(
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
           AND relkind IN ('r', 'p') AND relname <> 'alembic_version'"""
    )

    assert {row["relname"] for row in tables} == set(TABLES)


@pytest.mark.parametrize("role", ["boom_app", "boom_relay"])
async def test_a_role_can_log_in_and_bypass_nothing(owner: asyncpg.Connection, role: str) -> None:
    (may,) = await owner.fetch(
        """SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
                  EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid) AS owns
           FROM pg_roles WHERE rolname = $1""",
        role,
    )
    memberships = await owner.fetchval(
        "SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole", role
    )

    assert tuple(may) == (True, False, False, False, False, False)
    assert memberships == 0


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_without_a_tenant_there_are_no_rows(app: asyncpg.Connection, table: str) -> None:
    assert await app.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_row_can_not_be_put_into_another_tenant(app: asyncpg.Connection) -> None:
    await app.execute("SELECT set_config('app.tenant', $1, true)", str(new_id()))

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await app.execute(
            """INSERT INTO customers (tenant_id, id, name, version, created_at)
               VALUES ($1, $2, 'Anybody', 1, now())""",
            *(new_id(), new_id()),
        )


async def test_the_app_can_not_read_what_gateways_tell(app: asyncpg.Connection) -> None:
    assert await app.fetch("SELECT gateway, id, state FROM webhook_events") == []

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.fetch("SELECT about FROM webhook_events")


# ------------------------------------------------------------------------------ keys


async def test_every_key_leads_with_the_tenant(owner: asyncpg.Connection) -> None:
    others = await owner.fetch(
        """SELECT conrelid::regclass::text AS "table", conname FROM pg_constraint
           JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
           WHERE contype IN ('p', 'u', 'f', 'x') AND connamespace = 'public'::regnamespace
           AND conrelid <> ALL ($1::text[]::regclass[])
           AND attname <> 'tenant_id'""",
        WITHOUT_TENANT,
    )

    assert others == []


async def test_every_reference_stays_inside_the_tenant(owner: asyncpg.Connection) -> None:
    others = await owner.fetch(
        """SELECT conname FROM pg_constraint
           JOIN pg_attribute ON attrelid = confrelid AND attnum = confkey[1]
           WHERE contype = 'f' AND connamespace = 'public'::regnamespace
           AND attname <> 'tenant_id' AND confrelid <> 'tenants'::regclass"""
    )

    assert others == []


async def test_every_index_leads_with_the_tenant(owner: asyncpg.Connection) -> None:
    others = await owner.fetch(
        """SELECT indexrelid::regclass::text FROM pg_index
           JOIN pg_class ON pg_class.oid = indrelid
           JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
           WHERE relnamespace = 'public'::regnamespace
           AND indrelid <> ALL ($1::text[]::regclass[])
           AND attname <> 'tenant_id'
           -- An index of vectors has no other column.
           AND indexrelid <> 'ix_article_passages_embedding'::regclass""",
        WITHOUT_TENANT,
    )

    assert others == []


# ------------------------------------------------------------------------------ bookings and log


async def test_the_database_refuses_a_double_booking(owner: asyncpg.Connection) -> None:
    definition = await owner.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'occupancy_no_overlap'"
    )

    assert definition == (
        "EXCLUDE USING gist (tenant_id WITH =, space_id WITH =, occupied WITH &&, "
        "occupant_id WITH <>) WHERE ((NOT isempty(occupied)))"
    )


async def test_every_change_of_a_booking_keeps_its_time(owner: asyncpg.Connection) -> None:
    triggers = await owner.fetch(
        """SELECT tgname, tgenabled, tgtype & 1 = 1 AS of_each_row, pg_get_triggerdef(oid) AS text
           FROM pg_trigger WHERE tgfoid = 'keep_occupancy'::regproc ORDER BY tgname"""
    )

    assert [tuple(row)[:3] for row in triggers] == [
        ("free_time", b"O", True),
        ("move_time", b"O", True),
        ("take_time", b"O", True),
    ]
    for row in triggers:
        for statuses in re.findall("ARRAY\\[(.*?)\\]", row["text"]):
            assert set(re.findall("'([a-z_]+)'", statuses)) == OCCUPYING
    changed = re.search("UPDATE OF (.*?) ON", triggers[1]["text"])
    assert changed is not None
    assert set(changed[1].split(", ")) == {
        "status", "id", "room_id", "occupied", "moves_id", "hold_expires_at", "space_ids",
        "seat_numbers",
    }  # fmt: skip


@pytest.mark.parametrize("role", ["boom_app", "boom_relay"])
@pytest.mark.parametrize("right", ["INSERT", *CHANGES])
async def test_only_bookings_take_time(owner: asyncpg.Connection, role: str, right: str) -> None:
    assert not await owner.fetchval("SELECT has_table_privilege($1, 'occupancy', $2)", role, right)


@pytest.mark.parametrize("role", ["boom_app", "boom_relay"])
@pytest.mark.parametrize("right", CHANGES)
async def test_nobody_changes_the_log(owner: asyncpg.Connection, role: str, right: str) -> None:
    may = await owner.fetchval("SELECT has_any_column_privilege($1, 'log', 'UPDATE')", role)

    assert not may
    assert not await owner.fetchval("SELECT has_table_privilege($1, 'log', $2)", role, right)


async def test_the_relay_writes_no_log(owner: asyncpg.Connection) -> None:
    assert not await owner.fetchval("SELECT has_table_privilege('boom_relay', 'log', 'INSERT')")


async def test_only_the_app_calls_what_passes_row_level_security(owner: asyncpg.Connection) -> None:
    functions = await owner.fetch(
        """SELECT proname, proconfig, array_agg(grantee::regrole::text) AS grantees
           FROM pg_proc CROSS JOIN aclexplode(proacl)
           WHERE prosecdef AND pronamespace = 'public'::regnamespace AND grantee <> proowner
           GROUP BY proname, proconfig"""
    )

    path = ["search_path=pg_catalog, pg_temp"]
    assert {row["proname"]: (row["proconfig"], row["grantees"]) for row in functions} == {
        name: (path, ["boom_app"])
        for name in (
            "articles_close",
            "articles_found",
            "bookings_found",
            "customers_found",
            "keep_logged_past",
            "tenant_by_subdomain",
        )
    }


async def test_only_the_owner_sees_rows_of_all_tenants_to_search_them(
    owner: asyncpg.Connection,
) -> None:
    policies = await owner.fetch(
        """SELECT tablename, cmd, roles::text[] = ARRAY[current_user::text] AS is_owners
           FROM pg_policies WHERE policyname = 'search' ORDER BY tablename"""
    )

    assert [tuple(row) for row in policies] == [
        ("article_index", "SELECT", True),
        ("article_passages", "SELECT", True),
        ("bookings", "SELECT", True),
        ("customers", "SELECT", True),
    ]


# ------------------------------------------------------------------------------ the log


async def test_the_log_takes_all_events_and_no_others(owner: asyncpg.Connection) -> None:
    others = ["", "booking_created", "BOOKING_CREATED ", "BOOKING"]
    asked = "SELECT type FROM unnest($1::text[]) AS type WHERE is_event_type(type)"
    taken = await owner.fetch(asked, [*EventType, *others])
    constraint = await owner.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_log_type'"
    )

    assert [row["type"] for row in taken] == list(EventType)
    assert "is_event_type" in constraint


async def test_conditions_of_what_a_booking_writes_are_short(owner: asyncpg.Connection) -> None:
    """PostgreSQL reads them anew for each statement: 11 kB took 7% of storing a booking."""
    written = ["bookings", "log", "occupancy", "request_origins", "usage_counters"]
    longest = await owner.fetchval(
        """SELECT max(length(conbin)) FROM pg_constraint
           WHERE conrelid = ANY ($1::text[]::regclass[])""",
        written,
    )

    assert longest < 3_000


# ------------------------------------------------------------------------------ migrations


def test_the_migrations_have_one_head(database: DatabaseUrls) -> None:
    assert len(ScriptDirectory.from_config(migrations(database.owner)).get_heads()) == 1


async def test_the_models_are_what_the_migrations_make(database: DatabaseUrls) -> None:
    await asyncio.to_thread(command.check, migrations(database.owner))
