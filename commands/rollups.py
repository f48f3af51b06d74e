"""Makes the figures of analytics anew, from bookings and payments.

python -m commands.rollups            of all venues
python -m commands.rollups boom       of the venue with this subdomain

Figures are kept by themselves; this is for after a repair of rows by hand. It may run while the
server does, and be stopped: the server does the rest.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy import select
from sqlmodel import col

from commands.database_logins import CannotRun, present_logins
from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.clock import system_clock
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from kit.settings import SettingsError, load_settings
from models.tenants import Tenant, tenant_id_of
from resolvers.analytics.rollups import DATES_AT_ONCE, Progress, count_entries, mark_all
from resolvers.audit.log_writer import write_log
from resolvers.core.transactions import perform
from resolvers.tenants.tenants import own_tenant

BAR: Final = 30
_BUSY_SECONDS: Final = 0.2

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 on success, 1 if there is no such venue, 2 without a database."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.rollups",
        description="Make the figures of analytics anew, of one venue or of all.",
    )
    parser.add_argument("subdomain", nargs="?", help="the venue's; all venues by default")
    given = parser.parse_args(arguments)
    try:
        return asyncio.run(_rebuild(given.subdomain))
    except (CannotRun, SettingsError, OSError, asyncpg.PostgresError) as error:
        print(error, file=sys.stderr)
        return 2


async def _rebuild(subdomain: str | None) -> int:
    urls = await present_logins(load_settings())
    app, relay = Database(urls.app.sqlalchemy), Database(urls.relay.sqlalchemy)
    runtime = Runtime(app, system_clock, write_log, notify_log=lambda _: None, services={})
    try:
        if subdomain is None:
            async with relay.session(writes=False) as session:
                ids = list((await session.scalars(select(col(Tenant.id)))).all())
        else:
            found = await _read(
                runtime, ANONYMOUS, lambda scope: scope.value(tenant_id_of(subdomain))
            )
            if found is None:
                print(f"There is no venue {subdomain}.", file=sys.stderr)
                return 1
            ids = [found]
        for tenant_id in ids:
            tenant = await _read(runtime, Actor(ActorKind.SYSTEM, tenant_id), own_tenant)
            await rebuild(runtime, tenant_id, partial(_show, tenant.subdomain))
        return 0
    finally:
        await app.close()
        await relay.close()


async def _read(runtime: Runtime, actor: Actor, read: Callable[[Scope], Awaitable[T]]) -> T:
    scope = Scope(runtime, actor, Request(new_id()))
    try:
        return await read(scope)
    finally:
        await scope.close()


async def rebuild(runtime: Runtime, tenant_id: UUID, show: Callable[[int, int], None]) -> None:
    """Makes all figures of a tenant anew; ``show`` gets the number of dates done, and of all."""
    system = Actor(ActorKind.SYSTEM, tenant_id)
    dates = (await perform(runtime, system, Request(new_id()), mark_all)).result
    done = 0
    while True:
        progress = (await perform(runtime, system, Request(new_id()), count_entries)).result
        if progress is Progress.DONE:
            break
        if progress is Progress.BUSY:
            await asyncio.sleep(_BUSY_SECONDS)
        else:
            done += DATES_AT_ONCE
        show(min(done, dates - 1), dates)
    show(dates, dates)


def _show(name: str, done: int, dates: int) -> None:
    """Prints a bar: drawn again on a terminal, and otherwise once, when it is full."""
    is_over = done >= dates
    if not (is_over or sys.stdout.isatty()):
        return
    full = BAR if is_over else BAR * done // dates
    bar = f"{'█' * full}{'░' * (BAR - full)}"
    end = "\n" if is_over else ""
    print(f"\r{name:<20}  {bar}  {done:>6} of {dates} dates", end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
