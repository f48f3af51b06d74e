"""Statements about the bookings of a series."""

from typing import Final
from uuid import UUID

from sqlalchemy import Select, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import array
from sqlmodel import col

from domain.bookings.lifecycle import OCCUPYING, Status
from kit.postgres.json_batch import JsonBatch
from models.bookings.bookings import Booking

_TENANT: Final = bindparam("tenant_id", type_=Uuid())
_TAKING_TIME: Final = (
    col(Booking.tenant_id) == _TENANT,
    col(Booking.series_id) == bindparam("series_id", type_=Uuid()),
    col(Booking.status).in_(sorted(OCCUPYING)),
)

_SPACE: Final = func.unnest(func.coalesce(col(Booking.space_ids), array([col(Booking.room_id)])))
_SPACES: Final = select(_SPACE.label("space_id")).distinct()

# The spaces of a series' bookings, and those where time is held to which one of them moves.
# Parameters: ``tenant_id`` and ``series_id``.
SPACES_OF_SERIES: Final = JsonBatch(
    _SPACES.where(*_TAKING_TIME),
    _SPACES.where(
        col(Booking.tenant_id) == _TENANT,
        col(Booking.moves_id).in_(select(col(Booking.id)).where(*_TAKING_TIME)),
        col(Booking.status) == Status.HELD.value,
    ),
)


def number_of_bookings(tenant_id: UUID, series_id: UUID) -> Select[int]:
    """Counts the bookings of a series, with every status."""
    return (
        select(func.count())
        .select_from(Booking)
        .where(col(Booking.tenant_id) == tenant_id, col(Booking.series_id) == series_id)
    )
