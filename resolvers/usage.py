"""How much of a plan is used, counted so that no race gets past a limit."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from domain.errors import PlanLimitReached, Refusal
from domain.plans import PLANS, PlanCode, plan_for_bookings, plan_for_rooms
from domain.venue_time import month_of
from kit.scope import Scope
from models.tenants import Tenant, counted_less, counted_more, used_of

ALWAYS: Final = date(1970, 1, 1)
"""The period of a meter that never starts anew."""


class Meter(StrEnum):
    ROOMS = "rooms"
    BOOKINGS = "bookings"


@dataclass(frozen=True, slots=True)
class UsageMeter:
    used: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What the tenant uses in the calendar month of its venue."""

    period_start: datetime
    period_end: datetime
    rooms: UsageMeter
    bookings: UsageMeter


def period_of(at: datetime, zone: ZoneInfo) -> date:
    """The first of the month on the venue's wall clock.

    A date, so that a tenant that changes its zone doesn't start a month anew.
    """
    return at.astimezone(zone).date().replace(day=1)


async def usage_of(scope: Scope, tenant: Tenant) -> Usage:
    plan = PLANS[PlanCode(tenant.plan_code)]
    zone = ZoneInfo(tenant.time_zone)
    month = month_of(scope.now(), zone)
    rooms = await scope.value(used_of(tenant.id, Meter.ROOMS, ALWAYS))
    bookings = await scope.value(used_of(tenant.id, Meter.BOOKINGS, period_of(scope.now(), zone)))
    return Usage(
        period_start=month.start,
        period_end=month.end,
        rooms=UsageMeter(rooms or 0, plan.room_limit),
        bookings=UsageMeter(bookings or 0, plan.monthly_booking_limit),
    )


async def count_room(scope: Scope, tenant: Tenant) -> None:
    """One room more in use. Raises PlanLimitReached."""
    limit = PLANS[PlanCode(tenant.plan_code)].room_limit
    counted = await scope.value(counted_more(tenant.id, Meter.ROOMS, ALWAYS, limit))
    if limit is not None and counted is None:
        raise PlanLimitReached(
            "room", limit, limit, resets_at=None, required_plan=plan_for_rooms(limit + 1)
        )


async def uncount_room(scope: Scope, tenant: Tenant) -> None:
    """One room less in use."""
    await scope.run(counted_less(tenant.id, Meter.ROOMS, ALWAYS))


async def count_booking(scope: Scope, tenant: Tenant) -> None:
    """One booking more in this month of the venue. Raises PlanLimitReached.

    A cancellation gives nothing back: a plan counts what was booked.
    """
    limit = PLANS[PlanCode(tenant.plan_code)].monthly_booking_limit
    zone = ZoneInfo(tenant.time_zone)
    period = period_of(scope.now(), zone)
    counted = await scope.value(counted_more(tenant.id, Meter.BOOKINGS, period, limit))
    if limit is not None and counted is None:
        raise _no_more_bookings(limit, scope.now(), zone)


async def booking_refusals(scope: Scope, tenant: Tenant) -> list[Refusal]:
    """What the plan has against one booking more this month, where others refuse it as well."""
    limit = PLANS[PlanCode(tenant.plan_code)].monthly_booking_limit
    if limit is None:
        return []
    zone = ZoneInfo(tenant.time_zone)
    used = await scope.value(used_of(tenant.id, Meter.BOOKINGS, period_of(scope.now(), zone)))
    return [_no_more_bookings(limit, scope.now(), zone)] if (used or 0) >= limit else []


def _no_more_bookings(limit: int, now: datetime, zone: ZoneInfo) -> PlanLimitReached:
    return PlanLimitReached(
        "booking",
        limit,
        limit,
        resets_at=month_of(now, zone).end,
        required_plan=plan_for_bookings(limit + 1),
    )
