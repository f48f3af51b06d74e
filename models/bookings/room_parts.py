"""Statements for a change of what rooms consist of."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Update, or_, update
from sqlmodel import col

from domain.bookings.lifecycle import OCCUPYING
from models.bookings.bookings import Booking, bookings_of


def bookings_in(tenant_id: UUID, room_ids: Collection[UUID], *, since: datetime) -> Select[Booking]:
    """Selects the bookings of rooms that take time, or may take it again: those to come."""
    return bookings_of(tenant_id).where(
        _is_of(room_ids), or_(_takes_time(), col(Booking.ends_at) > since)
    )


def bookings_at(tenant_id: UUID, space_ids: Collection[UUID]) -> Select[Booking]:
    """Selects the bookings that take time of spaces now."""
    spaces: Any = Booking.space_ids
    is_there = or_(
        spaces.overlap(space_ids), spaces.is_(None) & col(Booking.room_id).in_(space_ids)
    )
    return bookings_of(tenant_id).where(_takes_time(), is_there)


def spaces_stored(tenant_id: UUID, ids: Sequence[UUID], space_ids: list[UUID] | None) -> Update:
    """Gives bookings other spaces; a trigger moves their times there."""
    return (
        update(Booking)
        .where(col(Booking.tenant_id) == tenant_id, col(Booking.id).in_(ids))
        .values(space_ids=space_ids)
        .execution_options(synchronize_session=False)
    )


def _is_of(room_ids: Collection[UUID]) -> ColumnElement[bool]:
    also: Any = Booking.also_room_ids
    return or_(col(Booking.room_id).in_(room_ids), also.overlap(room_ids))


def _takes_time() -> ColumnElement[bool]:
    return col(Booking.status).in_(sorted(OCCUPYING))
