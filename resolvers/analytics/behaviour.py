"""Counts what visitors of public pages do, without ever holding up bookings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from typing_extensions import Doc

from domain.analytics.behaviour import (
    FunnelDay,
    TrackedEvent,
    event_refusals,
    without_repeats,
)
from domain.analytics.cells import local_date
from domain.core.local_time import zone
from domain.core.refusals import NotFound
from domain.tenants.plans import Feature
from kit.errors import Throttled
from kit.scope import Scope
from kit.security.network_addresses import network_of
from kit.security.token_bucket import Bucket, TokenBuckets
from models.analytics.behaviour import COUNT_EVENTS, funnel_counts
from models.tenants import tenant_id_of, tenant_of
from resolvers.analytics.analytics import Analytics
from resolvers.core.lookups import raise_all
from resolvers.tenants.features import check_included

OF_ADDRESS: Final = Bucket(restore_rate=5, maximum=300)
"""Events of a network address at a venue: a page sends a few for each visitor."""
OF_VENUE: Final = Bucket(restore_rate=200, maximum=10_000)
"""Events of all visitors of a venue."""
AT_ONCE: Final = 1
"""The requests that are stored at once, so that most connections stay free for bookings."""
MAX_WAITING: Final = 50


class EventLimits:
    """Limits events by venue and address in this process, and stores few at once."""

    def __init__(self, *, is_enforced: bool = True) -> None:
        self._buckets = TokenBuckets()
        self._is_enforced = is_enforced
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    def spend(self, tenant_id: UUID, address: str | None, number: int, *, now: datetime) -> None:
        """Counts events against the limits. Raises Throttled."""
        if not self._is_enforced:
            return
        venue = str(tenant_id)
        buckets = ((f"{venue} {network_of(address)}", OF_ADDRESS), (venue, OF_VENUE))
        charge = self._buckets.charge(buckets, number, now=now)
        if not charge.allowed:
            raise _throttled(charge.retry_after_seconds)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits until it is this request's turn to be stored. Raises Throttled."""
        if self._waiting >= MAX_WAITING:
            raise _throttled(1)
        self._waiting += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1


def _throttled(seconds: int) -> Throttled:
    return Throttled(f"Too many events; try again in {seconds} s.", retry_after_seconds=seconds)


async def track_events(
    scope: Scope,
    *,
    subdomain: Annotated[str, Doc("The subdomain of the venue.")],
    events: Annotated[tuple[TrackedEvent, ...], Doc("What visitors did: 1 to 100 events.")],
) -> int:
    """Count what visitors of a venue's public page did, for `Analytics.funnel`.

    Each event is counted once within 24 hours, by its id, on the venue's date on which it arrives.
    Nothing else is kept: no names, no addresses. Too many events from one network address, or for
    one venue, are refused with `THROTTLED`.
    """
    raise_all(event_refusals(events))
    tenant_id = await scope.read_outside(tenant_id_of(subdomain.strip().lower()))
    if tenant_id is None:
        raise NotFound("venue", path=("subdomain",))
    limits = scope.service(EventLimits)
    limits.spend(tenant_id, scope.request.ip_address, len(events), now=scope.now())
    await scope.enter(tenant_id)
    tenant = await scope.read_outside(tenant_of(tenant_id))
    assert tenant is not None, "its subdomain was found"
    unique = without_repeats(events)
    values = {
        "tenant": str(tenant_id),
        "tenant_id": tenant_id,
        "keys": list(unique),
        "actions": [action.value for action in unique.values()],
        "at": scope.now(),
        "date": local_date(scope.now(), zone(tenant.time_zone)),
    }
    async with limits.turn():
        # A statement by itself: no connection is held while waiting for the turn.
        row = await scope.runtime.database.write(COUNT_EVENTS, values, owner=tenant_id)
    return int(row[0])


async def funnel(scope: Scope, analytics: Analytics) -> list[FunnelDay]:
    """What visitors of the public page did on each date of the span, in order.

    It is of the whole venue, whatever the filter.
    """
    check_included(analytics.figures.open_time.tenant, Feature.ANALYTICS)
    span = analytics.figures.span
    counts = {row.date: row for row in await scope.all(funnel_counts(scope.tenant_id, span))}
    return [
        FunnelDay(day, row.viewed, row.searched, row.held, row.booked)
        if (row := counts.get(day))
        else FunnelDay(day)
        for day in span.dates()
    ]
