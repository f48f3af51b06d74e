"""Statements for hints: how hours were booked, and what rooms earned by week."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Select, cast, extract, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from domain.bookings.lifecycle import Status
from models.analytics.booked_parts import BookedParts
from models.bookings.bookings import Booking
from models.core.base import INSTANT

_COUNTED: Final = [
    each.value
    for each in Status
    if each not in (Status.HELD, Status.EXPIRED, Status.CANCELLED, Status.REJECTED)
]


def booked_between(tenant_id: UUID, edges: Sequence[datetime]) -> Select[int, int]:
    """Selects the booked minutes between each instant and the next, by number from 1 on.

    Spans without bookings are left out.
    """
    parts = BookedParts.between(edges, tenant_id)
    return parts.summed([parts.number.label("number")], col(Booking.status).in_(_COUNTED))


def earned_by_week(tenant_id: UUID, weeks: Sequence[datetime]) -> Select[UUID, int, int, int, int]:
    """Selects what rooms earned in each week that begins at one of the instants but the last.

    By room and number of the week from 1 on: the usual hourly rate of its bookings in minor units,
    their value, and how many there were. Bookings without a price are left out.
    """
    minutes = extract("epoch", col(Booking.ends_at) - col(Booking.starts_at)) / 60
    rate = cast(func.round(col(Booking.price_minor) * 60 / minutes), Integer)
    week = func.width_bucket(col(Booking.starts_at), literal(list(weeks), ARRAY(INSTANT)))
    return (
        select(
            col(Booking.room_id),
            week.label("week"),
            func.mode().within_group(rate).label("hourly_rate_minor"),
            cast(func.sum(col(Booking.price_minor)), BigInteger).label("value_minor"),
            func.count().label("bookings"),
        )
        .where(
            col(Booking.tenant_id) == tenant_id,
            col(Booking.status).in_(_COUNTED),
            col(Booking.price_minor) > 0,
            col(Booking.starts_at) >= weeks[0],
            col(Booking.starts_at) < weeks[-1],
        )
        .group_by(col(Booking.room_id), "week")
    )
