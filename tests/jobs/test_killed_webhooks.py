"""Killed processes lose no webhook: each comes at least once, in order for each object."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Final
from uuid import UUID

import asyncpg

from domain.core.log_events import Event, EventType
from domain.webhooks.signatures import new_secret
from jobs.event_reader import begin
from jobs.webhook_reader import WEBHOOKS
from kit.actor import Request
from kit.events.notify_bus import CHANNEL
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.encryption import Cipher
from models.webhooks.endpoints import WebhookEndpoint
from resolvers.core.transactions import perform
from resolvers.webhooks.endpoints import use_of
from schema.core.global_ids import read_id
from tests.jobs.worker_processes import Workers, quick
from tests.support.database import SECRET
from tests.support.factories import Venue, make_venue
from tests.support.receiver import Received, Receiver, receiver

PATIENCE_SECONDS: Final = 60
CHANGES: Final = 12
KILLS: Final = 3
OBJECTS: Final = 6
PATHS: Final = ("/first", "/second")


async def add_endpoints(runtime: Runtime, venue: Venue, url: str) -> None:
    async def make(scope: Scope) -> None:
        await scope.lock()
        for path in PATHS:
            endpoint = WebhookEndpoint(
                tenant_id=venue.tenant.id,
                url=f"{url}{path}",
                event_types=["ROOM_UPDATED"],
                secret="",
                owner_id=venue.owner.user.id,
                created_at=scope.now(),
                updated_at=scope.now(),
            )
            endpoint.secret = Cipher(SECRET).encrypt(new_secret(), use=use_of(endpoint.id))
            scope.add(endpoint)

    await perform(runtime, venue.owner.actor, Request(new_id()), make)


async def log_for_all(
    runtime: Runtime, admin: asyncpg.Connection, venue: Venue, objects: Sequence[UUID]
) -> None:
    """Logs an entry for each object, in one change."""

    async def change(scope: Scope) -> None:
        await scope.lock()
        for each in objects:
            scope.emit(Event(EventType.ROOM_UPDATED, "Room", each))

    await perform(runtime, venue.owner.actor, Request(new_id()), change)
    await admin.execute(f"NOTIFY {CHANNEL}, '{venue.tenant.id.hex}'")


async def until_received(receiving: Receiver, number: int, workers: Workers) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while len({each.id for each in receiving.requests}) < number:
        assert monotonic() < deadline, workers.printed
        workers.check()
        await asyncio.sleep(0.005)


async def test_killed_processes_lose_no_webhook_and_keep_the_order(
    present: Runtime, database: DatabaseUrls, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    venue = await make_venue(present)
    relay = Database(database.relay.sqlalchemy, pool_size=1)
    await begin(relay, WEBHOOKS)
    await relay.close()
    objects = [new_id() for _ in range(OBJECTS)]
    in_all = CHANGES * OBJECTS * len(PATHS)
    workers = Workers(quick, database, tmp_path)

    async def slowly(_: Received) -> tuple[int, str]:
        await asyncio.sleep(0.03)
        return 204, ""

    async with receiver() as receiving:
        receiving.answers = slowly
        await add_endpoints(present, venue, receiving.url)
        try:
            workers.start()
            workers.start()
            for number in range(CHANGES):
                await log_for_all(present, admin, venue, objects)
                await until_received(receiving, number * OBJECTS, workers)
                if number % (CHANGES // KILLS) == 1:
                    workers.kill(oldest=True)
                    workers.start()
            await until_received(receiving, in_all, workers)
        finally:
            workers.end()
        requests = list(receiving.requests)

    rows = await admin.fetch("SELECT id, sequence FROM webhook_deliveries")
    sequence = {row["id"]: row["sequence"] for row in rows}
    assert len(sequence) == in_all
    assert {read_id(each.id)[1] for each in requests} == set(sequence)
    came: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for each in requests:
        place = sequence[read_id(each.id)[1]]
        came[each.path, each.payload["data"]["subjectId"]].append(place)
    assert len(came) == OBJECTS * len(PATHS)
    assert [places for places in came.values() if places != sorted(places)] == []
