"""Waits until the log's horizon has passed a tenant's entries."""

import asyncio

from sqlalchemy import text

from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from tests.support.factories import Person


async def until_behind_the_horizon(runtime: Runtime, person: Person) -> None:
    """Waits until all changes of a person's venue are below the horizon of the log.

    Transactions of other venues hold it back. Changes that a cursor of before doesn't cover are
    told again by a subscription from it.
    """
    statement = text(
        "SELECT NOT EXISTS (SELECT FROM log WHERE tenant_id = :tenant "
        "AND xid >= pg_snapshot_xmin(pg_current_snapshot()))"
    ).bindparams(tenant=person.actor.tenant_id)
    is_past = False
    async with asyncio.timeout(60):
        while not is_past:
            scope = Scope(runtime, person.actor, Request(new_id()))
            is_past = bool(await scope.value(statement))
            await scope.close()
            await asyncio.sleep(0.01)
