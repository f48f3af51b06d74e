"""What a ticket comes to by itself: it is almost due, it is closed, or its hours have changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.core.log_events import Event, EventType, LoggedEvent
from domain.support.tickets import TicketStep
from kit.scope import Scope
from models.core.base import snapshot
from models.support.tickets import Ticket, running_tickets, ticket_of
from resolvers.support.clocks import reset_deadlines
from resolvers.support.ticket_changes import log_ticket, take_step

TICKET_JOB: Final = "ticket"
CLOCK_EVENTS: Final = frozenset(
    {
        EventType.HOURS_CHANGED,
        EventType.BLACKOUT_CREATED,
        EventType.BLACKOUT_DELETED,
        EventType.TENANT_UPDATED,
        EventType.SUPPORT_SETTINGS_CHANGED,
    }
)
"""The events after which tickets may be due at another time."""


async def follow_hours(scope: Scope, _: LoggedEvent) -> None:
    """Enqueues a job for each ticket whose clock runs."""
    for id in await scope.all(running_tickets(scope.tenant_id)):
        scope.enqueue(TICKET_JOB, {"id": str(id)}, dedupe=str(id))


async def tend_ticket(scope: Scope, *, payload: Mapping[str, Any]) -> None:
    """Sets what is due when anew; warns the managers, or closes the ticket, if it is time to."""
    id = UUID(payload["id"])
    await scope.lock(("ticket", id))
    ticket = await scope.one(ticket_of(scope.tenant_id, id))
    if ticket is None:
        return
    before, now = snapshot(ticket), scope.now()
    if ticket.closes_at is not None and ticket.closes_at <= now:
        await take_step(scope, ticket, TicketStep.CLOSE)
        log_ticket(scope, EventType.TICKET_CLOSED, ticket, before)
        return
    await reset_deadlines(scope, ticket)
    due = _warn(ticket, now)
    if due is not None:
        # Customers aren't told of it, and see no other version.
        after = {"due_at": due.isoformat()}
        scope.emit(Event(EventType.TICKET_ESCALATED, "Ticket", ticket.id, after=after))
        await reset_deadlines(scope, ticket)


def _warn(ticket: Ticket, now: datetime) -> datetime | None:
    """Notes that the managers are told of what is almost due, and returns when that is."""
    due: list[datetime] = []
    for name in ("first_reply", "resolution"):
        at = getattr(ticket, f"{name}_warning_at")
        if at is None or at > now or getattr(ticket, f"{name}_warned_at") is not None:
            continue
        setattr(ticket, f"{name}_warned_at", now)
        if (due_at := getattr(ticket, f"{name}_due_at")) is not None:
            due.append(due_at)
    return min(due, default=None)
