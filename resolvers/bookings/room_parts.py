"""Divides rooms into parts and combines them, with the bookings that they have."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.bookings.lifecycle import OCCUPYING, Status
from domain.bookings.refusals import Busy, PartsConflict
from domain.bookings.space_times import SpaceTime, overlapping
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import EventType
from domain.core.refusals import Invalid, NotFound, Refusal
from domain.venue.room_parts import part_refusals, spaces_of, with_all_above
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.bookings import Booking
from models.bookings.room_parts import bookings_at, bookings_in, spaces_stored
from models.core.base import snapshot
from models.venue.rooms import Room, booked_spaces, rooms_of
from resolvers.bookings.booking_access import status
from resolvers.bookings.slot_claims import expire
from resolvers.core.changes import log_change
from resolvers.core.lookups import CALENDAR, get_at_version, raise_all
from resolvers.tenants.tenants import own_tenant
from resolvers.venue.rooms import Version, load_rooms, visible_rooms

_PATH = ("part_ids",)
MOST_SHOWN = 100
"""The most bookings that a refusal lists."""


async def set_room_parts(
    scope: Scope,
    id: Annotated[RoomId, Doc("The id of the room.")],
    *,
    version: Version,
    part_ids: Annotated[
        tuple[RoomId, ...],
        Doc(
            "All rooms that it consists of, such as the halves of a hall: at most 20. None makes "
            "it a plain room again."
        ),
    ],
) -> Room:
    """Set the parts of a room that is divided, or of rooms that are booked as one.

    A booking of the room then takes the time of all its parts, and a booking of a part that of the
    room: each blocks the others. Parts can have parts, 3 levels in all, and a room can be a part of
    several. The room keeps its own name, hours, price, capacity and buffers. Rooms that are booked
    by the seat have no parts and are none. If bookings that stand would overlap, the change is
    refused with ROOM_PARTS_CONFLICT.
    """
    await scope.lock(CALENDAR)
    changed = await get_at_version(scope, visible_rooms(scope), id, version=version, what="room")
    rooms: dict[UUID, Room] = {room.id: room for room in await scope.all(rooms_of(scope.tenant_id))}
    raise_all(_refusals(changed, part_ids, rooms))
    if [*part_ids] == (changed.part_ids or []):
        return changed
    before = snapshot(changed)
    changed.part_ids = [*part_ids] or None
    parts = _parts(rooms)
    concerned = [rooms[each] for each in with_all_above(changed.id, parts)]
    for room in concerned:
        room.space_ids = spaces_of(room.id, parts) if room.part_ids else None
    await _move_bookings(scope, rooms, {room.id for room in concerned})
    log_change(scope, EventType.ROOM_UPDATED, "Room", changed, before)
    return changed


async def parts(scope: Scope, room: Room) -> list[Room]:
    """The rooms that it consists of, in the order in which they were set; empty for a plain room.

    A booking of the room takes the time of all of them. At most 20. Costs 1 point, plus 10 times
    what is selected of a room.
    """
    return await load_rooms(scope, room.part_ids or ())


async def part_of(scope: Scope, room: Room) -> list[Room]:
    """The rooms that it is a part of, by name: its bookings take their time as well.

    At most 20. Costs 1 point, plus 10 times what is selected of a room."""

    async def load(ids: list[UUID]) -> list[list[Room]]:
        combined = rooms_of(scope.tenant_id).where(col(Room.part_ids).is_not(None))
        rooms = await scope.all(combined.order_by(col(Room.name_key), col(Room.id)))
        return [[each for each in rooms if id in (each.part_ids or ())] for id in ids]

    return await scope.loaders.batch("rooms of parts", load, room.id)


# ------------------------------------------------------------------------------ steps


def _parts(rooms: Mapping[UUID, Room]) -> dict[UUID, Sequence[UUID]]:
    return {id: room.part_ids for id, room in rooms.items() if room.part_ids}


def _refusals(
    changed: Room, part_ids: Sequence[RoomId], rooms: Mapping[UUID, Room]
) -> list[Refusal]:
    refused: list[Refusal] = []
    for number, id in enumerate(part_ids):
        part = rooms.get(id)
        # An archived room stays a part: it isn't booked by itself any more, but the whole is.
        is_new = id not in (changed.part_ids or ())
        if part is None or (part.archived_at is not None and is_new):
            refused.append(NotFound("room in use", path=(*_PATH, number)))
    if part_ids and any(each.seats for each in (changed, *map(rooms.get, part_ids)) if each):
        problem = "A room that is booked by its seats has no parts and is no part."
        refused.append(Invalid(problem, path=_PATH))
    return refused or part_refusals(changed.id, part_ids, _parts(rooms), path=_PATH)


async def _move_bookings(
    scope: Scope, rooms: Mapping[UUID, Room], concerned: Collection[UUID]
) -> None:
    """Gives the bookings of rooms the spaces that these have now. Raises PartsConflict."""
    moved = await scope.all(bookings_in(scope.tenant_id, concerned, since=scope.now()))
    of_rooms = {
        key: booked_spaces([rooms[id] for id in key])
        for key in {tuple(booking.room_ids) for booking in moved}
    }
    spaces = {each.id: of_rooms[tuple(each.room_ids)] or [each.room_id] for each in moved}
    taken = {space for each in spaces.values() for space in each}
    there = await scope.all(bookings_at(scope.tenant_id, taken))
    stale = [
        each
        for each in {booking.id: booking for booking in (*moved, *there)}.values()
        if each.status == Status.HELD.value and status(scope, each) is Status.EXPIRED
    ]
    await expire(scope, [BookingId(each.id) for each in stale])
    times, turn = dict[UUID, SpaceTime](), TimeSlice()
    for each in (*moved, *there):
        if Status(each.status) in OCCUPYING:
            times[each.id] = _time_of(each, spaces.get(each.id, each.spaces))
        if turn.is_over:
            await turn.give_way()
    if clashing := overlapping(times.values()):
        raise PartsConflict(
            tuple(clashing[:MOST_SHOWN]),
            len(clashing),
            zone((await own_tenant(scope)).time_zone),
            path=_PATH,
        )
    await scope.flush()
    for key, space_ids in of_rooms.items():
        ids = [each.id for each in moved if tuple(each.room_ids) == key]
        await scope.run(spaces_stored(scope.tenant_id, ids, space_ids))


def _time_of(booking: Booking, spaces: Sequence[UUID]) -> SpaceTime:
    occupied = booking.occupied
    assert occupied.lower is not None and occupied.upper is not None
    busy = Busy(
        RoomId(booking.room_id),
        BookingId(booking.id),
        Interval(booking.starts_at, booking.ends_at),
        Interval(occupied.lower, occupied.upper),
    )
    return SpaceTime(busy, booking.moves_id or booking.id, spaces)
