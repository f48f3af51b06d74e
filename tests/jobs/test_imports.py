"""Imports whose workers are killed or fall behind: each row is added once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from jobs.imports import purge_imports, run_import
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from resolvers.core.transactions import perform
from resolvers.imports import runs
from resolvers.imports.runs import ImportRun, Superseded, storage_of
from schema.core.global_ids import decode_id
from tests.api.imports.importing import counts, prepare, read
from tests.jobs.worker_processes import Workers, quick
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, make_venue

PATIENCE_SECONDS: Final = 60
ROWS: Final = 300


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Jobs wait until a test does them."""
    return settings.model_copy(update={"works": False})


def file_of_bookings(number: int) -> str:
    """Returns bookings of an hour in the first room, each with a customer of its own."""
    first = MONDAY_MORNING + timedelta(days=1)
    lines = [_line(each, first + timedelta(hours=each)) for each in range(number)]
    return "\n".join(["Reference,Room,Start,Duration,Name,Email", *lines])


def _line(number: int, start: datetime) -> str:
    return f"N-{number},Room 1,{start.isoformat()},60,Guest {number},guest{number}@example.com"


async def uploaded(api: Api, venue: Venue, kind: str, file: str) -> tuple[str, UUID]:
    """Returns a new import that waits for its job: its id in the API, and its own."""
    made = (await prepare(api, venue.owner, kind)).payload
    response = await api.http.put(made["uploadUrl"], content=file.encode())
    assert response.status_code == 204
    return made["import"]["id"], decode_id("Import", made["import"]["id"])


async def test_another_worker_goes_on_where_a_killed_one_has_ended(
    api: Api, runtime: Runtime, database: DatabaseUrls, settings: Settings
) -> None:
    venue = await make_venue(runtime, max_advance_days=1_000)
    id, own_id = await uploaded(api, venue, "BOOKINGS", file_of_bookings(ROWS))
    workers = Workers(quick, database, settings.data)
    owner = await asyncpg.connect(database.owner)

    async def row() -> Any:
        return await owner.fetchrow("SELECT * FROM imports WHERE id = $1", own_id)

    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            workers.start()
            while (await row())["done_rows"] < 40:
                workers.check()
                await asyncio.sleep(0.01)
            workers.kill()
            killed = await row()
            workers.start()
            while (await row())["status"] != "DONE":
                workers.check()
                await asyncio.sleep(0.05)
        booked = await owner.fetchval(
            "SELECT count(DISTINCT starts_at) FROM bookings WHERE tenant_id = $1", venue.tenant.id
        )
        lines = await owner.fetchval(
            "SELECT count(DISTINCT line) FROM import_rows WHERE import_id = $1", own_id
        )
    finally:
        workers.end()
        await owner.close()

    assert (killed["status"], killed["attempt"]) == ("RUNNING", 1)
    assert 40 <= killed["done_rows"] < ROWS
    done = await read(api, venue.owner, id)
    assert (counts(done), booked, lines) == ((ROWS, 0, 0, 0), ROWS, ROWS)


async def test_an_attempt_that_was_taken_for_dead_adds_nothing(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    id, own_id = await uploaded(api, venue, "CUSTOMERS", "Name,Email\nAda,ada@example.com\n")
    begin = partial(runs.begin, id=own_id)
    system = Actor(ActorKind.SYSTEM, venue.tenant.id)
    late = (await perform(runtime, system, Request(new_id()), begin)).result
    assert late is not None

    await run_import(runtime, venue.tenant.id, {"id": str(own_id)})

    storage = storage_of(runtime)
    # As a worker that has read it already.
    await storage.put(late.key, _parts(b"Name\nAda\n"))
    with pytest.raises(Superseded):
        await ImportRun(runtime, late).run(storage)
    assert counts(await read(api, venue.owner, id)) == (1, 0, 0, 0)


def files(settings: Settings) -> list[Path]:
    return [each for each in (settings.data / "storage").rglob("*") if each.is_file()]


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_files_and_useless_imports_are_deleted(
    api: Api, runtime: Runtime, relay: Database, admin: asyncpg.Connection, settings: Settings
) -> None:
    venue = await make_venue(runtime)
    kept, kept_id = await uploaded(api, venue, "CUSTOMERS", "Name\nAda\n")
    useless, useless_id = await uploaded(api, venue, "CUSTOMERS", "Name,Phone\nAda,no phone\n")
    for each in (kept_id, useless_id):
        await run_import(runtime, venue.tenant.id, {"id": str(each)})
    left = files(settings)

    await admin.execute("UPDATE imports SET expires_at = expires_at - interval '31 days'")
    await purge_imports(runtime, relay)

    assert left == []
    found = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    answer = await api(found, {"ids": [kept, useless]}, token=venue.owner.token)
    assert answer.payload == [{"id": kept}, None]
