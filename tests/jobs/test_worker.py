"""The worker runs each job at least once, through failures, restarts and lost connections."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from structlog.testing import capture_logs

from kit.actor import ANONYMOUS, Request
from kit.ids import new_id
from kit.jobs.queue import queries_of
from kit.jobs.worker import Handler, PermanentFailure, Retries, Worker
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.scope import Scope
from kit.supervisor import supervise
from resolvers.core.transactions import perform
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.factories import make_venue

PATIENCE_SECONDS: Final = 30
AT_ONCE: Final = Retries(attempts=3, first_seconds=0.01)
END_WORKERS: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'boom worker' AND datname = current_database()
"""


class Desk:
    """Workers with one handler, ``work``, and its received jobs."""

    def __init__(self, runtime: Runtime, database: DatabaseUrls) -> None:
        self.runtime = runtime
        self.done: Counter[str] = Counter()
        self.tenants: list[UUID | None] = []
        self._url = database.relay

    async def ask(self, *ids: str, **options: Any) -> None:
        async def change(scope: Scope) -> None:
            for id in ids:
                scope.enqueue("work", {"id": id}, **options)

        await perform(self.runtime, ANONYMOUS, Request(new_id()), change)

    async def note(
        self, _runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
    ) -> None:
        """Handles a job by counting it."""
        self.done[payload["id"]] += 1
        self.tenants.append(tenant_id)

    def worker(self, handler: Handler | None = None, **options: Any) -> Worker:
        return Worker(
            self._url, self.runtime, {"work": handler or self.note},
            retries={"work": AT_ONCE}, **options,
        )  # fmt: skip

    @asynccontextmanager
    async def at_work(self, handler: Handler | None = None, **options: Any) -> AsyncIterator[None]:
        async with supervise(jobs=self.worker(handler, **options).run):
            yield


@pytest_asyncio.fixture
async def desk(runtime: Runtime, database: DatabaseUrls) -> Desk:
    return Desk(runtime, database)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def states(queue: asyncpg.Connection) -> list[str]:
    rows = await queue.fetch("SELECT status::text FROM queue.pgqueuer ORDER BY id")
    return [row["status"] for row in rows]


async def become(queue: asyncpg.Connection, *wanted: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await states(queue) != list(wanted):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


# ------------------------------------------------------------------------------ done


async def test_urgent_jobs_are_done_first(desk: Desk, queue: asyncpg.Connection) -> None:
    await desk.ask("1", "2")
    await desk.ask("3", urgent=True)

    async with desk.at_work(max_concurrent=1):
        await become(queue)

    assert list(desk.done) == ["3", "1", "2"]


async def test_jobs_that_yield_leave_a_place_for_others(
    runtime: Runtime, database: DatabaseUrls, queue: asyncpg.Connection
) -> None:
    begun: list[str] = []
    over = asyncio.Event()

    async def slow(_runtime: Runtime, _id: UUID | None, payload: Mapping[str, Any]) -> None:
        begun.append(payload["id"])
        await over.wait()

    async def change(scope: Scope) -> None:
        for number in range(4):
            scope.enqueue("slow", {"id": f"slow {number}"})
        scope.enqueue("other", {"id": "other"})

    await perform(runtime, ANONYMOUS, Request(new_id()), change)
    handlers = {"slow": slow, "other": slow}
    worker = Worker(database.relay, runtime, handlers, yielding=["slow"], max_concurrent=3)
    async with supervise(jobs=worker.run):
        await until(lambda: len(begun) == 3)
        first = sorted(begun)
        over.set()
        await become(queue)

    assert first == ["other", "slow 0", "slow 1"]
    assert len(begun) == 5


async def test_a_job_is_done_once_and_gone(desk: Desk, queue: asyncpg.Connection) -> None:
    await desk.ask("1", "2")

    async with desk.at_work():
        await become(queue)

    assert desk.done == {"1": 1, "2": 1}


async def test_a_handler_is_told_whose_job_it_is(desk: Desk, queue: asyncpg.Connection) -> None:
    venue = await make_venue(desk.runtime)

    async def change(scope: Scope) -> None:
        scope.enqueue("work", {"id": "1"})

    await perform(desk.runtime, venue.owner.actor, Request(new_id()), change)
    async with desk.at_work():
        await become(queue)

    assert desk.tenants == [venue.tenant.id]


async def test_two_workers_share_the_jobs(desk: Desk, queue: asyncpg.Connection) -> None:
    ids = [str(number) for number in range(200)]
    await desk.ask(*ids)

    async with desk.at_work(), desk.at_work():
        await become(queue)

    assert desk.done == dict.fromkeys(ids, 1)


async def test_a_job_that_nobody_here_knows_is_left_alone(
    desk: Desk, queue: asyncpg.Connection
) -> None:
    async def change(scope: Scope) -> None:
        scope.enqueue("of tomorrow", {})

    await perform(desk.runtime, ANONYMOUS, Request(new_id()), change)
    await desk.ask("1")
    async with desk.at_work():
        await until(lambda: desk.done["1"] == 1)

        await become(queue, "queued")


# ------------------------------------------------------------------------------ later


async def test_a_job_for_later_waits_for_the_apps_clock(
    desk: Desk, queue: asyncpg.Connection, clock: StoppedClock
) -> None:
    await desk.ask("1", at=MONDAY_MORNING + timedelta(milliseconds=100))
    async with desk.at_work():
        await asyncio.sleep(1.5)
        early = desk.done["1"]

        clock.advance(seconds=1)
        await become(queue)

    assert (early, desk.done["1"]) == (0, 1)


async def test_what_is_asked_for_during_a_job_is_done_after_it(
    desk: Desk, queue: asyncpg.Connection
) -> None:
    """Otherwise a change after the job's read would be missed."""

    async def ask_again(
        runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
    ) -> None:
        await desk.note(runtime, tenant_id, payload)
        if desk.done["1"] == 1:
            await desk.ask("1", dedupe="x")

    await desk.ask("1", dedupe="x")
    async with desk.at_work(ask_again):
        await until(lambda: desk.done["1"] == 2)
        await become(queue)


async def test_a_job_that_a_change_counts_on_waits_for_its_commit(
    desk: Desk, queue: asyncpg.Connection, database: DatabaseUrls
) -> None:
    """Otherwise it would run on the state before the change."""
    await desk.ask("1", dedupe="x")
    app = await asyncpg.connect(database.app)
    async with app.transaction():
        await queries_of(AsyncpgDriver(app)).enqueue(
            "work", b"{}", dedupe_key="work - x", on_conflict="update_priority"
        )
        async with desk.at_work():
            await asyncio.sleep(0.5)
            before = desk.done["1"]
    await app.close()
    async with desk.at_work():
        await become(queue)

    assert (before, desk.done["1"]) == (0, 1)


# ------------------------------------------------------------------------------ failing


async def fail(_runtime: Runtime, _tenant_id: UUID | None, _payload: Mapping[str, Any]) -> None:
    raise ConnectionRefusedError("by a mail server, for ann@example.test")


async def test_a_job_that_fails_is_tried_again_and_held_in_the_end(
    desk: Desk, queue: asyncpg.Connection
) -> None:
    await desk.ask("1")

    async with desk.at_work(fail):
        await become(queue, "failed")

    assert await queue.fetchval("SELECT attempts FROM queue.pgqueuer") == 2
    attempts = await queue.fetch(
        """SELECT status::text, traceback ->> 'exception_type' AS type, traceback::text AS all
           FROM queue.pgqueuer_log WHERE traceback IS NOT NULL
           AND job_id = (SELECT id FROM queue.pgqueuer) ORDER BY id"""
    )
    assert [row["status"] for row in attempts] == ["queued", "queued", "failed"]
    assert {row["type"] for row in attempts} == {"ConnectionRefusedError"}
    assert not any("example.test" in row["all"] for row in attempts)


async def test_what_no_other_try_can_mend_is_held_at_once(
    desk: Desk, queue: asyncpg.Connection
) -> None:
    async def give_up(*_: object) -> None:
        desk.done["1"] += 1
        raise PermanentFailure("there is no such address")

    await desk.ask("1")
    async with desk.at_work(give_up):
        await become(queue, "failed")

    assert desk.done["1"] == 1


def test_pauses_grow_and_end() -> None:
    retries = Retries(attempts=5, first_seconds=2, longest_seconds=10)
    pauses = [retries.pause(failed) for failed in range(1, 6)]
    seconds = [pause.total_seconds() if pause else None for pause in pauses]

    assert seconds == [
        pytest.approx(1.5, abs=0.5),
        pytest.approx(3, abs=1),
        pytest.approx(6, abs=2),
        pytest.approx(7.5, abs=2.5),
        None,
    ]


# ------------------------------------------------------------------------------ stopped and lost


async def test_a_worker_that_stops_lets_what_runs_end(
    desk: Desk, queue: asyncpg.Connection
) -> None:
    begun = asyncio.Event()

    async def take_a_while(
        runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
    ) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        await desk.note(runtime, tenant_id, payload)

    await desk.ask("1")
    async with desk.at_work(take_a_while), asyncio.timeout(PATIENCE_SECONDS):
        await begun.wait()

    assert desk.done["1"] == 1
    assert await states(queue) == []


async def test_what_takes_too_long_to_end_is_put_back(
    desk: Desk, queue: asyncpg.Connection
) -> None:
    begun = asyncio.Event()

    async def take_for_ever(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    await desk.ask("1")
    async with desk.at_work(take_for_ever, stop_seconds=0.1), asyncio.timeout(PATIENCE_SECONDS):
        await begun.wait()

    assert await states(queue) == ["queued"]
    assert await queue.fetchval("SELECT attempts FROM queue.pgqueuer") == 0
    async with desk.at_work():
        await become(queue)
    assert desk.done["1"] == 1


async def test_jobs_of_a_silent_worker_are_anothers(desk: Desk, queue: asyncpg.Connection) -> None:
    await desk.ask("1")
    await queue.execute(
        """UPDATE queue.pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid(),
           heartbeat = now()"""
    )
    await desk.ask("2")

    async with desk.at_work(stalled=timedelta(hours=1)):
        await until(lambda: desk.done["2"] == 1)
        before = desk.done["1"]
        await queue.execute("UPDATE queue.pgqueuer SET heartbeat = now() - interval '2 hours'")
        await become(queue)

    assert (before, desk.done["1"]) == (0, 1)


async def test_a_long_job_stays_its_workers(desk: Desk, queue: asyncpg.Connection) -> None:
    async def take_a_while(
        runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
    ) -> None:
        await asyncio.sleep(4.5)
        await desk.note(runtime, tenant_id, payload)

    await desk.ask("1")
    # Long enough that a busy machine isn't taken for a dead worker.
    stalled = timedelta(seconds=4)
    async with desk.at_work(take_a_while, stalled=stalled), desk.at_work(stalled=stalled):
        await become(queue)

    assert desk.done["1"] == 1


async def test_a_lost_connection_loses_no_job(
    desk: Desk, queue: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    """Running jobs aren't repeated either: their end is reported after reconnecting."""
    begun = asyncio.Event()

    async def take_a_while(
        runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
    ) -> None:
        begun.set()
        await asyncio.sleep(0.5)
        await desk.note(runtime, tenant_id, payload)

    await desk.ask("1")
    async with desk.at_work(take_a_while), asyncio.timeout(PATIENCE_SECONDS):
        await begun.wait()
        await admin.execute(END_WORKERS)
        await become(queue)
        await desk.ask("2")
        await become(queue)

    assert desk.done == {"1": 1, "2": 1}


@pytest.mark.parametrize("heartbeat", ["now()", "now() - interval '1 hour'"])
async def test_a_dead_job_stays_dead(desk: Desk, queue: asyncpg.Connection, heartbeat: str) -> None:
    await desk.ask("1")
    await queue.execute(f"UPDATE queue.pgqueuer SET status = 'failed', heartbeat = {heartbeat}")
    await desk.ask("2")

    async with desk.at_work():
        await until(lambda: desk.done["2"] == 1)
        await become(queue, "failed")

    assert desk.done["1"] == 0


async def test_what_a_stopping_worker_cannot_report_is_logged_and_left_to_others(
    desk: Desk, queue: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def take_a_while(*_: object) -> None:
        begun.set()
        await over.wait()

    await desk.ask("1")
    id = await queue.fetchval("SELECT id FROM queue.pgqueuer")
    working = asyncio.create_task(desk.worker(take_a_while).run())
    await begun.wait()
    working.cancel()
    await asyncio.sleep(0.1)
    await admin.execute(END_WORKERS)
    with capture_logs() as logs:
        over.set()
        await asyncio.wait([working], timeout=PATIENCE_SECONDS)

    (warning,) = [each for each in logs if each["event"] == "jobs.not_reported"]
    assert warning["ids"] == [id] and warning["log_level"] == "warning"
    assert await states(queue) == ["picked"]
