"""Runs the jobs of the queue, each at least once.

The tables and statements are pgqueuer's, the loop is ours: pgqueuer's deletes a job that is
cancelled when the process stops, and never releases one that couldn't be requeued because the
database was unavailable for a moment.
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
    queries_of,
    release_dedupe_keys,
    requeue_early,
    tenant_of,
)
from kit.postgres.failures import DATABASE_ERRORS
from kit.runtime import Runtime

Handler = Callable[[Runtime, UUID | None, Mapping[str, Any]], Awaitable[None]]
"""Runs a job of a tenant, or of none, with its payload.

It must be idempotent: a job may run again, even while it still runs elsewhere.
"""

MAX_CONCURRENT: Final = 4
STOP_SECONDS: Final = 5.0
STALLED: Final = timedelta(seconds=30)
"""A job is taken over if its worker has sent no heartbeat for so long."""
MAX_JOB_SECONDS: Final = 60.0

_POLL_SECONDS: Final = 1.0
# Heartbeats within that time.
_BEATS: Final = 6
_TIMEOUT_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


class PermanentFailure(Exception):
    """Raised by a handler if retrying can't help; the message is for operators."""


class TemporaryFailure(Exception):
    """Raised by a handler if a retry may help; the message is for operators."""


_FOR_OPERATORS: Final = (PermanentFailure, TemporaryFailure)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a job is attempted: the pauses double, with a jitter of up to minus a half."""

    attempts: int = 10
    first_seconds: float = 2.0
    longest_seconds: float = 900.0

    def pause(self, failed: int) -> timedelta | None:
        """Returns the pause after so many failures; None after the last attempt."""
        if failed >= self.attempts:
            return None
        longest = min(self.first_seconds * 2 ** min(failed - 1, 30), self.longest_seconds)
        return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311 - jitter


DEFAULT: Final = Retries()


@dataclass(frozen=True, slots=True)
class _Ended:
    """The result of an attempt: to run ``again`` after a pause, dead, or done if neither."""

    job: Job
    again: timedelta | None = None
    error: TracebackRecord | None = None


class Worker:
    """Runs jobs in one process; ``url`` is of a role that sees the jobs of all tenants.

    Jobs without a handler in ``handlers`` wait for a worker that has it. Jobs of the ``yielding``
    names leave one place free for others. A job that takes ``job_seconds`` is interrupted.
    """

    def __init__(
        self,
        url: str,
        runtime: Runtime,
        handlers: Mapping[str, Handler],
        *,
        retries: Mapping[str, Retries] | None = None,
        yielding: Collection[str] = (),
        max_concurrent: int = MAX_CONCURRENT,
        stop_seconds: float = STOP_SECONDS,
        stalled: timedelta = STALLED,
        job_seconds: float = MAX_JOB_SECONDS,
    ) -> None:
        self._url = url
        self._runtime = runtime
        self._handlers = handlers
        self._retries = retries or {}
        self._yielding = frozenset(yielding)
        self._max_concurrent = max_concurrent
        self._stop_seconds = stop_seconds
        self._stalled = stalled
        self._job_seconds = job_seconds
        self._me = QueueManagerId(uuid4())
        self._running: dict[JobId, tuple[Job, asyncio.Task[None]]] = {}
        self._ended: list[_Ended] = []
        self._rung = asyncio.Event()
        self._next_beat = 0.0

    async def run(self) -> None:
        """Runs due jobs until the connection is lost; running jobs continue then.

        If cancelled, takes no more jobs, gives running ones some time, and requeues the rest.
        """
        async with self._connected() as connection:
            queries = queries_of(AsyncpgDriver(connection))
            try:
                while True:
                    if not await self._round(connection, queries):
                        await self._wait()
            except asyncio.CancelledError:
                await self._stop(connection, queries)
                raise

    # ------------------------------------------------------------------ one round

    async def _round(self, connection: asyncpg.Connection, queries: Queries) -> bool:
        """Reports results, sends a heartbeat and takes due jobs; True if more may be due."""
        await self._report(queries)
        await self._heartbeat(queries)
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
        early, due = await self._split_early(jobs)
        await requeue_early(connection, early)
        await release_dedupe_keys(connection, [job.id for job in due])
        for job in due:
            self._start(job)
        return len(taken) == free

    def _places(self) -> tuple[int, Collection[str]]:
        """Returns how many jobs to take now, and of which names."""
        free = self._max_concurrent - len(self._running)
        yielding = sum(job.entrypoint in self._yielding for job, _ in self._running.values())
        for_yielding = min(free, self._max_concurrent - 1 - yielding)
        if for_yielding > 0:
            return for_yielding, self._handlers
        return free, self._handlers.keys() - self._yielding

    async def _split_early(self, jobs: list[Job]) -> tuple[dict[JobId, timedelta], list[Job]]:
        """Splits jobs into early ones, with their remaining delay, and due ones."""
        now = self._runtime.clock()
        early = {job.id: at - now for job in jobs if (at := due_at(job)) is not None and at > now}
        return early, [job for job in jobs if job.id not in early]

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._do(job), name=f"job {job.entrypoint}")
        self._running[job.id] = (job, task)

    async def _do(self, job: Job) -> None:
        job_log = log.bind(
            job=job.entrypoint, id=job.id, tenant=str(tenant_of(job)), attempt=job.attempts + 1
        )
        try:
            async with asyncio.timeout(self._job_seconds):
                handle = self._handlers[job.entrypoint]
                await handle(self._runtime, tenant_of(job), payload_of(job))
        except Exception as error:  # noqa: BLE001 - logged, and retried
            pause = self._pause_after(job, error)
            if pause is None:
                job_log.exception("job.dead", error=type(error).__name__)
            else:
                job_log.warning("job.failed", again=pause.total_seconds(), exc_info=True)
            self._ended.append(_Ended(job, again=pause, error=_record(job, error)))
        else:
            job_log.info("job.done")
            self._ended.append(_Ended(job))
        del self._running[job.id]
        self._rung.set()

    def _pause_after(self, job: Job, error: Exception) -> timedelta | None:
        if isinstance(error, PermanentFailure):
            return None
        return self._retries.get(job.entrypoint, DEFAULT).pause(job.attempts + 1)

    # ------------------------------------------------------------------ reports to the queue

    async def _report(self, queries: Queries) -> None:
        """Reports finished jobs to the queue; what fails is reported after reconnecting."""
        while self._ended:
            ended = self._ended[0]
            if ended.again is not None:
                await queries.retry_job(ended.job, ended.again, ended.error)
            else:
                status: JOB_STATUS = "failed" if ended.error else "successful"
                await queries.log_jobs([(ended.job, status, ended.error)])
            self._ended.pop(0)

    async def _heartbeat(self, queries: Queries) -> None:
        now = asyncio.get_running_loop().time()
        if self._running and now >= self._next_beat:
            await queries.update_heartbeat(list(self._running))
            self._next_beat = now + self._stalled.total_seconds() / _BEATS

    async def _wait(self) -> None:
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
        # A job that can't be reported is run again by the worker that finds it stalled.
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._report(queries)
                await requeue_early(connection, dict.fromkeys(self._running, timedelta(0)))
        except DATABASE_ERRORS as error:
            untold = [ended.job.id for ended in self._ended]
            log.warning("jobs.not_reported", ids=untold, reason=type(error).__name__)

    # ------------------------------------------------------------------ the connection

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(
            self._url,
            timeout=_TIMEOUT_SECONDS,
            # Also detects a connection that has died silently.
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
    # Without the error's text, which may hold personal data; logs are kept for a shorter time.
    return TracebackRecord(
        job_id=job.id,
        timestamp=system_clock(),
        exception_type=type(error).__name__,
        exception_message=str(error) if isinstance(error, _FOR_OPERATORS) else "",
        traceback="",
        additional_context={"attempt": job.attempts + 1},
    )
