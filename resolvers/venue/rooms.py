"""Rooms: lists, creates, updates and archives them."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.core.colors import is_color
from domain.core.contact import name_refusals
from domain.core.ids import RoomId
from domain.core.log_events import Event, EventType
from domain.core.money import Money
from domain.core.patch import ABSENT, Absent
from domain.core.refusals import Invalid, Refusal
from domain.core.text import tidy_name
from domain.tenants.payment_policy import PaymentPolicy, rate_refusals
from domain.tenants.refusals import PlanLimitReached
from domain.venue.sharing import MOST_SEATS
from kit.postgres.keyset_pagination import Listing
from kit.scope import Scope
from models.core.base import snapshot
from models.tenants import payment_policy_of
from models.venue.rooms import (
    Room,
    RoomFilter,
    RoomOrder,
    rooms_matching,
    rooms_of,
    rooms_sorted,
    rooms_with_part,
)
from resolvers.core.changes import log_change
from resolvers.core.hooks import run_handlers
from resolvers.core.lookups import CALENDAR, get_at_version, raise_all
from resolvers.tenants.tenants import own_tenant
from resolvers.tenants.usage import count_room, uncount_room
from resolvers.venue.hooks import RoomChange

MAX_CAPACITY = 100_000
MAX_BUFFER_MINUTES = 1440

Name = Annotated[str, Doc("The name of the room: at most 100 characters.")]
Version = Annotated[
    int,
    Doc(
        "The version of the room that you read. If it has changed since, "
        "the mutation is refused with STALE_VERSION."
    ),
]
Capacity = Annotated[int, Doc("The maximum number of people: 1 to 100,000.")]


def visible_rooms(scope: Scope) -> Select[Room]:
    return rooms_of(scope.tenant_id)


async def room(scope: Scope, id: Annotated[RoomId, Doc("The id of the room.")]) -> Room | None:
    """Find a room by id. Null if there is no such room."""
    return await scope.one(visible_rooms(scope).where(col(Room.id) == id))


def rooms(
    scope: Scope,
    *,
    filter: Annotated[RoomFilter | None, Doc("Which rooms to return; all by default.")] = None,
    order_by: Annotated[
        tuple[RoomOrder, ...] | None, Doc("How to sort the rooms; by name by default.")
    ] = None,
) -> Listing[Room]:
    """The rooms of the venue, including archived ones."""
    return Listing(Room, rooms_matching(visible_rooms(scope), filter), rooms_sorted(order_by))


async def load_rooms(scope: Scope, ids: Sequence[UUID]) -> list[Room]:
    """Returns rooms in the order of their ids, with one statement for all that load together."""

    async def load(ids: list[UUID]) -> list[Room | None]:
        rooms = await scope.all(rooms_of(scope.tenant_id).where(col(Room.id).in_(ids)))
        found = {room.id: room for room in rooms}
        return [found.get(id) for id in ids]

    # All are asked for before any is awaited.
    loading = [scope.loaders.batch("rooms by id", load, id) for id in ids]
    return [room for each in loading if (room := await each) is not None]


async def create_room(
    scope: Scope,
    *,
    name: Name,
    description: Annotated[
        str | None,
        Doc("A description for people who want to book the room: at most 2,000 characters."),
    ] = None,
    category: Annotated[
        str | None,
        Doc("A category by which rooms are grouped and filtered: at most 100 characters."),
    ] = None,
    capacity: Capacity,
    color: Annotated[str | None, Doc("The color of the room in calendars, as '#RRGGBB'.")] = None,
    buffer_before_minutes: Annotated[
        int | None,
        Doc("How many minutes to keep free before each booking: 0 to 1,440. 0 by default."),
    ] = None,
    buffer_after_minutes: Annotated[
        int | None,
        Doc("How many minutes to keep free after each booking: 0 to 1,440. 0 by default."),
    ] = None,
    hourly_rate: Annotated[
        Money | None, Doc("The price of one hour, in the tenant's currency; no price by default.")
    ] = None,
    seats: Annotated[
        int | None,
        Doc(
            "The number of seats, if people book these: 1 to 500, and at most `capacity`. By "
            "default, the room is booked as a whole."
        ),
    ] = None,
) -> Room:
    """Add a room.

    The tenant's plan limits how many rooms can be in use; archived ones don't count.
    """
    await scope.lock(CALENDAR)
    tenant = await own_tenant(scope)
    new = Room(
        tenant_id=scope.tenant_id,
        name=tidy_name(name),
        description=description,
        category=category,
        capacity=capacity,
        color=color,
        buffer_before_minutes=buffer_before_minutes or 0,
        buffer_after_minutes=buffer_after_minutes or 0,
        hourly_rate_minor=hourly_rate.amount_minor if hourly_rate else None,
        currency_code=tenant.currency_code,
        seats=seats,
        created_at=scope.now(),
    )
    refusals = room_refusals(new, hourly_rate, payment_policy_of(tenant))
    try:
        await count_room(scope, tenant)
    except PlanLimitReached as refusal:
        refusals.append(refusal)
    raise_all(refusals)
    scope.add(new)
    scope.emit(Event(EventType.ROOM_CREATED, "Room", new.id, after=snapshot(new)))
    return new


async def update_room(
    scope: Scope,
    id: Annotated[RoomId, Doc("The id of the room.")],
    *,
    version: Version,
    name: Annotated[str | Absent, Doc("The new name: at most 100 characters.")] = ABSENT,
    description: Annotated[
        str | Absent | None, Doc("The new description: at most 2,000 characters. Null removes it.")
    ] = ABSENT,
    category: Annotated[
        str | Absent | None, Doc("The new category: at most 100 characters. Null removes it.")
    ] = ABSENT,
    capacity: Annotated[
        int | Absent, Doc("The new maximum number of people: 1 to 100,000.")
    ] = ABSENT,
    color: Annotated[
        str | Absent | None, Doc("The new color in calendars, as '#RRGGBB'. Null removes it.")
    ] = ABSENT,
    buffer_before_minutes: Annotated[
        int | Absent, Doc("How many minutes to keep free before each booking: 0 to 1,440.")
    ] = ABSENT,
    buffer_after_minutes: Annotated[
        int | Absent, Doc("How many minutes to keep free after each booking: 0 to 1,440.")
    ] = ABSENT,
    hourly_rate: Annotated[
        Money | Absent | None,
        Doc("The new price of one hour, in the tenant's currency. Null removes it."),
    ] = ABSENT,
    seats: Annotated[
        int | Absent | None,
        Doc(
            "The new number of seats: 1 to 500, and at most `capacity`. Null: the room is booked "
            "as a whole. Refused if bookings that stand don't fit."
        ),
    ] = ABSENT,
) -> Room:
    """Change a room. Existing bookings keep their price and their buffers."""
    await scope.lock(CALENDAR)
    changed = await get_at_version(scope, visible_rooms(scope), id, version=version, what="room")
    before = snapshot(changed)
    if name is not ABSENT:
        changed.name = tidy_name(name)
    if description is not ABSENT:
        changed.description = description
    if category is not ABSENT:
        changed.category = category
    if capacity is not ABSENT:
        changed.capacity = capacity
    if color is not ABSENT:
        changed.color = color
    if buffer_before_minutes is not ABSENT:
        changed.buffer_before_minutes = buffer_before_minutes
    if buffer_after_minutes is not ABSENT:
        changed.buffer_after_minutes = buffer_after_minutes
    if hourly_rate is not ABSENT:
        changed.hourly_rate_minor = hourly_rate.amount_minor if hourly_rate else None
    problems: list[Refusal] = []
    if seats is not ABSENT:
        changed.seats = seats
        whole = await scope.one(rooms_with_part(changed)) if seats is not None else None
        if seats is not None and (changed.part_ids or whole is not None):
            problem = "A room that has parts or is one is booked as a whole."
            problems.append(Invalid(problem, path=("seats",)))
    given = None if hourly_rate is ABSENT else hourly_rate
    policy = payment_policy_of(await own_tenant(scope))
    raise_all([*problems, *room_refusals(changed, given, policy)])
    change = RoomChange(EventType.ROOM_UPDATED, changed, before)
    await run_handlers(scope, change)
    log_change(scope, EventType.ROOM_UPDATED, "Room", changed, before)
    return changed


async def archive_room(
    scope: Scope,
    id: Annotated[RoomId, Doc("The id of the room.")],
    *,
    version: Version,
) -> Room:
    """Archive a room: it can't be booked any more and doesn't count towards the plan's limit. Its
    bookings are kept.
    """
    await scope.lock(CALENDAR)
    archived = await get_at_version(scope, visible_rooms(scope), id, version=version, what="room")
    if archived.archived_at is None:
        await archive(scope, archived)
    return archived


async def archive(scope: Scope, room: Room) -> None:
    """Archives a room in use, under the lock of the calendar."""
    before = snapshot(room)
    room.archived_at = scope.now()
    room.version += 1
    await uncount_room(scope, await own_tenant(scope))
    scope.emit(Event(EventType.ROOM_ARCHIVED, "Room", room.id, before=before, after=snapshot(room)))


async def unarchive_room(
    scope: Scope,
    id: Annotated[RoomId, Doc("The id of the room.")],
    *,
    version: Version,
) -> Room:
    """Restore an archived room, if the tenant's plan allows one more."""
    await scope.lock(CALENDAR)
    restored = await get_at_version(scope, visible_rooms(scope), id, version=version, what="room")
    if restored.archived_at is None:
        return restored
    before = snapshot(restored)
    await count_room(scope, await own_tenant(scope))
    restored.archived_at = None
    restored.version += 1
    scope.emit(
        Event(
            EventType.ROOM_UNARCHIVED, "Room", restored.id, before=before, after=snapshot(restored)
        )
    )
    return restored


def room_refusals(room: Room, hourly_rate: Money | None, policy: PaymentPolicy) -> list[Refusal]:
    """Returns the refusals of a room's fields; ``policy`` is the tenant's payment policy."""
    refusals: list[Refusal] = [*name_refusals(room.name, path=("name",))]
    refusals += [
        Invalid(f"At most {limit} characters.", path=(field,))
        for field, limit in (("description", 2000), ("category", 100))
        if len(getattr(room, field) or "") > limit
    ]
    if not 1 <= room.capacity <= MAX_CAPACITY:
        refusals.append(Invalid("The capacity must be 1 to 100,000 people.", path=("capacity",)))
    if room.seats is not None and not 1 <= room.seats <= MOST_SEATS:
        refusals.append(Invalid(f"A room has 1 to {MOST_SEATS} seats.", path=("seats",)))
    elif room.seats is not None and room.seats > room.capacity:
        problem = f"A room has no more seats than its capacity, which is {room.capacity:,}."
        refusals.append(Invalid(problem, path=("seats",)))
    refusals += [
        Invalid("A buffer must be 0 to 1,440 minutes.", path=(field,))
        for field in ("buffer_before_minutes", "buffer_after_minutes")
        if not 0 <= getattr(room, field) <= MAX_BUFFER_MINUTES
    ]
    if room.color is not None and not is_color(room.color):
        refusals.append(Invalid("A color must look like '#RRGGBB'.", path=("color",)))
    if hourly_rate is not None and hourly_rate.currency_code != room.currency_code:
        refusals.append(Invalid(f"Prices must be in {room.currency_code}.", path=("hourly_rate",)))
    elif hourly_rate is not None and hourly_rate.amount_minor < 0:
        refusals.append(Invalid("The rate can't be negative.", path=("hourly_rate",)))
    elif hourly_rate is not None:
        refusals += rate_refusals(policy, hourly_rate, path=("hourly_rate",))
    return refusals
