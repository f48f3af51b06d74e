"""Statements that seat the bookings of a room anew, or give them the whole room.

Parameters: ``tenant_id`` and ``room_id``.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import (
    SmallInteger,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    column,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlmodel import col

from domain.bookings.lifecycle import OCCUPYING
from kit.postgres.json_batch import JsonBatch
from kit.postgres.statements import PreparedStatement
from models.bookings.bookings import Booking

_ROOM_ID: Final = bindparam("room_id", type_=Uuid())
_TAKING: Final = (
    col(Booking.tenant_id) == bindparam("tenant_id", type_=Uuid()),
    col(Booking.status).in_(sorted(OCCUPYING)),
)
_STANDING: Final = (*_TAKING, col(Booking.room_id) == _ROOM_ID)
_ALSO: Final = and_(
    col(Booking.space_ids).is_not(None),  # By the index of such bookings.
    col(Booking.also_room_ids).contains(array([_ROOM_ID])),
)

# All bookings that take time of the room, alone or with others.
STANDING: Final = JsonBatch(
    select(
        col(Booking.id),
        col(Booking.also_room_ids),
        col(Booking.status),
        col(Booking.starts_at),
        col(Booking.ends_at),
        col(Booking.occupied),
        col(Booking.hold_expires_at),
        col(Booking.party_size),
    ).where(*_TAKING, or_(col(Booking.room_id) == _ROOM_ID, _ALSO))
)


def stored_seats(numbers: Iterable[int] | None) -> str | None:
    """Returns seats as PostgreSQL reads them, for lists in which each booking has its own."""
    return None if numbers is None else f"{{{','.join(map(str, numbers))}}}"


# They give up their time, so that somebody may get a seat that another has had.
GIVE_UP_SEATS: Final = PreparedStatement(
    update(Booking).where(*_STANDING).values(seat_numbers=array([], type_=SmallInteger()))
)
TAKE_WHOLE_ROOM: Final = PreparedStatement(
    update(Booking).where(*_STANDING).values(seat_numbers=None)
)

_SEATED: Final = (
    func.unnest(
        bindparam("ids", type_=ARRAY(Uuid())), bindparam("seat_numbers", type_=ARRAY(Text()))
    )
    .table_valued(column("id", Uuid()), column("seat_numbers", Text()))
    .render_derived(name="seated")
)
# Parameters: also ``ids``, and for each the ``seat_numbers`` as ``stored_seats`` gives them.
TAKE_SEATS: Final = PreparedStatement(
    update(Booking)
    .where(*_STANDING, col(Booking.id) == _SEATED.c.id)
    .values(seat_numbers=cast(_SEATED.c.seat_numbers, ARRAY(SmallInteger())))
)
