"""Bookings and holds of rooms; the time that they take is in `Occupancy`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Final, Self
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Select,
    SmallInteger,
    UniqueConstraint,
    Uuid,
    and_,
    bindparam,
    false,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import (
    ARRAY,
    JSONB,
    TSTZRANGE,
    ExcludeConstraint,
    Range,
    insert,
)
from sqlmodel import Field, Relationship, col

from domain.bookings.lifecycle import Status
from domain.bookings.pricing import Price
from domain.core.money import Money
from domain.tenants.settings import LONGEST_MINUTES
from kit.actor import Actor
from kit.postgres.json_batch import JsonBatch
from kit.postgres.statements import PreparedStatement, parameters
from models.bookings.coupons import Coupon
from models.bookings.series import BookingSeries
from models.bookings.stored_prices import stored_price
from models.core.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.customers.customers import Customer
from models.tenants import Tenant
from models.venue.rooms import Room


@dataclass(frozen=True, slots=True)
class BookingOwner:
    """The owner of a booking, for readers that don't load the whole row."""

    id: UUID
    customer_id: UUID | None
    held_by_id: UUID | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """Returns the owner from a row with these three columns."""
        return cls(row.id, row.customer_id, row.held_by_id)

    def is_owned_by(self, actor: Actor) -> bool:
        if actor.confined_to is not None:
            return self.id == actor.confined_to
        if self.customer_id is not None:
            return self.customer_id == actor.own_id
        # Held by a user who is no customer yet, because their address isn't verified.
        return self.held_by_id is not None and self.held_by_id == actor.user_id

    def was_owned_by(self, actor: Actor, before: Mapping[str, object] | None) -> bool:
        """Returns whether the actor owned it before a change, whose log entry has ``before``."""
        if before is None:
            return False
        customer = before.get("customer_id", self.customer_id)
        customer_id = UUID(str(customer)) if customer is not None else None
        return replace(self, customer_id=customer_id).is_owned_by(actor)


class Booking(TenantRow, Logged, table=True):
    LOGGED: ClassVar = (
        "status",
        "room_id",
        "also_room_ids",
        "starts_at",
        "ends_at",
        "customer_id",
        "party_size",
        "note",
        "price",
        "hold_expires_at",
    )

    __tablename__ = "bookings"
    __table_args__ = (
        refers_to("rooms", "room_id"),
        refers_to("customers", "customer_id"),
        refers_to("users", "held_by_id"),
        refers_to("bookings", "moves_id"),
        refers_to("coupons", "coupon_id"),
        refers_to("booking_series", "series_id"),
        UniqueConstraint("tenant_id", "reference"),
        # Empty: for processes of the version before, whose statements name it (see `Occupancy`).
        ExcludeConstraint(
            ("tenant_id", "="),
            ("id", "="),
            name="booking_no_overlap",
            using="btree",
            where=text("false"),
        ),
        Index(None, "tenant_id", "room_id", "starts_at"),
        Index(None, "tenant_id", "starts_at", "id"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "updated_at", "id"),
        Index(None, "tenant_id", "customer_id", "starts_at"),
        Index(
            "ix_bookings_search",
            "tenant_id",
            text("search_pieces(replace(reference, '-', ''))"),
            postgresql_using="gin",
        ),
        Index(
            "ix_bookings_holds",
            "tenant_id",
            "hold_expires_at",
            postgresql_where=text("status = 'held'"),
        ),
        Index(
            "ix_bookings_held_from",
            "tenant_id",
            "held_from",
            postgresql_where=text("held_from IS NOT NULL"),
        ),
        Index(
            "ix_bookings_open",
            "tenant_id",
            "ends_at",
            postgresql_where=text("status IN ('confirmed', 'checked_in')"),
        ),
        Index(
            "ix_bookings_pending",
            "tenant_id",
            text("coalesce(approval_expires_at, starts_at)"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index(
            "ix_bookings_release",
            "tenant_id",
            "release_at",
            postgresql_where=text("status = 'confirmed' AND release_at IS NOT NULL"),
        ),
        Index(
            "ix_bookings_moves",
            "tenant_id",
            "moves_id",
            postgresql_where=text("moves_id IS NOT NULL"),
        ),
        Index(
            "ix_bookings_spaces",
            "tenant_id",
            "starts_at",
            postgresql_where=text("space_ids IS NOT NULL"),
        ),
        Index(
            "ix_bookings_coupon",
            "tenant_id",
            "coupon_id",
            "customer_id",
            postgresql_where=text("coupon_id IS NOT NULL"),
        ),
        Index(
            "ix_bookings_series",
            "tenant_id",
            "series_id",
            "original_starts_at",
            postgresql_where=text("series_id IS NOT NULL"),
        ),
        CheckConstraint(one_of("status", Status), name="status"),
        CheckConstraint("starts_at < ends_at", name="ends_at"),
        CheckConstraint(
            f"ends_at - starts_at <= interval '{LONGEST_MINUTES} minutes'", name="longest"
        ),
        CheckConstraint("party_size >= 1", name="party_size"),
        CheckConstraint(
            "seat_numbers IS NULL OR (space_ids IS NULL AND also_room_ids IS NULL)", name="seats"
        ),
        CheckConstraint("occupied @> tstzrange(starts_at, ends_at)", name="occupied"),
        CheckConstraint("(status <> 'held') OR hold_expires_at IS NOT NULL", name="hold"),
    )

    reference: str
    room_id: UUID
    also_room_ids: list[UUID] | None = Field(
        default=None,
        sa_column=Column(ARRAY(Uuid())),
        description="Its other rooms; null: none.",
    )
    space_ids: list[UUID] | None = Field(
        default=None,
        sa_column=Column(ARRAY(Uuid())),
        description="The spaces whose time it takes, in order; null: one with the room's id.",
    )
    seat_numbers: list[int] | None = Field(
        default=None,
        sa_column=Column(ARRAY(SmallInteger())),
        description="The seats that it takes, each of which is a space; null: all of the room.",
    )
    customer_id: UUID | None = None
    held_by_id: UUID | None = Field(default=None, description="The user who asked for the hold.")
    status: str
    starts_at: datetime = Field(sa_type=INSTANT)
    ends_at: datetime = Field(sa_type=INSTANT)
    occupied: Range[datetime] = Field(sa_column=Column(TSTZRANGE, nullable=False))
    hold_expires_at: datetime | None = Field(default=None, sa_type=INSTANT)
    approval_expires_at: datetime | None = Field(
        default=None,
        sa_type=INSTANT,
        description="Until when a pending booking can be confirmed; null: until its start.",
    )
    release_at: datetime | None = Field(
        default=None,
        sa_type=INSTANT,
        description="When it becomes a no-show if nobody has checked in; null: never by itself.",
    )
    party_size: int = 1
    note: str | None = None
    held_from: bytes | None = Field(
        default=None,
        description="The network of a stranger, as a keyed hash; a day at most. Null: no stranger.",
    )
    guest_confirmed_at: datetime | None = Field(
        default=None, sa_type=INSTANT, description="When a guest followed the mailed link, or paid."
    )
    contact_name: str | None = Field(
        default=None, description="As given for this booking; null: as in the customer's record."
    )
    contact_phone: str | None = Field(default=None, description="The same of the phone number.")
    price_lines: list[Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    price_minor: int | None = Field(default=None, sa_type=BigInteger)
    price_sums: dict[str, Any] | None = Field(
        default=None,
        sa_column=Column(JSONB(none_as_null=True)),
        description="Of a price with taxes, a discount or a minimum: see ``stored_sums``.",
    )
    currency_code: str
    terms: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    earliest_start: datetime | None = Field(
        default=None,
        sa_type=INSTANT,
        description="The earliest start since money was taken, where that isn't the present one.",
    )
    was_confirmed: bool = Field(
        default=False, description="The venue had confirmed it before its customer moved it."
    )
    moves_id: UUID | None = Field(
        default=None, description="The booking that moves here once that is paid; for holds."
    )
    coupon_id: UUID | None = Field(default=None, description="The coupon that lowers its price.")
    series_id: UUID | None = None
    original_starts_at: datetime | None = Field(
        default=None,
        sa_type=INSTANT,
        description="When it was to start by the rule of its series, or when it was added to that.",
    )
    version: int = 1
    link_version: int = Field(default=1, description="Which of the guest's links are good.")
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)

    tenant: Tenant = Relationship(sa_relationship_kwargs={"lazy": "raise", "viewonly": True})
    room: Room = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Booking.room_id", "lazy": "raise"}
    )
    customer: Customer | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Booking.customer_id", "lazy": "raise"}
    )
    coupon: Coupon | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Booking.coupon_id", "lazy": "raise"}
    )
    series: BookingSeries | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Booking.series_id", "lazy": "raise"}
    )

    as_of: ClassVar[datetime | None] = None
    """The instant of a state that was read later, which only such a row has."""

    def is_owned_by(self, actor: Actor) -> bool:
        return BookingOwner.of(self).is_owned_by(actor)

    @property
    def room_ids(self) -> list[UUID]:
        """All of its rooms, in the order in which they were asked for."""
        return [self.room_id, *(self.also_room_ids or ())]

    @property
    def spaces(self) -> list[UUID]:
        """The spaces whose time it takes."""
        return self.space_ids or [self.room_id]

    @property
    def seats(self) -> int | None:
        """How many seats it takes; None: all of the room."""
        return None if self.seat_numbers is None else len(self.seat_numbers)

    @property
    def terms_start(self) -> datetime:
        """The start to which its terms apply."""
        return self.earliest_start or self.starts_at

    @property
    def price(self) -> Money | None:
        """The total price, fixed when the time was held or booked."""
        return None if self.price_minor is None else Money(self.price_minor, self.currency_code)

    @property
    def breakdown(self) -> Price | None:
        """The price line by line."""
        if self.price_lines is None or self.price is None:
            return None
        return stored_price(self.price_lines, self.price_sums, total=self.price)


def price_columns_of(booking: Booking) -> dict[str, Any]:
    """Returns the columns in which a booking has its price, as they are."""
    return {name: getattr(booking, name) for name in ("price_lines", "price_minor", "price_sums")}


_NEW: Final = parameters(Booking)

# Fails if another booking has the time.
INSERT_BOOKING: Final = PreparedStatement(
    insert(Booking).from_select(list(_NEW), select(*_NEW.values()))
)


def bookings_of(tenant_id: UUID) -> Select[Booking]:
    return select(Booking).where(col(Booking.tenant_id) == tenant_id)


def holds_of_move(tenant_id: UUID, booking_id: UUID) -> Select[Booking]:
    """Selects the hold for an unpaid move of a booking, expired or not."""
    return bookings_of(tenant_id).where(
        col(Booking.moves_id) == booking_id, col(Booking.status) == Status.HELD.value
    )


def guest_of(
    tenant_id: UUID | ColumnElement[UUID], booking_id: UUID | ColumnElement[UUID]
) -> Select[Customer]:
    """Selects the customer of a booking."""
    is_theirs = and_(
        col(Booking.tenant_id) == col(Customer.tenant_id),
        col(Booking.customer_id) == col(Customer.id),
    )
    booking = (col(Booking.tenant_id) == tenant_id, col(Booking.id) == booking_id)
    return select(Customer).join(Booking, is_theirs).where(*booking)


GUEST: Final = JsonBatch(
    guest_of(bindparam("tenant_id", type_=Uuid()), bindparam("booking_id", type_=Uuid()))
)


def own_bookings(customer_id: UUID | None, user_id: UUID | None) -> ColumnElement[bool]:
    """Returns the condition for bookings of a customer, and holds from before they were one."""
    held = and_(
        col(Booking.status) == Status.HELD.value,
        col(Booking.customer_id).is_(None),
        _is(Booking.held_by_id, user_id),
    )
    return or_(_is(Booking.customer_id, customer_id), held)


def _is(column: Any, id: UUID | None) -> ColumnElement[bool]:
    # SQLAlchemy turns `== None` into IS NULL: actors without an id would own rows without an owner.
    return false() if id is None else col(column) == id
