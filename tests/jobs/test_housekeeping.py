"""What is kept for a time only is forgotten, in every tenant, and nothing else is."""

from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlmodel import col

from jobs.housekeeping import forget_what_is_old
from kit.database import Database
from kit.ids import new_id
from kit.scope import Request, Runtime, Scope
from models.idempotency import IdempotentResult
from models.log import RequestOrigin
from resolvers.transactions import perform
from tests.clock import MONDAY_MORNING
from tests.factories import Venue, make_venue


async def add_origins(runtime: Runtime, venue: Venue, *at: datetime) -> None:
    async def add(scope: Scope) -> None:
        await scope.lock()
        tenant_id = venue.tenant.id
        rows = [{"tenant_id": tenant_id, "request_id": new_id(), "at": each} for each in at]
        await scope.run(insert(RequestOrigin).values(rows))

    await perform(runtime, venue.owner.actor, Request(new_id()), add)


async def add_results(runtime: Runtime, venue: Venue, *created_at: datetime) -> None:
    async def add(scope: Scope) -> None:
        await scope.lock()
        for each in created_at:
            scope.add(
                IdempotentResult(
                    tenant_id=venue.tenant.id,
                    actor_id=venue.owner.user.id,
                    mutation="createRoom",
                    key=new_id().hex,
                    input_hash=b"",
                    rows=[],
                    created_at=each,
                )
            )

    await perform(runtime, venue.owner.actor, Request(new_id()), add)


async def remaining(runtime: Runtime, venue: Venue, table: type) -> list[datetime]:
    at = col(RequestOrigin.at if table is RequestOrigin else IdempotentResult.created_at)
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        return await scope.all(select(at).order_by(at))
    finally:
        await scope.close()


async def test_where_changes_were_asked_from_is_forgotten_after_90_days(
    runtime: Runtime, relay: Database
) -> None:
    first, second = await make_venue(runtime), await make_venue(runtime)
    old = MONDAY_MORNING - timedelta(days=90, milliseconds=1)
    young = MONDAY_MORNING - timedelta(days=90)
    await add_origins(runtime, first, old, young)
    await add_origins(runtime, second, old, young)

    await forget_what_is_old(runtime, relay)

    assert await remaining(runtime, first, RequestOrigin) == [young]
    assert await remaining(runtime, second, RequestOrigin) == [young]


async def test_kept_results_are_forgotten_after_24_hours(runtime: Runtime, relay: Database) -> None:
    venue = await make_venue(runtime)
    old = MONDAY_MORNING - timedelta(hours=24, milliseconds=1)
    young = MONDAY_MORNING - timedelta(hours=24)
    await add_results(runtime, venue, old, young)

    await forget_what_is_old(runtime, relay)

    assert await remaining(runtime, venue, IdempotentResult) == [young]


async def test_more_than_a_batch_is_forgotten(runtime: Runtime, relay: Database) -> None:
    venue = await make_venue(runtime)
    old = MONDAY_MORNING - timedelta(days=100)
    await add_origins(runtime, venue, *[old] * 2_500)

    await forget_what_is_old(runtime, relay)

    assert await remaining(runtime, venue, RequestOrigin) == []
