"""Exports whose making goes wrong: no half file behind a link, and a reason that can be retried."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from domain.analytics.exports import ExportFailure
from integrations.storage.objects import Storage
from jobs import exports as export_jobs
from jobs.exports import make_export, purge_exports
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from models.analytics.exports import Export
from resolvers.analytics import export_files
from resolvers.core.transactions import perform
from schema.core.global_ids import decode_id
from tests.api.analytics.exporting import RETRY, create, download, export
from tests.jobs.worker_processes import Workers, quick
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, make_booking, make_venue

PATIENCE_SECONDS = 60


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Jobs wait until a test does them."""
    return settings.model_copy(update={"works": False})


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> AsyncIterator[Venue]:
    made = await make_venue(runtime)
    await make_booking(runtime, made, MONDAY_MORNING, reference="AAAA1111")
    yield made


async def requested(api: Api, venue: Venue, format: str = "CSV") -> tuple[str, UUID]:
    """Returns a new export: its id in the API, and its own."""
    made = (await create(api, venue.owner, "BOOKINGS", format)).payload["requestedExport"]
    return made["id"], decode_id("Export", made["id"])


async def make(runtime: Runtime, venue: Venue, id: UUID) -> None:
    await make_export(runtime, venue.tenant.id, {"id": str(id)})


async def begin(runtime: Runtime, venue: Venue, id: UUID) -> Export | None:
    """Begins an attempt that nobody ends."""
    system = Actor(ActorKind.SYSTEM, venue.tenant.id)
    begun = partial(export_files.begin, id=id)
    return (await perform(runtime, system, Request(new_id()), begun)).result


def files(settings: Settings) -> list[Path]:
    roots = (settings.data / "storage", settings.data / "spool")
    return [each for root in roots for each in root.rglob("*") if each.is_file()]


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """Lets no file become larger than this, as with a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_storage_that_is_away_fails_it_until_it_is_retried(
    api: Api, runtime: Runtime, venue: Venue, settings: Settings
) -> None:
    id, own_id = await requested(api, venue)
    (settings.data / "storage").write_text("no folder")

    await make(runtime, venue, own_id)
    failed = await export(api, venue.owner, id)
    (settings.data / "storage").unlink()
    early = await api(RETRY, {"id": id}, token=venue.owner.token)
    again = await api(RETRY, {"id": id}, token=venue.owner.token)
    await make(runtime, venue, own_id)
    done = await export(api, venue.owner, id)

    assert (failed["status"], failed["failure"]) == ("FAILED", "STORAGE_UNAVAILABLE")
    assert (failed["url"], failed["byteCount"]) == (None, None)
    assert early.payload["requestedExport"] == {"status": "QUEUED", "failure": None}
    assert again.refusals == ["INVALID"], "only failed exports can be retried"
    assert (done["status"], done["failure"], done["rowCount"]) == ("DONE", None, 1)
    assert "AAAA1111" in (await download(api, done["url"])).text


@pytest.mark.parametrize("format", ["CSV", "XLSX"])
async def test_a_full_disk_fails_it_and_leaves_no_file(
    api: Api,
    runtime: Runtime,
    venue: Venue,
    admin: asyncpg.Connection,
    settings: Settings,
    format: str,
) -> None:
    await admin.execute("UPDATE bookings SET note = repeat('x', 40000)")
    id, own_id = await requested(api, venue, format)

    # More than what is logged meanwhile.
    with small_files(30_000):
        await make(runtime, venue, own_id)

    failed = await export(api, venue.owner, id)
    assert (failed["status"], failed["failure"]) == ("FAILED", "STORAGE_FULL")
    assert files(settings) == []


async def test_a_failure_in_our_own_code_fails_it(
    api: Api,
    runtime: Runtime,
    venue: Venue,
    admin: asyncpg.Connection,
    settings: Settings,
) -> None:
    id, own_id = await requested(api, venue)
    # A currency that nobody knows the digits of.
    await admin.execute("UPDATE bookings SET currency_code = 'XXX', price_minor = 1")

    await make(runtime, venue, own_id)

    failed = await export(api, venue.owner, id)
    assert (failed["status"], failed["failure"]) == ("FAILED", "SERVER_ERROR")
    assert files(settings) == []


async def test_one_that_takes_too_long_is_ended(
    api: Api, runtime: Runtime, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, own_id = await requested(api, venue)
    monkeypatch.setattr(export_jobs, "EXPORT_SECONDS", 0)

    await make(runtime, venue, own_id)

    assert (await export(api, venue.owner, id))["failure"] == "TIMED_OUT"


async def test_what_is_interrupted_again_and_again_fails(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    id, own_id = await requested(api, venue)

    begun = [await begin(runtime, venue, own_id) for _ in range(4)]

    assert [each and each.attempt for each in begun] == [1, 2, 3, None]
    failed = await export(api, venue.owner, id)
    assert (failed["status"], failed["failure"]) == ("FAILED", "INTERRUPTED")
    retried = await api(RETRY, {"id": id}, token=venue.owner.token)
    await make(runtime, venue, own_id)
    assert retried.refusals == []
    assert (await export(api, venue.owner, id))["status"] == "DONE"


async def test_an_attempt_that_another_has_replaced_changes_nothing(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    id, own_id = await requested(api, venue)
    lost = await begin(runtime, venue, own_id)
    await make(runtime, venue, own_id)
    done = await export(api, venue.owner, id)
    assert lost is not None

    system = Actor(ActorKind.SYSTEM, venue.tenant.id)
    for late in (
        partial(export_files.finish, id=own_id, attempt=lost.attempt, rows=9, size=9),
        partial(
            export_files.fail, id=own_id, attempt=lost.attempt, failure=ExportFailure.SERVER_ERROR
        ),
    ):
        await perform(runtime, system, Request(new_id()), late)

    assert await export(api, venue.owner, id) == done
    assert done["rowCount"] == 1


async def test_a_job_that_comes_twice_makes_one_file(
    api: Api, runtime: Runtime, venue: Venue, settings: Settings
) -> None:
    id, own_id = await requested(api, venue)

    await make(runtime, venue, own_id)
    before = await export(api, venue.owner, id)
    await make(runtime, venue, own_id)

    assert await export(api, venue.owner, id) == before
    assert len(files(settings)) == 1


async def test_what_killed_workers_have_left_is_removed(
    runtime: Runtime, relay: Database, settings: Settings
) -> None:
    storage = runtime.services[Storage]
    assert isinstance(storage, Storage)
    await storage.put("exports/a/1.csv", _parts(b"kept"))
    left = [settings.data / "storage" / "exports" / "a" / "2.csv#1", settings.data / "spool" / "x"]
    left[1].mkdir(parents=True)
    left[0].write_text("half")
    for each in left:
        os.utime(each, (0, 0))

    await purge_exports(runtime, relay)

    assert [each.name for each in files(settings)] == ["1.csv"]
    assert not left[1].exists()


async def test_a_killed_workers_export_is_made_by_another(
    api: Api,
    runtime: Runtime,
    venue: Venue,
    admin: asyncpg.Connection,
    database: DatabaseUrls,
    settings: Settings,
) -> None:
    id, own_id = await requested(api, venue)
    status = "SELECT status FROM exports WHERE id = $1"

    workers = Workers(quick, database, settings.data)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with admin.transaction():
                # It waits for this table when it is killed.
                await admin.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
                workers.start()
                while await admin.fetchval(status, own_id) != "RUNNING":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                workers.kill()
            running = await export(api, venue.owner, id)
            workers.start()
            while await admin.fetchval(status, own_id) != "DONE":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        workers.end()

    assert running["url"] is None
    assert await admin.fetchval("SELECT attempt FROM exports WHERE id = $1", own_id) == 2
    (made,) = (each for each in files(settings) if each.suffix == ".csv")
    assert made.name == "2.csv" and "AAAA1111" in made.read_text()


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    yield content
