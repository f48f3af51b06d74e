"""Undoes imports: takes back what their rows have added, unless it was changed since."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import exists, literal, or_, select
from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.core.local_time import zone
from domain.core.log_events import Event, EventType
from domain.imports.imports import ImportKind, ImportOutcome, ImportStatus
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.bookings.customer_merges import references
from models.core.base import snapshot
from models.core.filters import is_any
from models.customers.customers import Customer, customers_among
from models.imports.imports import Import, ImportRow, import_of, marked_undone, rows_to_undo
from models.tenants import Tenant, counted_less
from models.venue.rooms import Room, rooms_of
from resolvers.bookings.booking_access import record_change
from resolvers.bookings.hooks import BookingChange
from resolvers.bookings.space_locks import space_locks
from resolvers.core.changes import log_change
from resolvers.core.hooks import run_handlers
from resolvers.core.lookups import CALENDAR
from resolvers.core.transactions import perform
from resolvers.tenants.tenants import own_tenant
from resolvers.tenants.usage import Meter, period_of
from resolvers.venue.rooms import archive

BATCH: Final = 50
REASON: Final = "The import was undone."
Versions = dict[UUID, ImportRow]
Lock = tuple[object, ...]

# What an imported booking is until somebody changes it.
_UNCHANGED: Final = (Status.CONFIRMED, Status.PENDING, Status.COMPLETED, Status.NO_SHOW)


async def undo(runtime: Runtime, tenant_id: UUID, id: UUID) -> None:
    """Undoes an import that waits for it, batch by batch; safe to repeat."""
    actor, last = Actor(ActorKind.SYSTEM, tenant_id), None
    while True:
        rows = await _rows(runtime, actor, id, after=last)
        if rows is None:
            return
        if not rows:
            break
        last = rows[-1].id

        async def take_back(scope: Scope, rows: Sequence[ImportRow] = rows) -> None:
            await _take_back(scope, id, rows)

        await perform(runtime, actor, Request(new_id()), take_back)

    async def finish(scope: Scope) -> None:
        await scope.lock(("import", id))
        undone = await _undoing(scope, id)
        if undone is not None:
            undone.status = ImportStatus.UNDONE.value
            undone.undone_at = scope.now()
            undone.version += 1
            scope.emit(Event(EventType.IMPORT_UNDONE, "Import", id))

    await perform(runtime, actor, Request(new_id()), finish)


async def _rows(
    runtime: Runtime, actor: Actor, id: UUID, *, after: UUID | None
) -> list[ImportRow] | None:
    """Returns the next rows; None if the import isn't to be undone."""
    scope = Scope(runtime, actor, Request(new_id()))
    try:
        if await _undoing(scope, id) is None:
            return None
        return await scope.all(rows_to_undo(scope.tenant_id, id, after=after, limit=BATCH))
    finally:
        await scope.close()


async def _undoing(scope: Scope, id: UUID) -> Import | None:
    found = await scope.one(import_of(scope.tenant_id, id))
    return found if found is not None and found.status == ImportStatus.UNDOING.value else None


async def _take_back(scope: Scope, id: UUID, rows: Sequence[ImportRow]) -> None:
    versions = {each.subject_id: each for each in rows if each.subject_id is not None}
    own: Lock = ("import", id)
    match await _kind(scope, id):
        case ImportKind.CUSTOMERS:
            done = await _customers(scope, own, versions)
        case ImportKind.ROOMS:
            done = await _rooms(scope, own, versions)
        case ImportKind.BOOKINGS:
            done = await _bookings(scope, own, versions)
    if done:
        await scope.run(marked_undone(scope.tenant_id, done))
    undone = await scope.one(import_of(scope.tenant_id, id))
    assert undone is not None
    undone.undone_count += len(done)
    undone.version += 1


async def _kind(scope: Scope, id: UUID) -> ImportKind:
    found = await scope.read_outside(import_of(scope.tenant_id, id))
    assert found is not None
    return ImportKind(found.kind)


async def _customers(scope: Scope, own: Lock, rows: Versions) -> list[UUID]:
    """Removes or empties customers whom nobody has changed or used, and returns their rows."""
    await scope.lock(own, *(("customer", each) for each in rows))
    found = await scope.all(customers_among(scope.tenant_id, list(rows)))
    used = {each for (each,) in await scope.rows(_used(scope.tenant_id, list(rows)))}
    done: list[UUID] = []
    for customer in found:
        row = rows[customer.id]
        if customer.version != row.subject_version:
            continue
        if row.outcome == ImportOutcome.UPDATED.value:
            _empty(scope, customer, row.filled or ())
        elif customer.id in used:
            continue
        else:
            await scope.remove(customer)
            scope.emit(
                Event(
                    EventType.CUSTOMER_DELETED,
                    "Customer",
                    customer.id,
                    reason=REASON,
                    before=snapshot(customer),
                )
            )
        done.append(row.id)
    await scope.flush()
    return done


def _empty(scope: Scope, customer: Customer, names: Sequence[str]) -> None:
    before = snapshot(customer)
    for name in names:
        setattr(customer, name, [] if name == "tags" else None)
    if "email" in names:
        customer.email_key = None
    log_change(scope, EventType.CUSTOMER_UPDATED, "Customer", customer, before)


def _used(tenant_id: UUID, ids: Sequence[UUID]) -> Any:
    """Selects those of some customers to whom anything refers."""
    id = col(Customer.id)
    refer = [
        exists().where(table.c.tenant_id == literal(tenant_id), table.c[column] == id)
        for table, column in references()
    ]
    return select(id).where(
        col(Customer.tenant_id) == tenant_id, is_any(Customer.id, ids), or_(*refer)
    )


async def _rooms(scope: Scope, own: Lock, rows: Versions) -> list[UUID]:
    """Archives rooms that nobody has changed or booked, and returns their rows."""
    await scope.lock(own, CALENDAR)
    of_tenant = rooms_of(scope.tenant_id).where(is_any(Room.id, list(rows)))
    done: list[UUID] = []
    for room in await scope.all(of_tenant):
        row = rows[room.id]
        booked = bookings_of(scope.tenant_id).where(col(Booking.room_id) == room.id)
        is_unchanged = room.version == row.subject_version and room.archived_at is None
        if is_unchanged and await scope.one(booked) is None:
            await archive(scope, room)
            done.append(row.id)
    return done


async def _bookings(scope: Scope, own: Lock, rows: Versions) -> list[UUID]:
    """Ends bookings that nobody has changed, and returns their rows."""
    of_tenant = bookings_of(scope.tenant_id).where(is_any(Booking.id, list(rows)))
    seen = await _read_outside(scope, of_tenant)
    spaces = {space for each in seen for space in each.spaces}
    await scope.lock(own, *space_locks(scope, *sorted(spaces)), shared=[CALENDAR])
    tenant = await own_tenant(scope)
    done: list[UUID] = []
    for booking in await scope.all(of_tenant):
        row = rows[booking.id]
        if booking.version != row.subject_version or booking.status not in _UNCHANGED:
            continue
        await _expire(scope, booking, tenant)
        done.append(row.id)
    await scope.flush()
    return done


async def _read_outside(scope: Scope, bookings: Any) -> list[Booking]:
    separate = Scope(scope.runtime, scope.actor, scope.request)
    try:
        return await separate.all(bookings)
    finally:
        await separate.close()


async def _expire(scope: Scope, booking: Booking, tenant: Tenant) -> None:
    """Makes a booking EXPIRED, which figures don't count, as if it had never been."""
    before, was = snapshot(booking), Status(booking.status)
    is_past = was in (Status.COMPLETED, Status.NO_SHOW)
    booking.status = Status.EXPIRED.value
    booking.approval_expires_at = booking.release_at = None
    also = {"silent": True, "counts_for_plan": False}
    record_change(scope, EventType.BOOKING_EXPIRED, booking, before, reason=REASON, also=also)
    if is_past:
        return
    period = period_of(booking.created_at, zone(tenant.time_zone))
    await scope.run(counted_less(tenant.id, Meter.BOOKINGS, period))
    change = BookingChange(
        type=EventType.BOOKING_EXPIRED, booking=booking, tenant=tenant, before=before
    )
    await run_handlers(scope, change)
