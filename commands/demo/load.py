"""Loads the two demo venues, with months of history; commands/preparation.py does so once."""

import time
from collections.abc import Callable

from sqlalchemy import insert

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
from models.audit.log import LogEntry
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
    database = Database(url.sqlalchemy, role=APP_ROLE, pool_size=1)
    runtime = Runtime(database, clock, write_log, notify_log=lambda _: None, services={})
    hasher = passwords or Passwords()
    try:
        for venue in VENUES:
            await _load(runtime, venue, progress, hasher)
    finally:
        await database.close()


async def _load(
    runtime: Runtime, venue: DemoVenue, progress: Callable[[str], None], passwords: Passwords
) -> None:
    if await _is_there(runtime, venue):
        return
    started = time.monotonic()
    progress(f"{venue.name}: making months of bookings …")
    # Created before the transaction begins: an idle transaction is aborted.
    made = DemoRows(venue, now=runtime.clock(), password_hash=await passwords.hash(DEMO_PASSWORD))

    async def store(scope: Scope) -> None:
        await scope.enter(made.tenant.id)
        await scope.lock(CALENDAR)
        for batch in made.batches():
            for row in batch:
                scope.add(row)
            await scope.flush()
        # As rows of the session they would be inserted one by one, each returning its position;
        # and without render_nulls, in a new batch at each change of which columns are null.
        stored = insert(LogEntry).execution_options(render_nulls=True)
        await scope.run(stored, made.history.log())

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
