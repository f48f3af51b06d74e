"""Rooms: what is booked."""

from datetime import datetime

import strawberry

import models
from domain.core.local_time import TimeZone
from domain.core.log_events import EventType
from kit.graphql.cost import Cost
from models.venue import sql_fields
from models.venue.rooms import RoomFilter, RoomOrder, RoomOrderField
from permissions.roles import P
from resolvers.venue import hours, rooms
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, query
from schema.core.inputs import input_type
from schema.core.money import Money
from schema.core.mutations import mutation, payload
from schema.venue.opening_hours import OpeningDay, WeeklyHours

describe(
    RoomOrderField,
    "What rooms can be sorted by.",
    NAME="By name.",
    CAPACITY="By how many people they hold.",
    CREATED_AT="By when they were added.",
)
input_type(
    RoomFilter,
    "All given fields are ANDed.",
    name="RoomFilter",
    search="Somewhere in the name or the description, whatever its case and accents; "
    "at most 100 characters.",
    category="Exactly this category.",
    min_capacity="Holds at least so many people.",
    archived="Only those out of use, or only those in use.",
)
input_type(
    RoomOrder,
    "One key to sort by.",
    name="RoomOrder",
    field="What to sort by.",
    direction="Which end comes first.",
)


@node(models.Room, visible=rooms.visible_rooms, requires=P.ROOMS_READ)
class Room(Node):
    """A room, court, chair or hall: one thing that is booked as a whole."""

    name: str = column("What people call it.")
    description: str | None = column("For people who choose a room.")
    category: str | None = column("Groups rooms of a kind.")
    capacity: int = column("How many people it holds.")
    color: str | None = column("For calendars: '#RRGGBB'.")
    buffer_before_minutes: int = column("Kept free before each booking.")
    buffer_after_minutes: int = column("Kept free after each booking.")
    hourly_rate: Money | None = column(
        "What an hour costs.", requires=P.PRICES_READ, sql=sql_fields.hourly_rate
    )
    time_zone: TimeZone = computed(hours.time_zone_of, sql=sql_fields.time_zone)
    opening_hours: list[OpeningDay] = computed(
        hours.opening_hours, cost=Cost(0, size=lambda given: -(-given["days"] // 7))
    )
    weekly_hours: list[WeeklyHours] = computed(hours.weekly_hours_of_room, cost=Cost(1))
    archived_at: datetime | None = column("Since when it is out of use; null while in use.")
    version: int = column("Grows with every change; updates name the one they saw.")


@strawberry.type
class RoomQueries:
    room: Room | None = query(rooms.room, requires=P.ROOMS_READ)
    rooms: Connection[Room] | None = connection(rooms.rooms, requires=P.ROOMS_READ)


@payload
class CreateRoomPayload:
    """The new room."""

    room: Room | None
    replayed: bool


@payload
class UpdateRoomPayload:
    """The changed room."""

    room: Room | None


@payload
class ArchiveRoomPayload:
    """The room, now out of use."""

    room: Room | None


@payload
class UnarchiveRoomPayload:
    """The room, back in use."""

    room: Room | None


@strawberry.type
class RoomMutations:
    create_room: CreateRoomPayload | None = mutation(
        rooms.create_room, requires=P.ROOMS_WRITE, emits=[EventType.ROOM_CREATED], idempotent=True
    )
    update_room: UpdateRoomPayload | None = mutation(
        rooms.update_room, requires=P.ROOMS_WRITE, emits=[EventType.ROOM_UPDATED]
    )
    archive_room: ArchiveRoomPayload | None = mutation(
        rooms.archive_room, requires=P.ROOMS_WRITE, emits=[EventType.ROOM_ARCHIVED]
    )
    unarchive_room: UnarchiveRoomPayload | None = mutation(
        rooms.unarchive_room, requires=P.ROOMS_WRITE, emits=[EventType.ROOM_UNARCHIVED]
    )
