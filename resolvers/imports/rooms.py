"""Imports rooms: adds those whose names are new."""

from collections.abc import Sequence

from domain.core.log_events import Event, EventType
from domain.core.money import Money
from domain.core.refusals import Code, Refusal
from domain.core.text import search_form
from domain.imports.imports import ImportOutcome
from domain.imports.rows import FileRow, RoomFields
from domain.tenants.plans import PLANS, PlanCode, plan_for_rooms
from domain.tenants.refusals import PlanLimitReached
from kit.scope import Scope
from models.core.base import snapshot
from models.tenants import Tenant, payment_policy_of, used_of
from models.venue.rooms import Room, rooms_of
from resolvers.core.lookups import CALENDAR
from resolvers.imports.taken_rows import TakenRow, Tried, passed_over, refused, skipped
from resolvers.tenants.tenants import own_tenant
from resolvers.tenants.usage import ALWAYS, Meter, count_room
from resolvers.venue.rooms import room_refusals


async def locks_of_rooms(_: Scope, __: Sequence[FileRow[RoomFields]]) -> list[tuple[object, ...]]:
    return [CALENDAR]


async def take_rooms(
    scope: Scope, rows: Sequence[FileRow[RoomFields]], tried: Tried
) -> list[TakenRow]:
    """Adds the rooms of rows, under the lock of the calendar; a scope that reads only decides."""
    tenant = await own_tenant(scope)
    names = {search_form(each.name) for each in await scope.all(rooms_of(scope.tenant_id))}
    names |= tried.rooms
    return [passed_over(row) or await _taken(scope, row, tenant, names, tried) for row in rows]


async def _taken(
    scope: Scope, row: FileRow[RoomFields], tenant: Tenant, names: set[str], tried: Tried
) -> TakenRow:
    fields = row.fields
    assert fields is not None
    name = search_form(fields.name)
    if name in names:
        return skipped(row, Code.DUPLICATE, "There is a room with this name already.")
    try:
        rate = Money.parse(fields.hourly_rate, tenant.currency_code) if fields.hourly_rate else None
        new = _room(scope, fields, rate, tenant)
        problems = room_refusals(new, rate, payment_policy_of(tenant))
        if problems:
            return refused(row, *problems)
        await _count(scope, tenant, tried)
    except Refusal as refusal:
        return refused(row, refusal)
    names.add(name)
    if scope.writes:
        scope.add(new)
        scope.emit(Event(EventType.ROOM_CREATED, "Room", new.id, after=snapshot(new)))
    else:
        tried.rooms.add(name)
    return TakenRow(row.line, ImportOutcome.CREATED, row.problems, (new.id, new.version))


async def _count(scope: Scope, tenant: Tenant, tried: Tried) -> None:
    """Counts one more room for the plan. Raises PlanLimitReached."""
    if scope.writes:
        await count_room(scope, tenant)
        return
    limit = PLANS[PlanCode(tenant.plan_code)].room_limit
    used = (await scope.value(used_of(tenant.id, Meter.ROOMS, ALWAYS)) or 0) + tried.counted
    if limit is not None and used >= limit:
        raise PlanLimitReached(
            "room", limit, used, resets_at=None, required_plan=plan_for_rooms(used + 1)
        )
    tried.counted += 1


def _room(scope: Scope, fields: RoomFields, rate: Money | None, tenant: Tenant) -> Room:
    return Room(
        tenant_id=scope.tenant_id,
        name=fields.name,
        description=fields.description,
        category=fields.category,
        capacity=fields.capacity,
        color=fields.color,
        buffer_before_minutes=fields.buffer_before_minutes,
        buffer_after_minutes=fields.buffer_after_minutes,
        hourly_rate_minor=rate.amount_minor if rate else None,
        currency_code=tenant.currency_code,
        seats=fields.seats,
        created_at=scope.now(),
    )
