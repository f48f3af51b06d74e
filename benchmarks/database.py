"""The database of a run, its environment, and the tenants that all data sets have."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from commands.migrate import migrate
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls, trusted_urls
from kit.postgres.embedded import EmbeddedServer

SECRET: Final = "the secret of a benchmark that nobody else talks to"


@contextmanager
def empty_database() -> Iterator[tuple[DatabaseUrls, Path]]:
    """Starts a server for this run, with a migrated, empty database, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="boom-bench-"))
    try:
        with EmbeddedServer(folder, durable=False) as server:
            migrate(server.url)
            yield trusted_urls(server.url), folder
    finally:
        shutil.rmtree(folder)


def environment(urls: DatabaseUrls, folder: Path, **others: str) -> dict[str, str]:
    """Returns the environment in which servers find the database."""
    return {
        "BOOM_APP_DATABASE_URL": urls.app,
        "BOOM_RELAY_DATABASE_URL": urls.relay,
        "BOOM_SECRET": SECRET,
        "BOOM_DATA": str(folder),
        **others,
    }


async def add_tenant(connection: Any, name: str, number: int, now: datetime) -> tuple[UUID, ...]:
    """Adds a tenant with an owner who is logged in; returns the ids of tenant, user and session."""
    tenant, user, session = new_id(), new_id(), new_id()
    await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
    await connection.execute(
        """
        INSERT INTO tenants (id, name, subdomain, time_zone, currency_code, plan_code,
            slot_minutes, min_notice_minutes, max_advance_days, min_duration_minutes,
            max_duration_minutes, longest_minutes, hold_minutes, requires_confirmation, version,
            created_at)
        VALUES ($1, $2, $3, 'UTC', 'USD', 'ENTERPRISE', 30, 0, 365, 15, 720, 720, 5, false, 1, $4)
        """,
        *(tenant, name.capitalize(), f"{name}-{number}", now),
    )
    await connection.execute(
        """
        INSERT INTO users (tenant_id, id, email, email_key, name, role, created_at)
        VALUES ($1, $2, $3, $3, 'Owner', 'OWNER', $4)
        """,
        *(tenant, user, f"owner@{name}.test", now),
    )
    await connection.execute(
        "INSERT INTO sessions (tenant_id, id, user_id, created_at) VALUES ($1, $2, $3, $4)",
        *(tenant, session, user, now),
    )
    return tenant, user, session


@asynccontextmanager
async def bookings_without_indexes(connection: Any) -> AsyncIterator[None]:
    """Drops what makes inserting bookings slow, but for the primary key, and makes it again."""
    (excluding,) = await connection.fetch(
        """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
           WHERE conrelid = 'bookings'::regclass AND contype = 'x'"""
    )
    indexes = await connection.fetch(
        """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
           WHERE indrelid = 'bookings'::regclass AND NOT indisunique AND NOT indisexclusion"""
    )
    await connection.execute(f"ALTER TABLE bookings DROP CONSTRAINT {excluding[0]}")
    await connection.execute(f"DROP INDEX {', '.join(name for name, _ in indexes)}")
    yield
    await connection.execute(
        f"ALTER TABLE bookings ADD CONSTRAINT {excluding[0]} {excluding[1]}", timeout=1800
    )
    for _, definition in indexes:
        await connection.execute(definition, timeout=1800)
