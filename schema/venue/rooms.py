"""Rooms: what is booked."""

from datetime import datetime

import strawberry

import models
from domain.core.local_time import TimeZone
from domain.core.log_events import EventType
from domain.venue.sharing import Sharing
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
    "The fields by which rooms can be sorted.",
    NAME="The name of the room.",
    CAPACITY="The number of people that the room holds.",
    CREATED_AT="The time at which the room was added.",
)
describe(
    Sharing,
    "How the people who book a room at the same time share it.",
    EXCLUSIVE="Not at all: a booking takes the whole room.",
    SEATS="A booking takes a seat for each person of its party.",
)
input_type(
    RoomFilter,
    "Which rooms to return. Rooms must match all fields that are given.",
    name="RoomFilter",
    search="Match rooms whose name or description contains this text. Case and accents are "
    "ignored. At most 100 characters.",
    category="Match rooms with exactly this category.",
    min_capacity="Match rooms that hold at least this many people.",
    archived="Match only archived rooms (true) or only rooms in use (false); both by default.",
)
input_type(
    RoomOrder,
    "A field to sort rooms by, and the direction.",
    name="RoomOrder",
    field="The field to sort by.",
    direction="The direction to sort in: ascending by default.",
)


@node(models.Room, visible=rooms.visible_rooms, requires=P.ROOMS_READ)
class Room(Node):
    """A room, court, table or anything else that is booked, as a whole or by its seats."""

    name: str = column("The name of the room.")
    description: str | None = column(
        "A description of the room for people who want to book it, or null."
    )
    category: str | None = column("A category by which rooms are grouped and filtered, or null.")
    capacity: int = column("The maximum number of people.")
    color: str | None = column("The color of the room in calendars, as '#RRGGBB', or null.")
    buffer_before_minutes: int = column("How many minutes are kept free before each booking.")
    buffer_after_minutes: int = column("How many minutes are kept free after each booking.")
    hourly_rate: Money | None = column(
        "The price of one hour, or null if the room has no price.",
        requires=P.PRICES_READ,
        sql=sql_fields.hourly_rate,
    )
    sharing: Sharing = column(
        "Whether the room is booked as a whole or by its seats.", sql=sql_fields.sharing
    )
    seats: int | None = column(
        "The number of seats that can be booked at the same time, or null if the room is booked "
        "as a whole."
    )
    time_zone: TimeZone = computed(hours.time_zone_of, sql=sql_fields.time_zone)
    opening_hours: list[OpeningDay] = computed(
        hours.opening_hours, cost=Cost(0, size=lambda given: -(-given["days"] // 7))
    )
    weekly_hours: list[WeeklyHours] = computed(hours.weekly_hours_of_room, cost=Cost(1))
    archived_at: datetime | None = column(
        "When the room was archived, or null while it is in use. Archived rooms can't be booked."
    )
    version: int = column(
        "The version of the room. It increases with every change; pass it to "
        "mutations that change the room."
    )


@strawberry.type
class RoomQueries:
    room: Room | None = query(rooms.room, requires=P.ROOMS_READ)
    rooms: Connection[Room] | None = connection(rooms.rooms, requires=P.ROOMS_READ)


@payload
class CreateRoomPayload:
    """The result of `createRoom`."""

    room: Room | None
    replayed: bool


@payload
class UpdateRoomPayload:
    """The result of `updateRoom`."""

    room: Room | None


@payload
class ArchiveRoomPayload:
    """The result of `archiveRoom`."""

    room: Room | None


@payload
class UnarchiveRoomPayload:
    """The result of `unarchiveRoom`."""

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
