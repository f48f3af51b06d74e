"""Opening hours by weekday, dates with other hours, and blackouts.

A null room means the whole venue. Intervals are pairs of minutes since local midnight, up to
1800 for a closing at 06:00 of the next day.
"""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Delete,
    Index,
    Select,
    UniqueConstraint,
    delete,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship, col

from domain.core.local_time import LocalTime
from domain.venue.hours import LocalInterval, Weekday
from models.core.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.core.filters import DateTimeRange
from models.venue.rooms import Room


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


class HoursException(TenantRow, table=True):
    """A date with other hours; no interval means closed."""

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
    """A time that can't be booked."""

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


def weekday_hours_of(tenant_id: UUID, room_id: UUID | None) -> Select[WeekdayHours]:
    """Selects the weekly hours of one room, or of the venue."""
    return select(WeekdayHours).where(
        col(WeekdayHours.tenant_id) == tenant_id,
        col(WeekdayHours.room_id).is_not_distinct_from(room_id),
    )


def weekday_hours_without(tenant_id: UUID, room_id: UUID | None) -> Delete:
    """Deletes the weekly hours of one room, or of the venue."""
    return (
        delete(WeekdayHours)
        .where(
            col(WeekdayHours.tenant_id) == tenant_id,
            col(WeekdayHours.room_id).is_not_distinct_from(room_id),
        )
        .execution_options(synchronize_session=False)
    )


def exceptions_of(tenant_id: UUID) -> Select[HoursException]:
    return select(HoursException).where(col(HoursException.tenant_id) == tenant_id)


def exceptions_from(
    exceptions: Select[HoursException], first: date, last: date
) -> Select[HoursException]:
    """Selects the exceptions of the dates from the first to the last, inclusive."""
    return exceptions.where(col(HoursException.date).between(first, last))


def exceptions_for(
    exceptions: Select[HoursException], room_ids: Collection[UUID]
) -> Select[HoursException]:
    """Selects the exceptions that apply to some rooms: their own and the venue's."""
    return exceptions.where(_concerns(HoursException.room_id, room_ids))


def exception_on(tenant_id: UUID, day: date, *, room_id: UUID | None) -> Select[HoursException]:
    """Selects the exception of a room, or of the venue itself, on a date."""
    return exceptions_of(tenant_id).where(
        col(HoursException.date) == day,
        col(HoursException.room_id).is_not_distinct_from(room_id),
    )


def blackouts_of(tenant_id: UUID) -> Select[Blackout]:
    return select(Blackout).where(col(Blackout.tenant_id) == tenant_id)


def blackouts_for(blackouts: Select[Blackout], room_ids: Collection[UUID]) -> Select[Blackout]:
    """Selects the blackouts that apply to some rooms: their own and the venue's."""
    return blackouts.where(_concerns(Blackout.room_id, room_ids))


def blackouts_within(blackouts: Select[Blackout], span: DateTimeRange) -> Select[Blackout]:
    """Selects the blackouts that overlap a range; open ends match everything."""
    if span.gte is not None:
        blackouts = blackouts.where(col(Blackout.ends_at) > span.gte)
    if span.lt is not None:
        blackouts = blackouts.where(col(Blackout.starts_at) < span.lt)
    return blackouts


def _concerns(column: Any, room_ids: Collection[UUID]) -> ColumnElement[bool]:
    return or_(col(column).is_(None), col(column).in_(room_ids))
