"""What follows an event, after its commit: handlers by type of event, over the log.

Each entry of the log is handled once per handler, and those of one subject in their order. A
reader (jobs/event_reader.py) notes the entries that a handler is to get, and has a job wait for
each subject; the job handles what is noted of its subject, one transaction an entry.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, cast
from uuid import UUID

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
    """Handle what is noted of a subject, in order, up to what can't be handled."""
    assert tenant_id is not None, "the log belongs to tenants"
    gauge = cast("HandlerGauge", runtime.services[HandlerGauge])
    system = Actor(ActorKind.SYSTEM, tenant_id)
    for number in range(1, ENTRIES_A_JOB + 1):
        change = partial(
            _handle_next,
            handler,
            UUID(payload["subject_id"]),
            is_last=number == ENTRIES_A_JOB,
        )
        try:
            was_handled = (await perform(runtime, system, Request(new_id()), change)).result
        except Exception:
            gauge.add(handler.name, "failed")
            raise
        if not was_handled:
            return
        gauge.add(handler.name, "handled")


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
        job = handler.job_for(subject_id)
        scope.enqueue(job.name, job.payload, dedupe=job.dedupe)
    return True
