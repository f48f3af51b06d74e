"""Prepares the database for a start: its tables, and the demo."""

import asyncio

import asyncpg

from commands.database_logins import CannotRun, logins_of
from commands.demo.load import load_demo
from commands.demo.venues import VENUES
from commands.migrate import migrate
from commands.steps import step
from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls
from kit.settings import Settings

OLDEST_POSTGRES = 15

_PREPARING_LOCK = 0x626F6F6D


async def prepare(settings: Settings, owner: DatabaseUrl) -> DatabaseUrls:
    """Migrates, loads the demo if it is enabled, and returns the database logins.

    Raises CannotRun.
    """
    try:
        connection = await asyncpg.connect(owner, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise CannotRun(f"DATABASE_URL: no connection: {error}") from error
    try:
        if connection.get_server_version().major < OLDEST_POSTGRES:
            raise CannotRun(f"DATABASE_URL: needs PostgreSQL {OLDEST_POSTGRES} or newer")
        # Several machines may start on one database at the same time.
        await connection.execute("SELECT pg_advisory_lock($1)", _PREPARING_LOCK)
        with step("Tables", "migrating"):
            await asyncio.to_thread(migrate, owner)
        if settings.is_production and (venues := await _demo_venues(connection)):
            raise CannotRun(
                f"The database has demo users, whose passwords are public (tenant "
                f"{', '.join(venues)}). Use another database."
            )
        urls = await logins_of(settings, owner)
        if settings.demo:
            await load_demo(urls.app, lambda line: print(f"  {'Demo':<12} {line}", flush=True))
        return urls
    finally:
        await connection.close()


async def _demo_venues(connection: asyncpg.Connection) -> list[str]:
    """Returns the subdomains in this database whose users have the published demo password."""
    found = []
    async with connection.transaction():
        for venue in VENUES:
            tenant = await connection.fetchval(
                "SELECT id FROM tenants WHERE subdomain = $1", venue.subdomain
            )
            # Row-level security applies to the owner too.
            await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant or ""))
            if await connection.fetchval(
                "SELECT EXISTS (SELECT FROM users WHERE tenant_id = $1 AND email LIKE $2)",
                *(tenant, f"%@{venue.subdomain}.test"),
            ):
                found.append(venue.subdomain)
    return found
