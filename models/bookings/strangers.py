"""Holds and bookings of unverified guests and customers, as counted for limits."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Update, and_, func, or_, select, tuple_, update
from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.core.intervals import Interval
from models.bookings.bookings import Booking
from models.bookings.filters import overlapping
from models.core.filters import DateTimeRange
from models.venue.rooms import Room

_KEY = (col(Booking.tenant_id), col(Booking.id))


def open_holds(
    tenant_id: UUID, holder: ColumnElement[bool], *, now: datetime
) -> Select[int, datetime | None]:
    """Counts the active holds of a holder, with the end of the first one."""
    return select(func.count(), func.min(col(Booking.hold_expires_at))).where(
        col(Booking.tenant_id) == tenant_id, holder, *_stands(now)
    )


def held_from(network: bytes) -> ColumnElement[bool]:
    """Holds that strangers took from a network, and have not booked yet."""
    return and_(col(Booking.held_from) == network, col(Booking.customer_id).is_(None))


def held_by(customer_id: UUID | None, user_id: UUID | None) -> ColumnElement[bool]:
    """Holds of a customer, or of a user who is none yet."""
    if customer_id is not None:
        return col(Booking.customer_id) == customer_id
    return col(Booking.held_by_id) == user_id


def unconfirmed(
    tenant_id: UUID, *, network: bytes, customer_id: UUID | None, since: datetime
) -> Any:
    """Bookings of guests that were never confirmed: how many of a network and of a customer.

    With each, when the first of them was made.
    """
    kinds = (col(Booking.held_from) == network, col(Booking.customer_id) == customer_id)
    first = func.min(col(Booking.created_at))
    counts = [each for kind in kinds for each in (func.count().filter(kind), first.filter(kind))]
    return select(*counts).where(
        col(Booking.tenant_id) == tenant_id,
        col(Booking.held_from).is_not(None),
        col(Booking.customer_id).is_not(None),
        col(Booking.created_at) > since,
        or_(*kinds),
    )


def held_by_strangers(
    tenant_id: UUID, during: Interval, *, now: datetime
) -> Select[UUID, datetime, datetime, datetime | None]:
    """The times that strangers hold, booked or not, which share some with an interval."""
    return select(
        col(Booking.room_id),
        col(Booking.starts_at),
        col(Booking.ends_at),
        col(Booking.hold_expires_at),
    ).where(
        col(Booking.tenant_id) == tenant_id,
        col(Booking.held_from).is_not(None),
        overlapping(DateTimeRange(during.start, during.end), tenant_id),
        *_stands(now),
    )


def rooms_in_use(tenant_id: UUID) -> Select[int]:
    """Counts the rooms that aren't archived."""
    return select(func.count()).where(
        col(Room.tenant_id) == tenant_id, col(Room.archived_at).is_(None)
    )


def origins_forgotten(cutoff: datetime, *, limit: int) -> Update:
    """Deletes a batch of the networks of guests that no longer count."""
    old = (
        select(*_KEY)
        .where(col(Booking.held_from).is_not(None), col(Booking.created_at) < cutoff)
        .limit(limit)
    )
    return update(Booking).where(tuple_(*_KEY).in_(old)).values(held_from=None)


def _stands(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (col(Booking.status) == Status.HELD.value, col(Booking.hold_expires_at) > now)
