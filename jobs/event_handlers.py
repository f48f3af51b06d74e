"""What follows an event, after its commit: handlers by type of event, over the log.

Each entry of the log is handled once per handler, and those of one subject in their order. A
reader (jobs/event_reader.py) notes the entries that a handler is to get, and has a job wait for
each subject; the job handles what is noted of its subject, one transaction an entry.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, cast
from uuid import UUID

import structlog
from sqlalchemy import func, select

from domain.core.log_events import EventType, LoggedEvent
from kit.actor import Actor, ActorKind, Request
from kit.events.handler_gauge import HandlerGauge
from kit.ids import new_id
from kit.jobs.queue import Job
from kit.jobs.worker import Handler
from kit.postgres.advisory_locks import advisory_key
from kit.runtime import Runtime
from kit.scope import Scope
from models.audit.event_handlers import logged_event, next_pending, pending_handled
from resolvers.accounts.security_notices import NOTIFIED_OF, mail_security_notice
from resolvers.core.transactions import perform

ENTRIES_A_JOB: Final = 100
"""A subject with more goes to the end of the queue."""
JOB_SECONDS: Final = 20.0
"""A subject whose entries take longer goes there too: a job that takes a minute has failed."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EventHandler:
    """What is done after events of some types.

    ``handle`` gets an entry in a transaction of its tenant, as the system. What it stores there,
    jobs and events too, is stored once for each entry. It calls nobody outside: it enqueues jobs
    that do, each at least once. Raising stores nothing; the entry is tried again, and those of
    the same subject wait behind it.

    The ``name`` stands in the database: under another one it is another handler. A new one starts
    at the end of the log, or at its beginning.
    """

    name: str
    event_types: frozenset[EventType]
    handle: Callable[[Scope, LoggedEvent], Awaitable[None]]
    starts: Literal["now", "beginning"] = "now"

    @property
    def job_name(self) -> str:
        return f"event:{self.name}"

    def job_for(self, subject_id: UUID) -> Job:
        """The job that handles what is noted of a subject."""
        return Job(self.job_name, {"subject_id": str(subject_id)}, dedupe=str(subject_id))


EVENT_HANDLERS: Final[Sequence[EventHandler]] = (
    EventHandler("security_notices", NOTIFIED_OF, mail_security_notice),
)
"""All there are, in no order: none waits for another."""


def jobs_of(handlers: Sequence[EventHandler]) -> Mapping[str, Handler]:
    """Who does the handlers' jobs, by the jobs' names."""
    return {each.job_name: partial(handle_subject, each) for each in handlers}


async def handle_subject(
    handler: EventHandler, runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Handle what is noted of a subject, in order, up to what can't be handled.

    Attempts count for one entry: what fails behind one that was handled is left to a new job.
    """
    assert tenant_id is not None, "the log belongs to tenants"
    gauge = cast("HandlerGauge", runtime.services[HandlerGauge])
    system = Actor(ActorKind.SYSTEM, tenant_id)
    subject_id = UUID(payload["subject_id"])
    elapsed = asyncio.get_running_loop().time
    ends_at = elapsed() + JOB_SECONDS
    for number in range(1, ENTRIES_A_JOB + 1):
        is_last = number == ENTRIES_A_JOB or elapsed() >= ends_at
        change = partial(_handle_next, handler, subject_id, is_last=is_last)
        try:
            was_handled = (await perform(runtime, system, Request(new_id()), change)).result
        except Exception:
            gauge.add(handler.name, "failed")
            if number == 1:
                raise
            log.warning("event.failed", handler=handler.name, exc_info=True)
            again = partial(_enqueue, handler.job_for(subject_id))
            await perform(runtime, system, Request(new_id()), again)
            return
        if not was_handled:
            return
        gauge.add(handler.name, "handled")
        if is_last:
            return


async def _handle_next(
    handler: EventHandler, subject_id: UUID, scope: Scope, *, is_last: bool
) -> bool:
    """Handle the first entry that is noted of a subject; False where there is none to handle."""
    lock = advisory_key("event handler", handler.name, scope.tenant_id, subject_id)
    # Whoever has it looks again after its commit, or its job comes again.
    if not await scope.value(select(func.pg_try_advisory_xact_lock(lock))):
        return False
    entry = await scope.one(next_pending(scope.tenant_id, handler.name, subject_id))
    if entry is None:
        return False
    assert entry.position is not None
    await handler.handle(scope, logged_event(entry))
    # Last, for locks come before the first write.
    await scope.run(pending_handled(scope.tenant_id, handler.name, entry.position))
    if is_last:
        await _enqueue(handler.job_for(subject_id), scope)
    return True


async def _enqueue(job: Job, scope: Scope) -> None:
    scope.enqueue(job.name, job.payload, dedupe=job.dedupe)
