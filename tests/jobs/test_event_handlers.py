"""Event handlers run once per event, in order, and independently of a failing one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from commands import jobs as jobs_command
from domain.core.log_events import Event, EventType, LoggedEvent
from jobs.event_handlers import EventHandler, jobs_of
from jobs.event_reader import EventReader, begin, find_oldest
from kit.actor import Request
from kit.events.handler_gauge import HandlerGauge
from kit.ids import new_id
from kit.jobs.worker import Retries, Worker
from kit.postgres.advisory_locks import advisory_key
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from kit.settings import Settings
from kit.supervisor import supervise
from resolvers.core.transactions import perform
from tests.api.accounts.accounts import mails
from tests.api.accounts.test_security_events import DEACTIVATE
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, api_id, make_venue

PATIENCE_SECONDS: Final = 60
AT_ONCE: Final = Retries(attempts=3, first_seconds=0.01)
TYPE: Final = EventType.ROOM_UPDATED
A_STEP: Final = "step"
"""The job that a handler leaves behind for each entry; nobody does it."""

_BREAK: Final = """
    CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE 'died before its commit'; END $$;
    CREATE TRIGGER break BEFORE INSERT ON event_handler_positions
    FOR EACH ROW EXECUTE FUNCTION break();
"""
_MEND: Final = "DROP FUNCTION break CASCADE"
_IS_HELD_BACK: Final = """
    SELECT EXISTS (SELECT FROM log WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()))
"""
_IS_BUSY: Final = """
    SELECT EXISTS (
        SELECT FROM queue.pgqueuer WHERE starts_with(entrypoint, 'event:') AND status <> 'failed'
    )
"""


class Kitchen:
    """A venue with handlers of its log, and what these have done."""

    def __init__(
        self, runtime: Runtime, database: DatabaseUrls, relay: Database, venue: Venue,
        queue: asyncpg.Connection, clock: StoppedClock,
    ) -> None:  # fmt: skip
        self.runtime = runtime
        self.venue = venue
        self.relay = relay
        self.queue = queue
        self.clock = clock
        self._url = database.relay

    @property
    def gauge(self) -> HandlerGauge:
        found = self.runtime.services[HandlerGauge]
        assert isinstance(found, HandlerGauge)
        return found

    async def happens(self, subject: UUID, *reasons: str) -> None:
        """Logs an entry of a subject for each reason."""
        for reason in reasons:
            await self.change(lambda scope: _emit(scope, subject, reason))  # noqa: B023 - awaited

    async def change(
        self, change: Callable[[Scope], Awaitable[None]], venue: Venue | None = None
    ) -> None:
        async def locked(scope: Scope) -> None:
            await scope.lock()
            await change(scope)

        actor = (venue or self.venue).owner.actor
        await perform(self.runtime, actor, Request(new_id()), locked)

    async def begun(self, **options: Any) -> EventHandler:
        """Returns a new handler that starts here, and records a step for each entry."""
        await self.settled()
        name = f"test {new_id().hex[-12:]}"
        given = {"handle": note_step(name), **options}
        handler = EventHandler(name, frozenset({TYPE}), **given)
        await begin(self.relay, handler)
        return handler

    async def settled(self) -> None:
        """Waits until all that is logged can be read: others may still write to the same server."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.queue.fetchval(_IS_HELD_BACK):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    def reader(
        self, handler: EventHandler, notify_jobs: Callable[[], None] = lambda: None
    ) -> EventReader:
        return EventReader(self.relay, handler, clock=self.clock, notify_jobs=notify_jobs)

    @asynccontextmanager
    async def at_work(self, *handlers: EventHandler, workers: int = 1) -> AsyncIterator[None]:
        def worker() -> Worker:
            retries = {each.job_name: AT_ONCE for each in handlers}
            return Worker(self._url, self.runtime, jobs_of(handlers), retries=retries)

        services = {f"worker {number}": worker().run for number in range(workers)}
        async with supervise(**services):
            yield

    async def handle(self, *handlers: EventHandler, workers: int = 1, all: bool = True) -> None:
        """Reads and handles all entries, or those below the horizon, except those of dead jobs."""
        if all:
            await self.settled()
        for handler in handlers:
            # As often as the longest log here has batches.
            for _ in range(5):
                await self.reader(handler).read_all()
        async with self.at_work(*handlers, workers=workers), asyncio.timeout(PATIENCE_SECONDS):
            while await self.queue.fetchval(_IS_BUSY):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def steps(self, handler: EventHandler, subject: UUID | None = None) -> list[str]:
        """Returns the reasons of all entries that a handler has handled, in order."""
        rows = await self.queue.fetch(
            "SELECT payload FROM queue.pgqueuer WHERE entrypoint = $1 ORDER BY id", A_STEP
        )
        steps = [orjson.loads(row["payload"]) for row in rows]
        return [
            step["reason"]
            for step in steps
            if step["handler"] == handler.name and subject in (None, UUID(step["subject"]))
        ]

    async def pending(self, handler: EventHandler) -> int:
        found = await self.queue.fetchval(
            "SELECT count(*) FROM pending_events WHERE handler = $1", handler.name
        )
        assert isinstance(found, int)
        return found

    async def dead(self) -> list[int]:
        rows = await self.queue.fetch("SELECT id FROM queue.pgqueuer WHERE status = 'failed'")
        return [row["id"] for row in rows]


async def _emit(scope: Scope, subject: UUID, reason: str) -> None:
    scope.emit(Event(TYPE, "Room", subject, reason=reason))


def note_step(name: str) -> Callable[[Scope, LoggedEvent], Awaitable[None]]:
    async def handle(scope: Scope, event: LoggedEvent) -> None:
        assert event.type is TYPE and scope.tenant_id
        step = {"handler": name, "subject": str(event.subject_id), "reason": event.reason}
        scope.enqueue(A_STEP, step)

    return handle


@pytest_asyncio.fixture
async def kitchen(
    runtime: Runtime, database: DatabaseUrls, relay: Database, queue: asyncpg.Connection,
    clock: StoppedClock,
) -> Kitchen:  # fmt: skip
    return Kitchen(runtime, database, relay, await make_venue(runtime), queue, clock)


# ------------------------------------------------------------------------------ once


async def test_each_handler_gets_each_entry_once(kitchen: Kitchen) -> None:
    first, second, room = await kitchen.begun(), await kitchen.begun(), new_id()
    await kitchen.happens(room, "1", "2")

    await kitchen.handle(first, second)
    await kitchen.happens(room, "3")
    await kitchen.handle(first, second)
    await kitchen.handle(first, second)

    assert await kitchen.steps(first) == ["1", "2", "3"]
    assert await kitchen.steps(second) == ["1", "2", "3"]
    assert await kitchen.pending(first) == 0


async def test_entries_of_other_types_are_passed_by(kitchen: Kitchen) -> None:
    handler = await kitchen.begun()

    async def others(scope: Scope) -> None:
        for _ in range(150):
            scope.emit(Event(EventType.ROOM_CREATED, "Room", new_id()))

    await kitchen.change(others)
    await kitchen.happens(new_id(), "1")

    await kitchen.handle(handler)

    assert await kitchen.steps(handler) == ["1"]


async def test_each_tenant_has_its_own_job(kitchen: Kitchen) -> None:
    handler, other, seen = await kitchen.begun(), await make_venue(kitchen.runtime), []

    async def note(scope: Scope, event: LoggedEvent) -> None:
        seen.append((scope.tenant_id, event.reason))

    noting = EventHandler(handler.name, handler.event_types, note)
    await kitchen.happens(new_id(), "1")
    await kitchen.change(lambda scope: _emit(scope, new_id(), "2"), other)

    await kitchen.handle(noting)

    assert sorted(seen, key=str) == sorted(
        [(kitchen.venue.tenant.id, "1"), (other.tenant.id, "2")], key=str
    )


async def test_a_reader_that_dies_before_its_commit_has_done_nothing(
    kitchen: Kitchen, admin: asyncpg.Connection
) -> None:
    handler = await kitchen.begun()
    await kitchen.happens(new_id(), "1")
    await kitchen.settled()
    await admin.execute(_BREAK)
    try:
        with pytest.raises(Exception, match="died before its commit"):
            await kitchen.reader(handler).read_all()
    finally:
        await admin.execute(_MEND)
    noted = await kitchen.pending(handler)

    await kitchen.handle(handler)

    assert noted == 0
    assert await kitchen.steps(handler) == ["1"]


async def test_a_reader_that_dies_after_its_commit_has_done_all(kitchen: Kitchen) -> None:
    handler = await kitchen.begun()
    await kitchen.happens(new_id(), "1")

    def die() -> None:
        raise RuntimeError("died after its commit")

    await kitchen.settled()
    with pytest.raises(RuntimeError):
        await kitchen.reader(handler, notify_jobs=die).read_all()

    await kitchen.handle(handler)

    assert await kitchen.steps(handler) == ["1"]


async def test_a_handler_that_dies_before_its_commit_has_done_nothing(kitchen: Kitchen) -> None:
    handler, tries = await kitchen.begun(), 0

    async def dies_once(scope: Scope, event: LoggedEvent) -> None:
        nonlocal tries
        await note_step(handler.name)(scope, event)
        await scope.value(select(func.pg_current_xact_id()))
        tries += 1
        if tries == 1:
            # As though the process were killed: its connection ends within the transaction.
            await scope.value(select(func.pg_terminate_backend(func.pg_backend_pid())))

    dying = EventHandler(handler.name, handler.event_types, dies_once)
    await kitchen.happens(new_id(), "1", "2")

    await kitchen.handle(dying)

    assert tries == 3
    assert await kitchen.steps(handler) == ["1", "2"]


async def test_readers_and_workers_at_once_do_nothing_twice(
    kitchen: Kitchen, database: DatabaseUrls
) -> None:
    handler, rooms = await kitchen.begun(), [new_id() for _ in range(5)]
    relays = [Database(database.relay.sqlalchemy, pool_size=1) for _ in range(3)]
    readers = [
        EventReader(relay, handler, clock=kitchen.clock, notify_jobs=kitchen.runtime.notify_jobs)
        for relay in relays
    ]
    services = {f"reader {number}": reader.run for number, reader in enumerate(readers)}

    async with supervise(**services), kitchen.at_work(handler, workers=3):
        for number in range(20):
            await asyncio.gather(*(kitchen.happens(room, str(number)) for room in rooms))
            for reader in readers:
                reader.notify(frozenset({kitchen.venue.tenant.id}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await kitchen.steps(handler)) < 100:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
    await kitchen.handle(handler)
    for relay in relays:
        await relay.close()

    in_order = [str(number) for number in range(20)]
    assert [await kitchen.steps(handler, room) for room in rooms] == [in_order] * 5


async def test_while_another_process_reads_nothing_is_noted_twice(
    kitchen: Kitchen, admin: asyncpg.Connection
) -> None:
    handler = await kitchen.begun()
    await kitchen.happens(new_id(), "1")
    await kitchen.settled()
    tenants = frozenset({kitchen.venue.tenant.id})
    lock = advisory_key("event reader", handler.name)

    async with admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock($1)", lock)
        finished = await kitchen.reader(handler).read(tenants)
        noted = await kitchen.pending(handler)
    await kitchen.handle(handler)

    assert (finished, noted) == (frozenset(), 0)
    assert await kitchen.steps(handler) == ["1"]


# ------------------------------------------------------------------------------ in order


async def test_an_open_transaction_is_waited_for_and_not_skipped(kitchen: Kitchen) -> None:
    handler, room = await kitchen.begun(), new_id()
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope) -> None:
        await scope.value(select(func.pg_current_xact_id()))
        has_begun.set()
        await may_end.wait()
        await _emit(scope, room, "slow")

    writing = asyncio.create_task(kitchen.change(slow))
    await has_begun.wait()
    await kitchen.happens(room, "quick")
    await kitchen.handle(handler, all=False)
    meanwhile = await kitchen.steps(handler)
    may_end.set()
    await writing
    await kitchen.handle(handler)

    assert meanwhile == []
    assert await kitchen.steps(handler) == ["slow", "quick"]


async def test_a_subject_with_many_entries_is_handled_in_several_jobs(kitchen: Kitchen) -> None:
    handler, room = await kitchen.begun(), new_id()
    reasons = [str(number) for number in range(205)]

    async def much(scope: Scope) -> None:
        for reason in reasons:
            await _emit(scope, room, reason)

    await kitchen.change(much)

    await kitchen.handle(handler, workers=2)

    assert await kitchen.steps(handler) == reasons


async def test_a_log_of_another_generation_is_read_to_its_end_and_then_the_new_one(
    kitchen: Kitchen, admin: asyncpg.Connection
) -> None:
    handler, room = await kitchen.begun(), new_id()
    await kitchen.happens(room, "before")
    await admin.execute("SELECT setval('log_generations', last_value + 1) FROM log_generations")
    await kitchen.happens(room, "after")

    await kitchen.handle(handler)
    await kitchen.happens(room, "later")
    await kitchen.handle(handler)

    assert await kitchen.steps(handler) == ["before", "after", "later"]


# ------------------------------------------------------------------------------ soon


async def test_a_read_that_was_slow_keeps_later_entries_waiting_for_a_moment_only(
    kitchen: Kitchen, admin: asyncpg.Connection
) -> None:
    handler, first, second = await kitchen.begun(), new_id(), new_id()
    reader = kitchen.reader(handler)

    async def noted(number: int) -> float:
        while await kitchen.pending(handler) < number:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        return asyncio.get_running_loop().time()

    await kitchen.happens(first, "1")
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with admin.transaction():
            await admin.execute("LOCK event_handler_positions")
            reading = asyncio.create_task(reader.run())
            await asyncio.sleep(2)
        slow = await noted(1)
        await kitchen.happens(second, "2")
        reader.notify(frozenset({kitchen.venue.tenant.id}))
        soon = await noted(2)
    reading.cancel()

    # A pause as long as four such reads would be 8 s.
    assert soon - slow < 4


# ------------------------------------------------------------------------------ where it starts


async def test_a_new_handler_starts_at_the_end_or_at_the_beginning(kitchen: Kitchen) -> None:
    room = new_id()
    await kitchen.happens(room, "before")

    now, beginning = await kitchen.begun(), await kitchen.begun(starts="beginning")
    await kitchen.happens(room, "after")
    await kitchen.handle(now)
    await kitchen.handle(beginning)

    assert await kitchen.steps(now) == ["after"]
    assert await kitchen.steps(beginning, room) == ["before", "after"]


async def test_a_handler_that_starts_again_goes_on(kitchen: Kitchen) -> None:
    handler, room = await kitchen.begun(), new_id()
    await kitchen.happens(room, "1")

    await begin(kitchen.relay, handler)
    await kitchen.handle(handler)

    assert await kitchen.steps(handler) == ["1"]


# ------------------------------------------------------------------------------ failing


class Moody:
    """A handler that fails for entries with some reasons, until changed."""

    def __init__(self, handler: EventHandler, *refused: str) -> None:
        self.refused = set(refused)
        self._note = handler.handle
        self.handler = EventHandler(handler.name, handler.event_types, self._handle)

    async def _handle(self, scope: Scope, event: LoggedEvent) -> None:
        await self._note(scope, event)
        if event.reason in self.refused:
            raise RuntimeError("not today")


async def test_a_failing_handler_holds_back_nobody_else(kitchen: Kitchen) -> None:
    moody, sound = Moody(await kitchen.begun(), "bad"), await kitchen.begun()
    failing, bad, good = moody.handler, new_id(), new_id()
    await kitchen.happens(bad, "0", "bad", "2")
    await kitchen.happens(good, "3", "4")

    await kitchen.handle(failing, sound)
    await kitchen.happens(bad, "5")
    await kitchen.happens(good, "6")
    await kitchen.handle(failing, sound)

    assert await kitchen.steps(failing, good) == ["3", "4", "6"]
    assert await kitchen.steps(failing, bad) == ["0"]
    assert await kitchen.steps(sound, bad) == ["0", "bad", "2", "5"]
    assert await kitchen.steps(sound, good) == ["3", "4", "6"]
    assert len(await kitchen.dead()) == 1
    assert kitchen.gauge.counts[failing.name, "handled"] == 4
    # Once behind the entry that was handled, and three times by itself.
    assert kitchen.gauge.counts[failing.name, "failed"] == 4


async def test_attempts_count_for_one_entry_not_for_its_subject(kitchen: Kitchen) -> None:
    handler, room = await kitchen.begun(), new_id()
    reasons = [str(number) for number in range(8)]
    seen = set()

    async def fails_once(scope: Scope, event: LoggedEvent) -> None:
        if event.reason not in seen:
            seen.add(event.reason)
            raise RuntimeError("not at once")
        await note_step(handler.name)(scope, event)

    await kitchen.happens(room, *reasons)

    await kitchen.handle(EventHandler(handler.name, handler.event_types, fails_once))

    assert await kitchen.steps(handler) == reasons
    assert await kitchen.dead() == []


async def test_a_slow_handler_of_a_long_backlog_does_not_run_out_of_time(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.jobs.worker.MAX_JOB_SECONDS", 2.5)
    monkeypatch.setattr("jobs.event_handlers.JOB_SECONDS", 0.2)
    handler, room = await kitchen.begun(), new_id()
    reasons = [str(number) for number in range(30)]

    async def slow(scope: Scope, event: LoggedEvent) -> None:
        await asyncio.sleep(0.1)
        await note_step(handler.name)(scope, event)

    await kitchen.happens(room, *reasons)

    await kitchen.handle(EventHandler(handler.name, handler.event_types, slow))

    assert await kitchen.steps(handler) == reasons
    assert await kitchen.dead() == []


async def test_the_backlog_of_a_handler_is_noted_bit_by_bit(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.event_reader.MAX_DUE", 10)
    monkeypatch.setattr("jobs.event_reader.BATCH", 5)
    venues = [kitchen.venue, *[await make_venue(kitchen.runtime) for _ in range(3)]]
    handler = await kitchen.begun()

    async def much(scope: Scope) -> None:
        for number in range(20):
            await _emit(scope, new_id(), str(number))

    for venue in venues:
        await kitchen.change(much, venue)
    await kitchen.settled()
    reader = kitchen.reader(handler)
    tenants = frozenset(venue.tenant.id for venue in venues)

    finished = [await reader.read(tenants) for _ in range(3)]
    noted = await kitchen.pending(handler)
    async with supervise(reader=reader.run), kitchen.at_work(handler):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await kitchen.steps(handler)) < 80:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)

    assert finished == [frozenset()] * 3
    assert noted == 10
    assert sorted(map(int, await kitchen.steps(handler))) == sorted([*range(20)] * 4)


async def test_entries_that_fail_leave_room_for_others_of_their_handler(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.event_reader.MAX_DUE", 2)
    moody = Moody(await kitchen.begun(), "bad").handler
    for _ in range(3):
        await kitchen.happens(new_id(), "bad")
    await kitchen.handle(moody)
    await kitchen.happens(new_id(), "1")

    await kitchen.handle(moody)

    assert await kitchen.steps(moody) == ["1"]


async def test_a_subject_goes_on_in_order_once_its_dead_job_is_tried_again(
    kitchen: Kitchen, command: Callable[..., Awaitable[None]]
) -> None:
    moody, room = Moody(await kitchen.begun(), "bad"), new_id()
    await kitchen.happens(room, "bad", "2")
    await kitchen.handle(moody.handler)
    await kitchen.happens(room, "3")
    await kitchen.handle(moody.handler)

    moody.refused.clear()
    await command("retry", "all")
    await kitchen.handle(moody.handler)

    assert await kitchen.steps(moody.handler) == ["bad", "2", "3"]


async def test_a_discarded_job_gives_up_the_entry_that_failed_and_goes_on_after_it(
    kitchen: Kitchen, command: Callable[..., Awaitable[None]]
) -> None:
    moody, room, other = Moody(await kitchen.begun(), "bad"), new_id(), new_id()
    await kitchen.happens(room, "1", "bad", "2", "3")
    await kitchen.happens(other, "bad")
    await kitchen.handle(moody.handler)

    await command("discard", "all")
    await kitchen.handle(moody.handler)

    assert await kitchen.steps(moody.handler) == ["1", "2", "3"]
    assert await kitchen.dead() == []
    assert await kitchen.pending(moody.handler) == 0


@pytest.fixture
def command(
    database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Awaitable[None]]:
    """Runs `python -m commands.jobs` with arguments."""
    monkeypatch.setenv("BOOM_APP_DATABASE_URL", database.app)
    monkeypatch.setenv("BOOM_RELAY_DATABASE_URL", database.relay)

    async def run(*arguments: str) -> None:
        assert await asyncio.to_thread(jobs_command.main, arguments) == 0

    return run


# ------------------------------------------------------------------------------ seen


async def test_the_lag_is_that_of_the_oldest_entry_not_yet_handled(kitchen: Kitchen) -> None:
    handler = await kitchen.begun()
    oldest = partial(find_oldest, kitchen.relay, [handler])
    gauge = HandlerGauge(oldest, clock=kitchen.clock)

    async def lag() -> float:
        await gauge.look()
        return gauge.lag_seconds()[handler.name]

    idle = await lag()
    await kitchen.happens(new_id(), "1")
    kitchen.clock.advance(seconds=90)
    unread = await lag()
    await kitchen.settled()
    await kitchen.reader(handler).read_all()
    unhandled = await lag()
    await kitchen.handle(handler)

    assert [idle, unread, unhandled, await lag()] == [0, 90, 90, 0]


async def test_the_metrics_have_each_handler(
    api: Api, kitchen: Kitchen, runtime: Runtime, settings: Settings
) -> None:
    venue = kitchen.venue
    await api(DEACTIVATE, {"id": api_id(venue.staff.user)}, token=venue.owner.token)
    await mails(runtime, settings)
    await kitchen.gauge.look()

    page = (await api.http.get("/metrics")).text.splitlines()

    assert 'boom_handler_events_total{handler="security_notices",outcome="handled"} 1.0' in page
    assert 'boom_handler_lag_seconds{handler="security_notices"} 0.0' in page
