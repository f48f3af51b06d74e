"""The command that checks stored e-mail addresses, and its report."""

import asyncio
import os
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from alembic.script import ScriptDirectory

from commands.check_addresses import main
from commands.migrate import migrations
from domain.core.text import sort_key
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrl
from tests.support.database import drop_database, empty_database

NAME = f"addresses_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@pytest_asyncio.fixture
async def owner(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncpg.Connection]:
    """A database as it was while addresses were case-folded, with a tenant `old` in it."""
    database = await empty_database(NAME)
    monkeypatch.setenv("DATABASE_URL", database)
    await asyncio.to_thread(command.upgrade, migrations(database), before("mail_addresses"))
    connection = await asyncpg.connect(database)
    tenant = new_id()
    await connection.execute("SELECT set_config('app.tenant', $1, false)", str(tenant))
    await connection.execute(
        """INSERT INTO tenants (id, name, subdomain, time_zone, currency_code, plan_code,
               slot_minutes, min_notice_minutes, max_advance_days, min_duration_minutes,
               max_duration_minutes, hold_minutes, requires_confirmation, version, created_at)
           VALUES ($1, 'Old', 'old', 'UTC', 'USD', 'STARTER', 30, 0, 365, 15, 720, 5, false, 1,
               now())""",
        tenant,
    )
    yield connection
    await connection.close()
    await drop_database(NAME)


def before(name: str) -> str:
    """Returns the revision before the migration of this name."""
    script = ScriptDirectory.from_config(migrations(DatabaseUrl(os.environ["DATABASE_URL"])))
    (found,) = (each for each in script.walk_revisions() if each.path.endswith(f"_{name}.py"))
    assert isinstance(found.down_revision, str)
    return found.down_revision


async def add_customer(owner: asyncpg.Connection, email: str) -> UUID:
    """Adds a customer whose key is folded."""
    id: UUID = await owner.fetchval(
        """INSERT INTO customers (tenant_id, id, name, email, email_key, version, created_at)
           VALUES (current_setting('app.tenant')::uuid, $1, 'Kim', $2, $3, 1, now())
           RETURNING id""",
        *(new_id(), email, email.casefold()),
    )
    return id


async def add_user(owner: asyncpg.Connection, email: str, customer: UUID) -> UUID:
    id: UUID = await owner.fetchval(
        """INSERT INTO users (tenant_id, id, email, name, role, customer_id, created_at)
           VALUES (current_setting('app.tenant')::uuid, $1, $2, 'Kim', 'CUSTOMER', $3, now())
           RETURNING id""",
        *(new_id(), email, customer),
    )
    return id


async def test_nobody_is_merged_and_whoever_shared_a_key_is_listed(
    owner: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    folded = await add_customer(owner, "kim@straße.de")
    await add_user(owner, "kim@strasse.de", folded)
    elder = await add_customer(owner, "Jo@müller.de")
    younger = await add_customer(owner, "jo@xn--mller-kva.de")
    two = await add_customer(owner, "a,b@x.test")
    plain = await add_customer(owner, "Ann@Example.com")
    url = DatabaseUrl(os.environ["DATABASE_URL"])

    await asyncio.to_thread(command.upgrade, migrations(url), "head")
    status = await asyncio.to_thread(main, [])

    rows = await owner.fetch("SELECT id, email_key FROM customers")
    assert {row["id"]: row["email_key"] for row in rows} == {
        folded: "kim@xn--strae-oqa.de",
        elder: "jo@müller.de",
        younger: "jo@xn--mller-kva.de",
        two: "a,b@x.test",
        plain: "ann@example.com",
    }
    assert status == 1
    report = capsys.readouterr().out
    assert f"customer {two}  'a,b@x.test': no e-mail address" in report
    assert f"customer {elder}  'Jo@m\\xfcller.de': also the address of customer {younger}" in report
    assert "the customer record" in report and "'kim@stra\\xdfe.de'" in report
    assert "3 to look at." in report


async def test_addresses_that_are_well_are_no_news(
    owner: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    id = await add_customer(owner, "Ann@Example.com")
    await asyncio.to_thread(
        command.upgrade, migrations(DatabaseUrl(os.environ["DATABASE_URL"])), "head"
    )

    assert await asyncio.to_thread(main, []) == 0

    assert capsys.readouterr().out.endswith("All stored addresses are well.\n")
    (filled,) = await owner.fetch("SELECT id, name_key, name_search FROM customers")
    assert tuple(filled) == (id, sort_key("Kim"), "kim")
