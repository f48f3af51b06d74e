"""Loads the two demo venues, with months of history; commands/preparation.py does so once."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import insert

from commands.demo.articles import indexes
from commands.demo.rows import DemoRows
from commands.demo.venues import DEMO_PASSWORD, VENUES, DemoVenue
from kit.actor import ANONYMOUS, Request
from kit.clock import Clock, system_clock
from kit.ids import new_id
from kit.postgres.connection_urls import APP_ROLE, DatabaseUrl
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.passwords import Passwords
from models import METADATA
from models.bookings.past_bookings import KEEP_LOGGED
from models.tenants import tenant_id_of
from resolvers.audit.log_writer import write_log
from resolvers.core.lookups import CALENDAR
from resolvers.core.transactions import perform


async def load_demo(
    url: DatabaseUrl,
    progress: Callable[[str], None],
    *,
    clock: Clock = system_clock,
    passwords: Passwords | None = None,
) -> None:
    """Adds the demo venues that a migrated database lacks, each in one transaction.

    ``url`` logs in as the app, or as a role that may act as it: row-level security applies.
    """
    database = Database(url.sqlalchemy, role=APP_ROLE, pool_size=len(VENUES))
    runtime = Runtime(database, clock, write_log, notify_log=lambda _: None, services={})
    try:
        missing = [venue for venue in VENUES if not await _is_there(runtime, venue)]
        if not missing:
            return
        # Before the transactions begin: idle ones are aborted.
        password_hash = await (passwords or Passwords()).hash(DEMO_PASSWORD)
        # At once: while PostgreSQL stores the rows of one, the other's are made.
        async with asyncio.TaskGroup() as loading:
            for venue in missing:
                loading.create_task(_load(runtime, venue, progress, password_hash))
    finally:
        await database.close()


async def _load(
    runtime: Runtime, venue: DemoVenue, progress: Callable[[str], None], password_hash: str
) -> None:
    started = time.monotonic()
    progress(f"{venue.name}: making months of bookings …")
    made = DemoRows(venue, now=runtime.clock(), password_hash=password_hash)

    async def store(scope: Scope) -> None:
        await scope.enter(made.tenant.id)
        await scope.lock(CALENDAR)
        for batch in made.batches():
            for row in batch:
                scope.add(row)
            await scope.flush()
        for index in indexes(made.articles):
            scope.add(index)
        # Rows of the session would cost several times as much, and the log's would be inserted one
        # by one, each returning its position.
        for table, rows in made.many():
            if rows:
                await scope.run(insert(METADATA.tables[table]), rows)
        await scope.rows(KEEP_LOGGED)

    await perform(runtime, ANONYMOUS, Request(new_id()), store)
    progress(
        f"{venue.name}: {len(made.rooms)} rooms, {len(made.customers)} customers, "
        f"{len(made.bookings):,} bookings ({time.monotonic() - started:.1f} s)"
    )


async def _is_there(runtime: Runtime, venue: DemoVenue) -> bool:
    scope = Scope(runtime, ANONYMOUS, Request(new_id()))
    try:
        return await scope.value(tenant_id_of(venue.subdomain)) is not None
    finally:
        await scope.close()
