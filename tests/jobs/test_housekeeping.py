"""Data is deleted after its retention period, in every tenant, and nothing else."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import ProgrammingError
from sqlmodel import col

from jobs.purge import purge_expired
from kit.actor import Request
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.accounts.sessions import MailedToken, Purpose, RefreshToken, Session
from models.audit.log import RequestOrigin
from models.core.idempotency import IdempotentResult
from resolvers.core.transactions import perform
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, make_venue


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

    await purge_expired(runtime, relay)

    assert await remaining(runtime, first, RequestOrigin) == [young]
    assert await remaining(runtime, second, RequestOrigin) == [young]


async def test_kept_results_are_forgotten_after_24_hours(runtime: Runtime, relay: Database) -> None:
    venue = await make_venue(runtime)
    old = MONDAY_MORNING - timedelta(hours=24, milliseconds=1)
    young = MONDAY_MORNING - timedelta(hours=24)
    await add_results(runtime, venue, old, young)

    await purge_expired(runtime, relay)

    assert await remaining(runtime, venue, IdempotentResult) == [young]


async def test_more_than_a_batch_is_forgotten(runtime: Runtime, relay: Database) -> None:
    venue = await make_venue(runtime)
    old = MONDAY_MORNING - timedelta(days=100)
    await add_origins(runtime, venue, *[old] * 2_500)

    await purge_expired(runtime, relay)

    assert await remaining(runtime, venue, RequestOrigin) == []


# ------------------------------------------------------------------------------ what logs in


async def add_session(
    runtime: Runtime, venue: Venue, last_used_at: datetime, *, ended: bool = False
) -> None:
    """Adds a session of the owner that was last refreshed at an instant, with that one's token."""

    async def add(scope: Scope) -> None:
        await scope.lock()
        session = Session(
            tenant_id=venue.tenant.id,
            user_id=venue.owner.user.id,
            created_at=MONDAY_MORNING - timedelta(days=200),
            last_used_at=last_used_at,
            ended_at=last_used_at if ended else None,
        )
        scope.add(session)
        await scope.flush()
        scope.add(
            RefreshToken(
                tenant_id=venue.tenant.id,
                session_id=session.id,
                token_hash=new_id().bytes,
                expires_at=last_used_at + timedelta(days=7),
            )
        )

    await perform(runtime, venue.owner.actor, Request(new_id()), add)


async def add_mailed(runtime: Runtime, venue: Venue, *expires_at: datetime) -> None:
    async def add(scope: Scope) -> None:
        await scope.lock()
        for each in expires_at:
            scope.add(
                MailedToken(
                    tenant_id=venue.tenant.id,
                    user_id=venue.owner.user.id,
                    purpose=Purpose.VERIFICATION.value,
                    token_hash=new_id().bytes,
                    expires_at=each,
                )
            )

    await perform(runtime, venue.owner.actor, Request(new_id()), add)


async def left(runtime: Runtime, venue: Venue, at: Any) -> list[datetime]:
    """Returns a column's remaining values, without the sessions of the factory."""
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        return [each for each in await scope.all(select(at).order_by(at)) if each is not None]
    finally:
        await scope.close()


async def test_sessions_go_30_days_after_their_last_use(runtime: Runtime, relay: Database) -> None:
    first, second = await make_venue(runtime), await make_venue(runtime)
    old = MONDAY_MORNING - timedelta(days=30, milliseconds=1)
    young = MONDAY_MORNING - timedelta(days=30)
    for venue in (first, second):
        await add_session(runtime, venue, old)
        await add_session(runtime, venue, old, ended=True)
        await add_session(runtime, venue, young, ended=True)

    await purge_expired(runtime, relay)

    used, expires = col(Session.last_used_at), col(RefreshToken.expires_at)
    assert await left(runtime, first, used) == await left(runtime, second, used) == [young]
    assert await left(runtime, first, expires) == [young + timedelta(days=7)]


async def test_a_session_from_before_its_uses_were_noted_stays_while_it_has_a_token(
    runtime: Runtime, relay: Database
) -> None:
    venue = await make_venue(runtime)
    await add_session(runtime, venue, MONDAY_MORNING)

    async def forget_use(scope: Scope) -> None:
        await scope.lock()
        await scope.run(update(Session).values(last_used_at=None))

    await perform(runtime, venue.owner.actor, Request(new_id()), forget_use)
    await purge_expired(runtime, relay)

    assert MONDAY_MORNING - timedelta(days=200) in await left(
        runtime, venue, col(Session.created_at)
    )


async def test_mailed_secrets_go_30_days_after_their_end(runtime: Runtime, relay: Database) -> None:
    venue = await make_venue(runtime)
    old = MONDAY_MORNING - timedelta(days=30, milliseconds=1)
    young = MONDAY_MORNING - timedelta(days=30)
    await add_mailed(runtime, venue, old, young)

    await purge_expired(runtime, relay)

    assert await left(runtime, venue, col(MailedToken.expires_at)) == [young]


async def test_housekeeping_sees_no_secret(relay: Database) -> None:
    async with relay.session(writes=False) as session:
        with pytest.raises(ProgrammingError, match="permission denied"):
            await session.execute(select(col(RefreshToken.token_hash)))
