"""Quotas: lists and changes them, and finds those that a booking would exceed.

Bookings of one customer wait for each other where the venue has quotas: the customer's row is
locked before their bookings are counted. Rooms are locked before it, and nothing but the plan's
counter after it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.bookings.quotas import (
    MAX_QUOTAS,
    Exceeded,
    Quota,
    QuotaMeasure,
    QuotaPeriod,
    counted_span,
    exceeded,
    quota_refusals,
)
from domain.bookings.refusals import Reason
from domain.core.ids import BookingQuotaId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import Event, EventType
from domain.core.refusals import Code, Duplicate, LimitReached, Path, Refusal
from domain.customers.tags import tag_name, tag_refusals
from kit.scope import Scope
from models.bookings.quotas import (
    BookingQuota,
    as_quota,
    counted_times,
    number_of_quotas,
    quotas_of,
    tags_of,
)
from models.core.base import snapshot
from models.tenants import Tenant
from permissions.policy import may
from permissions.roles import P
from resolvers.bookings.slot_claims import Claim
from resolvers.bookings.venue_facts import KeptFacts
from resolvers.core.changes import log_change
from resolvers.core.lookups import CALENDAR, get_at_version, get_or_refuse, raise_all

# ------------------------------------------------------------------------------ settings


def visible_quotas(scope: Scope) -> Select[BookingQuota]:
    return quotas_of(scope.tenant_id)


async def quotas(scope: Scope) -> list[BookingQuota]:
    """The venue's quotas, in the order in which they were created: at most 50."""
    order = (col(BookingQuota.created_at), col(BookingQuota.id))
    return await scope.all(visible_quotas(scope).order_by(*order).limit(MAX_QUOTAS))


async def create_quota(
    scope: Scope,
    *,
    measure: Annotated[QuotaMeasure, Doc("What is counted.")],
    period: Annotated[
        QuotaPeriod | None,
        Doc("The time in which it is counted. Required, except for OPEN_HOLDS, which have none."),
    ] = None,
    limit: Annotated[
        int,
        Doc(
            "The most that a customer can have: 1 to 1,000 bookings, 44,700 minutes, or 100 open "
            "holds."
        ),
    ],
    tag: Annotated[
        str | None,
        Doc("The tag of the customers for whom it holds; by default it holds for all of them."),
    ] = None,
) -> BookingQuota:
    """Limit what each customer can book in a day, week or month of the venue.

    Bookings that exist already are kept, and count. All quotas of a customer apply, so the
    strictest decides. The venue's team isn't limited.
    """
    await scope.lock(CALENDAR)
    name = None if tag is None else tag_name(tag)
    rule = Quota(measure, period, limit, name)
    refused = [*quota_refusals(rule), *_tag_refusals(tag)]
    used = await scope.value(number_of_quotas(scope.tenant_id))
    if used >= MAX_QUOTAS:
        refused.append(LimitReached("quotas", MAX_QUOTAS, used))
    same = visible_quotas(scope).where(
        col(BookingQuota.measure) == measure.value,
        col(BookingQuota.period).is_not_distinct_from(period and period.value),
        col(BookingQuota.tag).is_not_distinct_from(name),
    )
    if await scope.one(same) is not None:
        refused.append(Duplicate("kind of quota", path=("measure",)))
    raise_all(refused)
    new = scope.add(
        BookingQuota(
            tenant_id=scope.tenant_id,
            measure=measure.value,
            period=period and period.value,
            limit=limit,
            tag=name,
            created_at=scope.now(),
        )
    )
    scope.emit(Event(EventType.QUOTA_CREATED, "BookingQuota", new.id, after=snapshot(new)))
    return new


async def update_quota(
    scope: Scope,
    id: Annotated[BookingQuotaId, Doc("The id of the quota.")],
    *,
    version: Annotated[
        int,
        Doc(
            "The version of the quota that you read. If it has changed since, the mutation is "
            "refused with STALE_VERSION."
        ),
    ],
    limit: Annotated[int, Doc("The new limit: see `createQuota`.")],
) -> BookingQuota:
    """Change the limit of a quota. To count something else, delete it and create another."""
    await scope.lock(CALENDAR)
    changed = await get_at_version(scope, visible_quotas(scope), id, version=version, what="quota")
    before = snapshot(changed)
    raise_all([*quota_refusals(replace(as_quota(changed), limit=limit))])
    changed.limit = limit
    log_change(scope, EventType.QUOTA_UPDATED, "BookingQuota", changed, before)
    return changed


async def delete_quota(
    scope: Scope, id: Annotated[BookingQuotaId, Doc("The id of the quota.")]
) -> BookingQuotaId:
    """Delete a quota, so that it doesn't limit bookings any more."""
    await scope.lock(CALENDAR)
    quota = await get_or_refuse(scope, visible_quotas(scope), id, what="quota")
    await scope.remove(quota)
    before = snapshot(quota)
    scope.emit(Event(EventType.QUOTA_DELETED, "BookingQuota", quota.id, before=before))
    return id


def _tag_refusals(tag: str | None) -> list[Refusal]:
    if tag is None:
        return []
    refused = list(tag_refusals([tag_name(tag)], path=("tag",)))
    for each in refused:
        each.path = ("tag",)
    return refused


# ------------------------------------------------------------------------------ decisions


async def exceeded_quotas(
    scope: Scope,
    tenant: Tenant,
    customer_id: UUID | None,
    times: Sequence[Interval],
    *,
    without: Collection[UUID] = (),
) -> Mapping[Interval, list[Exceeded]]:
    """Returns which of the times, in order, exceed quotas of a customer if all are booked.

    Those that exceed one aren't counted for the others; nor are the bookings ``without``.
    """
    own = await _quotas_for(scope, tenant, customer_id)
    venue_zone = zone(tenant.time_zone)
    span = counted_span(own, times, venue_zone)
    if span is None or customer_id is None:
        return {}
    booked = await _booked(scope, customer_id, span, without=without)
    over: dict[Interval, list[Exceeded]] = {}
    for time in times:
        found = list(exceeded(own, booked, time, venue_zone))
        if found:
            over[time] = found
        else:
            booked.append(time)
    return over


async def refusals_by_quotas(
    scope: Scope,
    tenant: Tenant,
    customer_id: UUID | None,
    time: Interval,
    *,
    without: Collection[UUID] = (),
    path: Path = ("start",),
) -> list[Refusal]:
    """Returns the refusals of one more booking of a customer; none for who may override them."""
    if is_unlimited(scope):
        return []
    over = await exceeded_quotas(scope, tenant, customer_id, [time], without=without)
    return [each.as_refusal(path) for each in over.get(time, ())]


async def reasons_by_quotas(scope: Scope, tenant: Tenant, time: Interval) -> list[Reason]:
    """Returns the quotas that refuse the caller a time."""
    if is_unlimited(scope):
        return []
    over = await exceeded_quotas(scope, tenant, scope.actor.own_id, [time])
    return [each.as_reason() for each in over.get(time, ())]


async def accepted_by_quotas(
    scope: Scope, tenant: Tenant, times: Sequence[Interval]
) -> Callable[[Interval], bool]:
    """Returns whether the caller's quotas let them book one of the times, which are in order."""
    own = [] if is_unlimited(scope) else await _quotas_for(scope, tenant, scope.actor.own_id)
    venue_zone = zone(tenant.time_zone)
    span = counted_span(own, times, venue_zone)
    customer_id = scope.actor.own_id
    if span is None or customer_id is None:
        return lambda _: True
    booked = await _booked(scope, customer_id, span)
    return lambda time: not any(exceeded(own, booked, time, venue_zone))


async def with_lifted_quotas(scope: Scope, claimed: Claim, customer_id: UUID | None) -> Claim:
    """Returns a claim that names the quotas, if the caller's override lets pass any."""
    if not is_unlimited(scope):
        return claimed
    time = claimed.wanted
    if not await exceeded_quotas(scope, claimed.tenant, customer_id, [time]):
        return claimed
    return replace(claimed, lifted=(*claimed.lifted, Code.QUOTA_EXCEEDED))


async def has_quotas(scope: Scope, tenant: Tenant) -> bool:
    """Returns whether a tenant, as it was read, has any quotas."""
    return bool(await _quotas(scope, tenant))


async def most_open_holds(scope: Scope, tenant: Tenant, customer_id: UUID | None) -> int:
    """Returns how many holds of a customer can be open at once."""
    own = await _quotas_for(scope, tenant, customer_id, only_holds=True)
    return min([tenant.max_open_holds, *(each.limit for each in own)])


def is_unlimited(scope: Scope) -> bool:
    """Returns whether no quota refuses the caller anything."""
    return may(scope.actor, P.BOOKINGS_OVERRIDE)


async def _booked(
    scope: Scope, customer_id: UUID, span: Interval, *, without: Collection[UUID] = ()
) -> list[Interval]:
    """Returns the times of a customer's bookings that count."""
    counted = counted_times(scope.tenant_id, customer_id, span, now=scope.now(), without=without)
    return [Interval(starts_at, ends_at) for starts_at, ends_at in await scope.rows(counted)]


async def _quotas_for(
    scope: Scope, tenant: Tenant, customer_id: UUID | None, *, only_holds: bool = False
) -> list[Quota]:
    """Returns the quotas of a customer, whom a change locks if there are any."""
    if customer_id is None:
        return []
    every = await _quotas(scope, tenant)
    some = [each for each in every if (each.period is None) is only_holds]
    if not some:
        return []
    tags = await scope.value(tags_of(scope.tenant_id, customer_id, is_locked=scope.writes))
    return [each for each in some if each.applies_to(tags or ())]


async def _quotas(scope: Scope, tenant: Tenant) -> Sequence[Quota]:
    """Returns the quotas as of a tenant that was read: cached, or stored."""
    known = scope.service(KeptFacts).known(tenant)
    if known is not None:
        return known.quotas
    return [as_quota(row) for row in await scope.all(quotas_of(tenant.id))]
