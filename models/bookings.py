"""Bookings: a room held for somebody for a time. The database itself refuses a double one."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlmodel import Field, Relationship

from domain.bookings import OCCUPYING, Status
from domain.money import Money
from models.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.customers import Customer
from models.rooms import Room

NO_OVERLAP = "booking_no_overlap"


class Booking(TenantRow, Logged, table=True):
    LOGGED: ClassVar = (
        "status",
        "room_id",
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
        UniqueConstraint("tenant_id", "reference"),
        ExcludeConstraint(
            ("tenant_id", "="),
            ("room_id", "="),
            ("occupied", "&&"),
            name=NO_OVERLAP,
            using="gist",
            where=text(one_of("status", (each for each in Status if each in OCCUPYING))),
        ),
        Index(None, "tenant_id", "room_id", "starts_at"),
        Index(None, "tenant_id", "starts_at", "id"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "updated_at", "id"),
        Index(None, "tenant_id", "customer_id", "starts_at"),
        Index(
            "ix_bookings_holds",
            "tenant_id",
            "hold_expires_at",
            postgresql_where=text("status = 'held'"),
        ),
        CheckConstraint(one_of("status", Status), name="status"),
        CheckConstraint("starts_at < ends_at", name="ends_at"),
        CheckConstraint("party_size >= 1", name="party_size"),
        CheckConstraint("occupied @> tstzrange(starts_at, ends_at)", name="occupied"),
        CheckConstraint("(status <> 'held') OR hold_expires_at IS NOT NULL", name="hold"),
    )

    reference: str
    room_id: UUID
    customer_id: UUID | None = None
    held_by_id: UUID | None = Field(default=None, description="The user who asked for the hold.")
    status: str
    starts_at: datetime = Field(sa_type=INSTANT)
    ends_at: datetime = Field(sa_type=INSTANT)
    occupied: Range[datetime] = Field(sa_column=Column(TSTZRANGE, nullable=False))
    hold_expires_at: datetime | None = Field(default=None, sa_type=INSTANT)
    party_size: int = 1
    note: str | None = None
    price_lines: list[Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    price_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency_code: str
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)

    room: Room = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Booking.room_id", "lazy": "raise"}
    )
    customer: Customer | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Booking.customer_id", "lazy": "raise"}
    )

    @property
    def price(self) -> Money | None:
        """The total; frozen when the time was held or booked."""
        return None if self.price_minor is None else Money(self.price_minor, self.currency_code)
