"""Rooms, which customers book."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Select,
    Uuid,
    event,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, Relationship, col

from domain.core.money import Money
from domain.core.text import SearchText, search_form, sort_key
from domain.venue.sharing import MOST_SEATS, Sharing
from kit.postgres.keyset_pagination import Order
from models.core.base import INSTANT, SORT_KEY, Logged, TenantRow
from models.core.filters import SortDirection, is_any, sorted_by
from models.core.search import contains, sought
from models.tenants import Tenant


class Room(TenantRow, Logged, table=True):
    LOGGED: ClassVar = (
        "name",
        "description",
        "category",
        "capacity",
        "color",
        "buffer_before_minutes",
        "buffer_after_minutes",
        "hourly_rate",
        "part_ids",
        "seats",
        "archived_at",
    )

    __tablename__ = "rooms"
    __table_args__ = (
        Index(None, "tenant_id", "name_key", "id"),
        Index(None, "tenant_id", "capacity", "id"),
        Index(None, "tenant_id", "created_at", "id"),
        CheckConstraint("capacity >= 1", name="capacity"),
        CheckConstraint("buffer_before_minutes BETWEEN 0 AND 1440", name="buffer_before_minutes"),
        CheckConstraint("buffer_after_minutes BETWEEN 0 AND 1440", name="buffer_after_minutes"),
        CheckConstraint("hourly_rate_minor >= 0", name="hourly_rate_minor"),
        CheckConstraint(f"seats BETWEEN 1 AND {MOST_SEATS}", name="seats"),
    )

    name: str
    name_key: str = Field(default="", sa_type=SORT_KEY, description="By which names sort.")
    description: str | None = None
    search: str = Field(default="", description="Name and description as they are found.")
    category: str | None = None
    capacity: int
    color: str | None = None
    seats: int | None = Field(
        default=None, description="How many are booked by themselves; null: it is one space."
    )
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    hourly_rate_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency_code: str
    part_ids: list[UUID] | None = Field(
        default=None,
        sa_column=Column(ARRAY(Uuid())),
        description="The rooms that it consists of; null: none.",
    )
    space_ids: list[UUID] | None = Field(
        default=None,
        sa_column=Column(ARRAY(Uuid())),
        description="The spaces that all of its parts consist of, in order; null: its own.",
    )
    archived_at: datetime | None = Field(default=None, sa_type=INSTANT)
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)

    tenant: Tenant = Relationship(sa_relationship_kwargs={"lazy": "raise", "viewonly": True})

    @property
    def sharing(self) -> Sharing:
        """How the people who book it at the same time share it."""
        return Sharing.EXCLUSIVE if self.seats is None else Sharing.SEATS

    @property
    def largest_party(self) -> int:
        """The most people that one booking may have."""
        return self.capacity if self.seats is None else self.seats

    @property
    def hourly_rate(self) -> Money | None:
        if self.hourly_rate_minor is None:
            return None
        return Money(self.hourly_rate_minor, self.currency_code)

    @property
    def spaces(self) -> list[UUID]:
        """The spaces whose time its bookings take: a room without parts is one space."""
        return self.space_ids or [self.id]

    def derive(self) -> None:
        """Recomputes the stored columns for sorting and searching."""
        self.name_key = sort_key(self.name)
        self.search = f"{search_form(self.name)}\n{search_form(self.description or '')}"


@event.listens_for(Room, "before_insert")
@event.listens_for(Room, "before_update")
def _derive(_mapper: object, _connection: object, room: Room) -> None:
    room.derive()


def booked_spaces(rooms: Sequence[Room]) -> list[UUID] | None:
    """Returns the spaces of rooms as a booking of them stores these; None for a plain room."""
    if len(rooms) == 1:
        return rooms[0].space_ids
    return sorted({space for room in rooms for space in room.spaces})


class RoomOrderField(StrEnum):
    NAME = "NAME"
    CAPACITY = "CAPACITY"
    CREATED_AT = "CREATED_AT"


@dataclass(frozen=True, slots=True)
class RoomOrder:
    field: RoomOrderField
    direction: SortDirection = SortDirection.ASC


@dataclass(frozen=True, slots=True)
class RoomFilter:
    search: SearchText | None = None
    category: str | None = None
    min_capacity: int | None = None
    archived: bool | None = None


def rooms_of(tenant_id: UUID) -> Select[Room]:
    return select(Room).where(col(Room.tenant_id) == tenant_id)


def rooms_with_part(room: Room) -> Select[Room]:
    """Selects the rooms of which a room is a part."""
    return rooms_of(room.tenant_id).where(col(Room.part_ids).contains([room.id]))


def rooms_in_use(tenant_id: UUID) -> Select[Room]:
    """Selects the rooms that aren't archived, by name."""
    in_use = rooms_of(tenant_id).where(col(Room.archived_at).is_(None))
    return in_use.order_by(col(Room.name_key), col(Room.id))


def rooms_sharing(tenant_id: UUID, spaces: Sequence[UUID]) -> Select[Room]:
    """Selects the rooms in use that have at least one of some spaces, by name."""
    shared = col(Room.space_ids).op("&&")(literal(list(spaces), ARRAY(Uuid())))
    return rooms_in_use(tenant_id).where(or_(is_any(Room.id, spaces), shared))


def least_rate(tenant_id: UUID) -> Select[int | None]:
    """Selects the lowest hourly rate above 0 of the rooms in use, in minor units."""
    return select(func.min(col(Room.hourly_rate_minor))).where(
        col(Room.tenant_id) == tenant_id,
        col(Room.archived_at).is_(None),
        col(Room.hourly_rate_minor) > 0,
    )


def rooms_matching(rooms: Select[Room], filter: RoomFilter | None) -> Select[Room]:
    """Filters rooms by all given conditions; ``search`` covers name and description."""
    if filter is None:
        return rooms
    if filter.search is not None:
        rooms = rooms.where(contains(Room.search, sought(filter.search)))
    if filter.category is not None:
        rooms = rooms.where(col(Room.category) == filter.category)
    if filter.min_capacity is not None:
        rooms = rooms.where(col(Room.capacity) >= filter.min_capacity)
    if filter.archived is not None:
        is_archived = col(Room.archived_at).is_not(None)
        rooms = rooms.where(is_archived if filter.archived else ~is_archived)
    return rooms


def rooms_sorted(by: Sequence[RoomOrder] | None) -> tuple[Order, ...]:
    columns = {
        RoomOrderField.NAME: Room.name_key,
        RoomOrderField.CAPACITY: Room.capacity,
        RoomOrderField.CREATED_AT: Room.created_at,
    }
    return sorted_by(by, columns) or (Order(Room.name_key),)
