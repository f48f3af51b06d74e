"""The clocks of tickets: when answers are due by the venue's opening hours."""

from collections.abc import Mapping
from datetime import date, timedelta

from sqlmodel import col

from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.support.service_hours import ServiceHours, deadlines, stopped
from domain.support.sla import target_for
from domain.support.tickets import RUNNING, TicketPriority, TicketStatus
from domain.venue.hours import HoursFacts, LocalInterval
from kit.scope import Scope
from models.core.filters import DateTimeRange
from models.support.tickets import Ticket
from models.venue.hours import (
    Blackout,
    HoursException,
    blackouts_of,
    blackouts_within,
    exceptions_of,
)
from resolvers.support.settings import settings_in_use
from resolvers.tenants.tenants import own_tenant
from resolvers.venue.hours import weekly_hours_of_venue


async def service_hours(scope: Scope, ticket: Ticket) -> ServiceHours:
    """Returns when the venue is open from the ticket's first day on."""
    tenant = await own_tenant(scope)
    venue_zone = zone(tenant.time_zone)
    since = ticket.created_at - timedelta(days=1)
    closed = await scope.all(
        blackouts_within(blackouts_of(scope.tenant_id), DateTimeRange(gte=since)).where(
            col(Blackout.room_id).is_(None)
        )
    )
    facts = HoursFacts(
        tuple(await weekly_hours_of_venue(scope, tenant)),
        venue_exceptions=await _exceptions(scope, since.astimezone(venue_zone).date()),
    )
    times = (Interval(each.starts_at, each.ends_at) for each in closed)
    return ServiceHours(facts, venue_zone, tuple(times))


async def set_clock(scope: Scope, ticket: Ticket, before: TicketStatus) -> None:
    """Starts or stops the clock of a ticket that had another status, and sets what is due when."""
    hours = await service_hours(scope, ticket)
    runs = TicketStatus(ticket.status) in RUNNING
    if before in RUNNING and not runs:
        used = stopped(ticket.clock, hours, now=scope.now())
        ticket.used_seconds = round(used.total_seconds())
        ticket.running_since = None
    elif runs and ticket.running_since is None:
        ticket.running_since = scope.now()
    await _set_deadlines(scope, ticket, hours)


async def reset_deadlines(scope: Scope, ticket: Ticket) -> None:
    """Sets what is due when anew, by the hours and the targets of now."""
    await _set_deadlines(scope, ticket, await service_hours(scope, ticket))


async def _set_deadlines(scope: Scope, ticket: Ticket, hours: ServiceHours) -> None:
    settings = await settings_in_use(scope)
    target = target_for(settings.targets, TicketPriority(ticket.priority))
    ticket.set_deadlines(deadlines(ticket.clock, target, hours))


async def _exceptions(scope: Scope, first: date) -> Mapping[date, tuple[LocalInterval, ...]]:
    rows = await scope.all(
        exceptions_of(scope.tenant_id).where(
            col(HoursException.room_id).is_(None), col(HoursException.date) >= first
        )
    )
    return {row.date: row.intervals for row in rows}
