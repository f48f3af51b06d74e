"""Counts the usage of a plan, so that concurrent requests can't exceed a limit."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from domain.core.local_time import month_of, zone
from domain.core.refusals import Refusal
from domain.tenants.plans import (
    PLANS,
    PlanCode,
    plan_for_bookings,
    plan_for_rooms,
)
from domain.tenants.refusals import PlanLimitReached
from kit.scope import Scope
from models.tenants import COUNTED_MORE, COUNTED_SEVERAL, Tenant, counted_less, monthly_use, used_of

ALWAYS: Final = date(1970, 1, 1)
"""The period of a meter that is never reset."""
MONTHS_SHOWN: Final = 24


class Meter(StrEnum):
    ROOMS = "rooms"
    BOOKINGS = "bookings"
    SMS = "sms"


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
    sms: UsageMeter


@dataclass(frozen=True, slots=True)
class UsageMonth:
    """Bookings made in a month of the venue, which begins on this day."""

    month: date
    bookings: int


def period_of(at: datetime, zone: ZoneInfo) -> date:
    """Returns the first day of the month on the venue's wall clock.

    It is a date, so that a change of the time zone doesn't reset the month.
    """
    return at.astimezone(zone).date().replace(day=1)


async def usage_of(scope: Scope, tenant: Tenant) -> Usage:
    plan = PLANS[PlanCode(tenant.plan_code)]
    venue_zone = zone(tenant.time_zone)
    month = month_of(scope.now(), venue_zone)
    rooms = await scope.value(used_of(tenant.id, Meter.ROOMS, ALWAYS))
    period = period_of(scope.now(), venue_zone)
    bookings = await scope.value(used_of(tenant.id, Meter.BOOKINGS, period))
    sms = await scope.value(used_of(tenant.id, Meter.SMS, period))
    return Usage(
        period_start=month.start,
        period_end=month.end,
        rooms=UsageMeter(rooms or 0, plan.room_limit),
        bookings=UsageMeter(bookings or 0, plan.monthly_booking_limit),
        sms=UsageMeter(sms or 0, plan.monthly_sms_limit),
    )


async def usage_history(scope: Scope) -> list[UsageMonth]:
    """Returns the last 24 months in which bookings were made, the latest first."""
    months = await scope.all(monthly_use(scope.tenant_id, Meter.BOOKINGS, limit=MONTHS_SHOWN))
    return [UsageMonth(each.period_start, each.used) for each in months]


async def count_room(scope: Scope, tenant: Tenant) -> None:
    """Counts one more room in use. Raises PlanLimitReached."""
    limit = PLANS[PlanCode(tenant.plan_code)].room_limit
    counted = await scope.fetch_prepared(
        COUNTED_MORE,
        tenant_id=scope.tenant_id,
        meter=Meter.ROOMS.value,
        period_start=ALWAYS,
        limit=limit,
    )
    if not counted:
        assert limit is not None
        raise PlanLimitReached(
            "room", limit, limit, resets_at=None, required_plan=plan_for_rooms(limit + 1)
        )


async def uncount_room(scope: Scope, tenant: Tenant) -> None:
    """Counts one room less in use."""
    await scope.run(counted_less(tenant.id, Meter.ROOMS, ALWAYS))


async def count_booking(scope: Scope, tenant: Tenant) -> None:
    """Counts one more booking in this month of the venue. Raises PlanLimitReached."""
    values = booking_count(scope, tenant)
    if not await scope.fetch_prepared(COUNTED_MORE, tenant_id=scope.tenant_id, **values):
        limit = PLANS[PlanCode(tenant.plan_code)].monthly_booking_limit
        assert limit is not None
        raise _no_more_bookings(limit, limit, 1, scope.now(), zone(tenant.time_zone))


async def count_bookings(scope: Scope, tenant: Tenant, number: int) -> bool:
    """Counts several more at once; returns False if the plan doesn't allow all of them."""
    values = {**booking_count(scope, tenant), "number": number}
    counted = await scope.fetch_prepared(COUNTED_SEVERAL, tenant_id=scope.tenant_id, **values)
    return bool(counted)


async def count_sms(scope: Scope, tenant: Tenant) -> bool:
    """Counts one more SMS in this month of the venue; returns False if the plan allows none."""
    limit = PLANS[PlanCode(tenant.plan_code)].monthly_sms_limit
    if not limit:
        return False
    counted = await scope.fetch_prepared(
        COUNTED_MORE,
        tenant_id=scope.tenant_id,
        meter=Meter.SMS.value,
        period_start=period_of(scope.now(), zone(tenant.time_zone)),
        limit=limit,
    )
    return bool(counted)


def booking_count(scope: Scope, tenant: Tenant) -> dict[str, object]:
    """Returns what one more booking counts for, as the parameters of ``counted_more``."""
    return {
        "meter": Meter.BOOKINGS.value,
        "period_start": period_of(scope.now(), zone(tenant.time_zone)),
        "limit": PLANS[PlanCode(tenant.plan_code)].monthly_booking_limit,
    }


async def booking_refusals(scope: Scope, tenant: Tenant, number: int = 1) -> list[Refusal]:
    """Returns the plan's refusal of more bookings this month, to list beside other refusals."""
    limit = PLANS[PlanCode(tenant.plan_code)].monthly_booking_limit
    if limit is None:
        return []
    venue_zone = zone(tenant.time_zone)
    period = period_of(scope.now(), venue_zone)
    used = await scope.value(used_of(tenant.id, Meter.BOOKINGS, period)) or 0
    if used + number <= limit:
        return []
    return [_no_more_bookings(limit, used, number, scope.now(), venue_zone)]


def _no_more_bookings(
    limit: int, used: int, number: int, now: datetime, zone: ZoneInfo
) -> PlanLimitReached:
    return PlanLimitReached(
        "booking",
        limit,
        used,
        resets_at=month_of(now, zone).end,
        required_plan=plan_for_bookings(max(limit, used) + number),
    )
