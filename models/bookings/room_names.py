"""The names of a booking's rooms, in SQL."""

from typing import Any

from sqlalchemy import any_, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased
from sqlmodel import col

from models.bookings.bookings import Booking
from models.venue.rooms import Room


def other_rooms() -> Any:
    """Returns the names of the rooms of a booking but the first, in order; null if there are none.

    Few bookings are of several rooms: where all are read, look at ``also_room_ids`` first.
    """
    also = aliased(Room)
    place = func.array_position(col(Booking.also_room_ids), col(also.id))
    return (
        select(func.string_agg(col(also.name), aggregate_order_by(literal(", "), place)))
        .where(
            col(also.tenant_id) == col(Booking.tenant_id),
            col(also.id) == any_(col(Booking.also_room_ids)),
        )
        .correlate(Booking)
        .scalar_subquery()
    )
