"""A prepared statement for changes that may affect availability.

Parameters: ``tenant_id``, the known position as ``xid`` and ``position``, the limit of entries as
``batch``, and ``since``, after which holds must expire to be selected.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Integer, Uuid, and_, bindparam, func, select, tuple_
from sqlmodel import col

from domain.bookings.lifecycle import Status
from kit.postgres.json_batch import JsonBatch
from models.audit.log import GENERATION, LogEntry, Xid8, end
from models.bookings.bookings import Booking
from models.core.base import INSTANT
from models.venue.hours import Blackout
from models.venue.rooms import Room

TELLING: Final = frozenset({"Booking", "Room", "Blackout", "PriceRule", "Tenant"})
"""The subjects of entries that may affect availability."""

_TENANT: Final = bindparam("tenant_id", type_=Uuid())
_KNOWN: Final = tuple_(bindparam("xid", type_=Xid8()), bindparam("position", type_=BigInteger()))

# Also above the horizon: every change that this snapshot's rows show must have its entry.
_ENTRIES: Any = (
    select(
        col(LogEntry.xid),
        col(LogEntry.position),
        col(LogEntry.type),
        col(LogEntry.at),
        col(LogEntry.subject_type),
        col(LogEntry.subject_id),
        col(LogEntry.before),
        col(LogEntry.after)["status"].astext.label("status"),
        func.coalesce(col(Booking.room_id), col(Blackout.room_id)).label("room_id"),
        col(Booking.also_room_ids),
        col(Booking.space_ids),
        col(Booking.seat_numbers),
        func.coalesce(col(Booking.starts_at), col(Blackout.starts_at)).label("starts_at"),
        func.coalesce(col(Booking.ends_at), col(Blackout.ends_at)).label("ends_at"),
        func.lower(col(Booking.occupied), type_=INSTANT).label("occupied_from"),
        func.upper(col(Booking.occupied), type_=INSTANT).label("occupied_to"),
        col(Booking.hold_expires_at),
    )
    .outerjoin(
        Booking,
        and_(
            col(Booking.tenant_id) == col(LogEntry.tenant_id),
            col(Booking.id) == col(LogEntry.subject_id),
        ),
    )
    .outerjoin(
        Blackout,
        and_(
            col(Blackout.tenant_id) == col(LogEntry.tenant_id),
            col(Blackout.id) == col(LogEntry.subject_id),
        ),
    )
    .where(
        col(LogEntry.tenant_id) == _TENANT,
        col(LogEntry.generation) == GENERATION,
        tuple_(col(LogEntry.xid), col(LogEntry.position)) > _KNOWN,
        col(LogEntry.subject_type).in_(sorted(TELLING)),
    )
    .order_by(col(LogEntry.xid), col(LogEntry.position))
    .limit(bindparam("batch", type_=Integer()))
)

_HOLDS: Any = select(
    col(Booking.room_id),
    col(Booking.space_ids),
    col(Booking.hold_expires_at),
    func.lower(col(Booking.occupied), type_=INSTANT).label("occupied_from"),
    func.upper(col(Booking.occupied), type_=INSTANT).label("occupied_to"),
).where(
    col(Booking.tenant_id) == _TENANT,
    col(Booking.status) == Status.HELD.value,
    col(Booking.hold_expires_at) > bindparam("since", type_=INSTANT),
)

# The rooms that consist of others.
_COMBINED: Any = select(col(Room.id), col(Room.space_ids)).where(
    col(Room.tenant_id) == _TENANT, col(Room.space_ids).is_not(None)
)

CHANGES: Final = JsonBatch(end(_TENANT), _ENTRIES, _HOLDS, _COMBINED)
MORE_CHANGES: Final = JsonBatch(_ENTRIES)
