"""Handlers of events, which run after the commit of the change.

Each handler handles each entry of the log once, and the entries of one subject in order. A reader
(jobs/event_reader.py) stores which entries are pending for a handler, and enqueues a job for each
subject; the job handles the subject's pending entries, each in a transaction of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, cast
from uuid import UUID

import structlog
from sqlalchemy import Select, func, select

from domain.core.log_events import EventType, LoggedEvent
from domain.notifications.causes import NOTIFYING
from kit.actor import Actor, ActorKind, Request
from kit.events.handler_gauge import HandlerGauge
from kit.ids import new_id
from kit.jobs.queue import Job
from kit.jobs.worker import Handler
from kit.postgres.advisory_locks import advisory_key
from kit.runtime import Runtime
from kit.scope import Scope
from models.audit.event_handlers import logged_event, next_pending, pending_handled
from models.bookings.waitlist import tenants_with_waitlist
from models.support.tickets import tenants_with_running_tickets
from resolvers.accounts.security_notices import NOTIFIED_OF, mail_security_notice
from resolvers.bookings.waitlist_events import FOLLOWED, follow_waitlist
from resolvers.core.transactions import perform
from resolvers.notifications.events import notify_of
from resolvers.support.due_tickets import CLOCK_EVENTS, follow_hours
from resolvers.support.ticket_notices import TOLD_OF, notify_of_ticket

ENTRIES_A_JOB: Final = 100
"""A subject with more pending entries continues in another job, at the end of the queue."""
JOB_SECONDS: Final = 20.0
"""So does a subject whose entries take longer: a job that takes a minute fails."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EventHandler:
    """A function that handles events of some types.

    ``handle`` is called with an entry of the log, in a transaction of its tenant, as SYSTEM. What
    it stores there, jobs and events included, is stored once for each entry. It must not call
    external services: it enqueues jobs that do, which run at least once. If it raises, nothing is
    stored; the entry is retried, and later entries of the same subject wait.

    ``only_of`` selects those of some tenants whose events matter: others' aren't even noted. It is
    asked when the event is read; by then it may have to do with what was stored later. Nor are
    those noted that an import has marked as silent, if it ``skips_silent`` ones.

    The ``name`` is stored in the database: a renamed handler is a new one. A new handler starts at
    the end of the log, or at its beginning.
    """

    name: str
    event_types: frozenset[EventType]
    handle: Callable[[Scope, LoggedEvent], Awaitable[None]]
    starts: Literal["now", "beginning"] = "now"
    only_of: Callable[[Collection[UUID]], Select[UUID]] | None = None
    skips_silent: bool = False

    @property
    def job_name(self) -> str:
        return f"event:{self.name}"

    def job_for(self, subject_id: UUID) -> Job:
        """Returns the job that handles the pending entries of a subject."""
        return Job(self.job_name, {"subject_id": str(subject_id)}, dedupe=str(subject_id))


EVENT_HANDLERS: Final[Sequence[EventHandler]] = (
    EventHandler("security_notices", NOTIFIED_OF, mail_security_notice),
    EventHandler("waitlist", FOLLOWED, follow_waitlist, only_of=tenants_with_waitlist),
    EventHandler("notifications", NOTIFYING, notify_of, skips_silent=True),
    EventHandler("tickets", TOLD_OF, notify_of_ticket),
    EventHandler("ticket_hours", CLOCK_EVENTS, follow_hours, only_of=tenants_with_running_tickets),
)
"""All handlers. They are independent of each other, so their order doesn't matter."""


def jobs_of(handlers: Sequence[EventHandler]) -> Mapping[str, Handler]:
    """Returns the function that runs each handler's jobs, by the name of the job."""
    return {each.job_name: partial(handle_subject, each) for each in handlers}


async def handle_subject(
    handler: EventHandler, runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Handles the pending entries of a subject in order, up to one that fails.

    Attempts are counted for one entry: if an entry fails after another one was handled, a new job
    continues with it.
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
    """Handles the first pending entry of a subject; returns False if there is none."""
    lock = advisory_key("event handler", handler.name, scope.tenant_id, subject_id)
    # The holder of the lock checks again after its commit, or its job is retried.
    if not await scope.value(select(func.pg_try_advisory_xact_lock(lock))):
        return False
    entry = await scope.one(next_pending(scope.tenant_id, handler.name, subject_id))
    if entry is None:
        return False
    assert entry.position is not None
    await handler.handle(scope, logged_event(entry))
    # After the handler, because it may take locks, which come before the first write.
    await scope.run(pending_handled(scope.tenant_id, handler.name, entry.position))
    if is_last:
        await _enqueue(handler.job_for(subject_id), scope)
    return True


async def _enqueue(job: Job, scope: Scope) -> None:
    scope.enqueue(job.name, job.payload, dedupe=job.dedupe)
