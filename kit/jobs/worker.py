"""Does the jobs of the queue: each at least once, whatever ends in between.

The rows and statements are pgqueuer's, the loop is ours: its own deletes a job that is cancelled
when the process ends, and holds one for good that could not be put back because the database was
away for a moment.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.models import Job, TracebackRecord
from pgqueuer.domain.types import JOB_STATUS, JobId, QueueEntrypoint, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter

from kit.clock import system_clock
from kit.jobs.queue import (
    CHANNEL,
    due_at,
    payload_of,
    postpone,
    queries_of,
    tenant_of,
    wait_no_longer,
)
from kit.runtime import Runtime

Handler = Callable[[Runtime, UUID | None, Mapping[str, Any]], Awaitable[None]]
"""Does a job of a tenant, or of none, by its payload.

It may be done again, even while it is being done elsewhere: what was done must be seen then.
"""

AT_ONCE: Final = 4
STOP_SECONDS: Final = 5.0
STALLED: Final = timedelta(seconds=30)
"""A job whose worker has been silent for so long is somebody else's."""
LONGEST_SECONDS: Final = 60.0

_POLL_SECONDS: Final = 1.0
# Signs of life until a silent worker's jobs are another's.
_BEATS: Final = 6
_TIMEOUT_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


class PermanentFailure(Exception):
    """Raised by a handler for what no other try can mend; the message is for operators."""


class TemporaryFailure(Exception):
    """Raised by a handler for what a later try may mend; the message is for operators."""


_FOR_OPERATORS: Final = (PermanentFailure, TemporaryFailure)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a job is tried, and the pauses between: each twice as long, less up to a half."""

    attempts: int = 10
    first_seconds: float = 2.0
    longest_seconds: float = 900.0

    def pause(self, failed: int) -> timedelta | None:
        """The one after so many failures; None when that was the last try."""
        if failed >= self.attempts:
            return None
        longest = min(self.first_seconds * 2 ** min(failed - 1, 30), self.longest_seconds)
        return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311 - jitter


DEFAULT: Final = Retries()


@dataclass(frozen=True, slots=True)
class _Ended:
    """What became of a try: ``again`` after a pause, or dead; done if neither."""

    job: Job
    again: timedelta | None = None
    error: TracebackRecord | None = None


class Worker:
    """One process's share of the jobs. ``url`` is a role's that sees every tenant's.

    ``handlers`` are all it does; jobs of other names wait for a worker that knows them. Jobs of
    the ``yielding`` names leave one place free for all others.
    """

    def __init__(
        self,
        url: str,
        runtime: Runtime,
        handlers: Mapping[str, Handler],
        *,
        retries: Mapping[str, Retries] | None = None,
        yielding: Collection[str] = (),
        at_once: int = AT_ONCE,
        stop_seconds: float = STOP_SECONDS,
        stalled: timedelta = STALLED,
    ) -> None:
        self._url = url
        self._runtime = runtime
        self._handlers = handlers
        self._retries = retries or {}
        self._yielding = frozenset(yielding)
        self._at_once = at_once
        self._stop_seconds = stop_seconds
        self._stalled = stalled
        self._me = QueueManagerId(uuid4())
        self._running: dict[JobId, tuple[Job, asyncio.Task[None]]] = {}
        self._ended: list[_Ended] = []
        self._rung = asyncio.Event()
        self._next_beat = 0.0

    async def run(self) -> None:
        """Do what is due until the connection is lost; what runs then goes on.

        Cancelled, it takes no more, lets what runs end for a while, and puts the rest back.
        """
        async with self._connected() as connection:
            queries = queries_of(AsyncpgDriver(connection))
            try:
                while True:
                    if not await self._round(connection, queries):
                        await self._rest()
            except asyncio.CancelledError:
                await self._stop(connection, queries)
                raise

    # ------------------------------------------------------------------ one round

    async def _round(self, connection: asyncpg.Connection, queries: Queries) -> bool:
        """Report, show that we live, take what is due; True where more may be due."""
        await self._report(queries)
        await self._beat(queries)
        free, names = self._places()
        if not free:
            return False
        taken = await queries.dequeue(
            free,
            {QueueEntrypoint(name): EntrypointExecutionParameter(0) for name in names},
            self._me,
            global_concurrency_limit=None,
            heartbeat_timeout=self._stalled,
        )
        jobs = [job for job in taken if job.id not in self._running]
        early, due = await self._sorted_out(jobs)
        await postpone(connection, early)
        await wait_no_longer(connection, [job.id for job in due])
        for job in due:
            self._start(job)
        return len(taken) == free

    def _places(self) -> tuple[int, Collection[str]]:
        """How many jobs to take now, and of which names."""
        free = self._at_once - len(self._running)
        yielding = sum(job.entrypoint in self._yielding for job, _ in self._running.values())
        for_yielding = min(free, self._at_once - 1 - yielding)
        if for_yielding > 0:
            return for_yielding, self._handlers
        return free, self._handlers.keys() - self._yielding

    async def _sorted_out(self, jobs: list[Job]) -> tuple[dict[JobId, timedelta], list[Job]]:
        """Those that the app's clock calls early, with what is left to wait; and the others."""
        now = self._runtime.clock()
        early = {job.id: at - now for job in jobs if (at := due_at(job)) is not None and at > now}
        return early, [job for job in jobs if job.id not in early]

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._do(job), name=f"job {job.entrypoint}")
        self._running[job.id] = (job, task)

    async def _do(self, job: Job) -> None:
        told = log.bind(
            job=job.entrypoint, id=job.id, tenant=str(tenant_of(job)), attempt=job.attempts + 1
        )
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                handle = self._handlers[job.entrypoint]
                await handle(self._runtime, tenant_of(job), payload_of(job))
        except Exception as error:  # noqa: BLE001 - told, and tried again
            pause = self._pause_after(job, error)
            if pause is None:
                told.exception("job.dead", error=type(error).__name__)
            else:
                told.warning("job.failed", again=pause.total_seconds(), exc_info=True)
            self._ended.append(_Ended(job, again=pause, error=_record(job, error)))
        else:
            told.info("job.done")
            self._ended.append(_Ended(job))
        del self._running[job.id]
        self._rung.set()

    def _pause_after(self, job: Job, error: Exception) -> timedelta | None:
        if isinstance(error, PermanentFailure):
            return None
        return self._retries.get(job.entrypoint, DEFAULT).pause(job.attempts + 1)

    # ------------------------------------------------------------------ what the queue is told

    async def _report(self, queries: Queries) -> None:
        """Tell the queue what has ended; what can't be told now is told after reconnecting."""
        while self._ended:
            ended = self._ended[0]
            if ended.again is not None:
                await queries.retry_job(ended.job, ended.again, ended.error)
            else:
                status: JOB_STATUS = "failed" if ended.error else "successful"
                await queries.log_jobs([(ended.job, status, ended.error)])
            self._ended.pop(0)

    async def _beat(self, queries: Queries) -> None:
        now = asyncio.get_running_loop().time()
        if self._running and now >= self._next_beat:
            await queries.update_heartbeat(list(self._running))
            self._next_beat = now + self._stalled.total_seconds() / _BEATS

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLL_SECONDS):
                await self._rung.wait()
        self._rung.clear()

    async def _stop(self, connection: asyncpg.Connection, queries: Queries) -> None:
        tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=self._stop_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for job, _ in self._running.values():
            log.warning("job.interrupted", job=job.entrypoint, id=job.id)
        # What can't be told is done again, by whoever finds it stalled.
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._report(queries)
                await postpone(connection, dict.fromkeys(self._running, timedelta(0)))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            untold = [ended.job.id for ended in self._ended]
            log.warning("jobs.not_reported", ids=untold, reason=type(error).__name__)

    # ------------------------------------------------------------------ the connection

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(
            self._url,
            timeout=_TIMEOUT_SECONDS,
            # Also what finds out that the connection has died without a word.
            command_timeout=_TIMEOUT_SECONDS,
            server_settings={"application_name": "boom worker"},
        )
        try:
            connection.add_termination_listener(lambda _: self._rung.set())
            await connection.add_listener(CHANNEL, lambda *_: self._rung.set())
            yield connection
        finally:
            connection.terminate()


def _record(job: Job, error: Exception) -> TracebackRecord:
    # The text of an error may hold people's data, which the log line has for a shorter time.
    return TracebackRecord(
        job_id=job.id,
        timestamp=system_clock(),
        exception_type=type(error).__name__,
        exception_message=str(error) if isinstance(error, _FOR_OPERATORS) else "",
        traceback="",
        additional_context={"attempt": job.attempts + 1},
    )
