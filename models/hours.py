"""Opening hours by weekday, dates with other hours, and times nobody can book.

A null room means the whole venue. Intervals are pairs of minutes since local midnight, up to
1800 for a closing at 06:00 of the next day.
"""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship

from domain.hours import LocalInterval, Weekday
from domain.venue_time import LocalTime
from models.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.rooms import Room


def as_pairs(intervals: tuple[LocalInterval, ...]) -> list[list[int]]:
    return [[each.opens_at.minutes, each.closes_at.minutes] for each in intervals]


def from_pairs(pairs: list[list[int]]) -> tuple[LocalInterval, ...]:
    return tuple(LocalInterval(LocalTime(opens), LocalTime(closes)) for opens, closes in pairs)


class WeekdayHours(TenantRow, table=True):
    """The hours of one weekday, of the venue or of one room; no interval means closed."""

    __tablename__ = "weekday_hours"
    __table_args__ = (
        refers_to("rooms", "room_id"),
        UniqueConstraint("tenant_id", "room_id", "weekday", postgresql_nulls_not_distinct=True),
        CheckConstraint(one_of("weekday", Weekday), name="weekday"),
    )

    room_id: UUID | None = None
    weekday: str
    minutes: list[Any] = Field(sa_column=Column("intervals", JSONB, nullable=False))

    @property
    def intervals(self) -> tuple[LocalInterval, ...]:
        return from_pairs(self.minutes)


class HoursException(TenantRow, Logged, table=True):
    """A date with other hours; no interval means closed."""

    LOGGED: ClassVar = ("room_id", "date", "minutes", "reason")

    __tablename__ = "hours_exceptions"
    __table_args__ = (
        refers_to("rooms", "room_id"),
        UniqueConstraint("tenant_id", "room_id", "date", postgresql_nulls_not_distinct=True),
        Index(None, "tenant_id", "date"),
    )

    room_id: UUID | None = None
    date: date
    minutes: list[Any] = Field(sa_column=Column("intervals", JSONB, nullable=False))
    reason: str | None = None

    room: Room | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "HoursException.room_id", "lazy": "raise"}
    )

    @property
    def intervals(self) -> tuple[LocalInterval, ...]:
        return from_pairs(self.minutes)


class Blackout(TenantRow, Logged, table=True):
    """Time nobody can book."""

    LOGGED: ClassVar = ("room_id", "starts_at", "ends_at", "reason")

    __tablename__ = "blackouts"
    __table_args__ = (
        refers_to("rooms", "room_id"),
        Index(None, "tenant_id", "ends_at"),
        CheckConstraint("starts_at < ends_at", name="ends_at"),
    )

    room_id: UUID | None = None
    starts_at: datetime = Field(sa_type=INSTANT)
    ends_at: datetime = Field(sa_type=INSTANT)
    reason: str | None = None
    created_at: datetime = Field(sa_type=INSTANT)

    room: Room | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Blackout.room_id", "lazy": "raise"}
    )
