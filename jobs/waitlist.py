"""Offers free times to those who wait for them, and ends what has passed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from domain.core.ids import RoomId
from domain.core.intervals import Interval
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.jobs.queue import Job, enqueue
from kit.jobs.worker import TemporaryFailure
from kit.postgres.advisory_locks import advisory_key
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.waitlist import ADVANCED_WITHIN, advancing_tenants, entries_past
from models.venue.rooms import rooms_in_use
from resolvers.bookings.waitlist_offers import (
    OFFER_JOB,
    Outcome,
    expire_entry,
    find_offers,
    make_offer,
)
from resolvers.core.transactions import perform

BATCH: Final = 200
LOOKS: Final = 5
"""How often a room is looked at because others took what was to be offered, before a retry."""


async def offer_free_time(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Offers what is free of a room, or of each, to those who wait for it, in their order."""
    assert tenant_id is not None, "a waitlist belongs to a tenant"
    since, until = payload["since"], payload["until"]
    freed = None if since is None else Interval(*map(_instant, (since, until)))
    system = Actor(ActorKind.SYSTEM, tenant_id)
    # One after the other, because most would offer their time to the same entry. Another process
    # may still do the same: offers are decided under the locks of their entry and their room.
    turn = runtime.locks.all_of([advisory_key(tenant_id, "waitlist")])
    async with turn:
        for room_id in await _rooms(runtime, system, payload["room_id"]):
            await _offer_room(runtime, system, room_id, freed)


async def _rooms(runtime: Runtime, system: Actor, named: str | None) -> list[RoomId]:
    if named is not None:
        return [RoomId(UUID(named))]
    scope = Scope(runtime, system, Request(new_id()))
    try:
        return [RoomId(each.id) for each in await scope.all(rooms_in_use(scope.tenant_id))]
    finally:
        await scope.close()


async def _offer_room(
    runtime: Runtime, system: Actor, room_id: RoomId, freed: Interval | None
) -> None:
    refused: set[UUID] = set()
    looks = 0
    while looks < LOOKS:
        scope = Scope(runtime, system, Request(new_id()))
        try:
            found = await find_offers(scope, room_id, freed, without=refused)
        finally:
            await scope.close()
        outcomes = set()
        for each in found:
            change = partial(make_offer, offer=each)
            outcome = (await perform(runtime, system, Request(new_id()), change)).result
            outcomes.add(outcome)
            if outcome is Outcome.REFUSED:
                refused.add(each.entry.id)
        if outcomes <= {Outcome.MADE}:
            return
        looks += Outcome.TAKEN in outcomes
    raise TemporaryFailure("others kept taking what was to be offered")


async def tend_waitlists(runtime: Runtime, relay: Database) -> None:
    """Ends entries of every tenant whose time has passed, and offers what can be booked by now.

    Times can be booked from ``maxAdvanceDays`` before on, of which the log tells nothing.
    """
    now = runtime.clock()
    async with relay.session(writes=True) as session, session.begin():
        past = (await session.execute(entries_past(now, limit=BATCH))).all()
        advancing = (await session.execute(advancing_tenants(now))).all()
        for tenant_id, days in advancing:
            ahead = now + timedelta(days=days)
            payload = {
                "room_id": None,
                "since": (ahead - ADVANCED_WITHIN).isoformat(),
                "until": ahead.isoformat(),
            }
            job = Job(OFFER_JOB, payload, dedupe="advance")
            await enqueue(session, [job], tenant_id=tenant_id, now=now)
    for tenant_id, id in past:
        system = Actor(ActorKind.SYSTEM, tenant_id)
        await perform(runtime, system, Request(new_id()), partial(expire_entry, id=id))
    if advancing:
        runtime.notify_jobs()


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
