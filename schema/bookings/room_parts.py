"""Rooms that consist of others: a hall of two halves, or two rooms that are booked as one."""

from typing import Final

import strawberry

from domain.bookings.refusals import PartsConflict
from domain.core.log_events import EventType as E
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.bookings import room_parts
from schema.bookings.availability import BusyInterval
from schema.core.fields import column, computed, extends
from schema.core.mutations import mutation, payload
from schema.core.user_errors import UserError, shows
from schema.venue.rooms import Room

# Most have few: three levels of parts fit into an operation.
_COST: Final = Cost(1, size=lambda _: 10)


@extends(Room, after="hourly_rate")
class RoomWithParts:
    parts: list[Room] = computed(room_parts.parts, cost=_COST)
    part_of: list[Room] = computed(room_parts.part_of, cost=_COST)


@shows(PartsConflict)
class RoomPartsConflictError(UserError):
    """Bookings would overlap if the rooms had these parts, so the change was refused."""

    conflicts: list[BusyInterval] = column(
        "The bookings that would overlap, by start: at most 100. `roomId` is the room they have."
    )


@payload
class SetRoomPartsPayload:
    """The result of `setRoomParts`."""

    room: Room | None


@strawberry.type
class RoomPartsMutations:
    set_room_parts: SetRoomPartsPayload | None = mutation(
        room_parts.set_room_parts,
        requires=P.ROOMS_WRITE,
        emits=[E.ROOM_UPDATED, E.BOOKING_EXPIRED],
        wrapped=False,
        dry_run=True,
    )
