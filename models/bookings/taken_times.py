"""Prepared statements for the times that bookings take of rooms.

Parameters: ``tenant_id``, ``room_ids``, ``since`` and ``until``; no time that begins before
``earliest`` can last until ``since``; holds that ran out by ``now`` are left out.

Times come in a binary string for each of ``room_ids``, as PostgreSQL sends instants. Numbers in
arrays would take several times as long to read, and all of them at once.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    func,
    not_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, array
from sqlmodel import col

from domain.bookings.lifecycle import OCCUPYING, Status
from kit.postgres.statements import PreparedStatement, set_tenant_cte
from models.audit.log import end
from models.bookings.bookings import Booking
from models.bookings.occupancy import Occupancy
from models.core.base import INSTANT
from models.tenants import Tenant

_TENANT: Final = bindparam("tenant_id", type_=Uuid())
_ROOM_IDS: Final = bindparam("room_ids", type_=ARRAY(Uuid()))
_EXCLUDED: Final = bindparam("excluded", type_=Uuid())
_ROOM: Final = (
    func.unnest(_ROOM_IDS).table_valued("id", with_ordinality="place", name="room").render_derived()
)


def _instant(name: str) -> Any:
    return bindparam(name, type_=INSTANT)


def _has_ended(hold_expires_at: Any) -> ColumnElement[bool]:
    return func.coalesce(col(hold_expires_at) <= _instant("now"), False)


def _of_rooms(instants: Sequence[Any], *conditions: Any) -> Select[Any]:
    """Selects instants of the rows that belong to each room."""
    sent: list[Any] = [func.timestamptz_send(each) for each in instants]
    rows = func.string_agg(
        reduce(lambda before, each: before.op("||")(each), sent), cast(b"", LargeBinary())
    )
    of_room = select(rows).where(*conditions).correlate(_ROOM).scalar_subquery()
    return select(func.array_agg(aggregate_order_by(of_room, _ROOM.c.place)))


def _with_version(*selected: Any) -> PreparedStatement:
    """One row: the calendar's version, the end of the log, and what is selected."""
    log_end = end(_TENANT).subquery("log_end")
    return PreparedStatement(
        select(
            select(col(Tenant.calendar_version)).where(col(Tenant.id) == _TENANT).scalar_subquery(),
            select(array([*log_end.columns])).scalar_subquery(),
            *(each.scalar_subquery() for each in selected),
        ).select_from(set_tenant_cte(_TENANT))
    )


# When each time of a room that is taken starts and ends.
TAKEN: Final = _with_version(
    _of_rooms(
        (col(Occupancy.starts_at), func.upper(col(Occupancy.occupied))),
        col(Occupancy.tenant_id) == _TENANT,
        col(Occupancy.space_id) == _ROOM.c.id,
        col(Occupancy.starts_at) > _instant("earliest"),
        col(Occupancy.starts_at) < _instant("until"),
        func.upper(col(Occupancy.occupied)) > _instant("since"),
        not_(_has_ended(Occupancy.expires_at)),
    )
)

_TIMES: Final = (
    col(Booking.starts_at),
    col(Booking.ends_at),
    func.lower(col(Booking.occupied)),
    func.upper(col(Booking.occupied)),
)
_COUNTED: Final = (
    col(Booking.tenant_id) == _TENANT,
    col(Booking.status).in_(sorted(OCCUPYING)),
    col(Booking.ends_at) > _instant("since"),
    not_(and_(col(Booking.status) == Status.HELD.value, _has_ended(Booking.hold_expires_at))),
)
_PLACE: Final = tuple_(col(Booking.room_id), col(Booking.starts_at))
_OWNER: Final = (
    col(Booking.room_id),
    col(Booking.id),
    col(Booking.customer_id),
    col(Booking.held_by_id),
)

# When each booking of a room starts and ends, without and with its buffers. The ``excluded``
# booking isn't among them: if it would be, its owner and its times are returned by themselves.
BOOKED: Final = _with_version(
    _of_rooms(
        _TIMES,
        *_COUNTED,
        col(Booking.room_id) == _ROOM.c.id,
        # By pairs, for the index on room and start: the one on starts alone would do for a table
        # without statistics, and look through the bookings of all rooms for each of them.
        tuple_(_ROOM.c.id, _instant("earliest")) < _PLACE,
        tuple_(_ROOM.c.id, _instant("until")) > _PLACE,
        col(Booking.id).is_distinct_from(_EXCLUDED),
    ),
    select(func.row(*_OWNER, *_TIMES)).where(
        *_COUNTED,
        col(Booking.starts_at) > _instant("earliest"),
        col(Booking.starts_at) < _instant("until"),
        col(Booking.id) == _EXCLUDED,
        col(Booking.room_id) == any_(_ROOM_IDS),
    ),
)
