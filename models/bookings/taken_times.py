"""Prepared statements for the times that bookings take of spaces.

Parameters: ``tenant_id``, ``space_ids``, ``since`` and ``until``; no time that begins before
``earliest`` can last until ``since``, and no booking that starts from ``latest`` on takes time
before ``until``; holds that ran out by ``now`` are left out.

``seat_room_ids`` are the rooms whose seats are booked; they aren't among ``space_ids``.

Times come in a binary string for each of these, as PostgreSQL sends instants. Numbers in
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
    bindparam,
    cast,
    column,
    func,
    not_,
    or_,
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
_SPACE_IDS: Final = bindparam("space_ids", type_=ARRAY(Uuid()))
_EXCLUDED: Final = bindparam("excluded", type_=Uuid())
_SEAT_ROOM_IDS: Final = bindparam("seat_room_ids", type_=ARRAY(Uuid()))


def _each(ids: Any, name: str) -> Any:
    listed = func.unnest(ids).table_valued(column("id", Uuid()), with_ordinality="place", name=name)
    return listed.render_derived()


_SPACE: Final = _each(_SPACE_IDS, "space")
_SEAT_ROOM: Final = _each(_SEAT_ROOM_IDS, "seat_room")


def _instant(name: str) -> Any:
    return bindparam(name, type_=INSTANT)


def _has_ended(hold_expires_at: Any) -> ColumnElement[bool]:
    return func.coalesce(col(hold_expires_at) <= _instant("now"), False)


def _rows(instants: Sequence[Any], *more: Any) -> Any:
    sent: list[Any] = [func.timestamptz_send(each) for each in instants]
    return func.string_agg(reduce(_joined, [*sent, *more]), cast(b"", LargeBinary()))


def _of_spaces(instants: Sequence[Any], *kinds: Sequence[Any]) -> Select[Any]:
    """Selects instants of the rows that belong to each space, by the conditions of any kind."""
    rows = _rows(instants)
    found: list[Any] = [
        select(rows).where(*conditions).correlate(_SPACE).scalar_subquery() for conditions in kinds
    ]
    if len(found) > 1:
        found = [func.coalesce(each, cast(b"", LargeBinary())) for each in found]
    of_space = reduce(_joined, found)
    return select(func.array_agg(aggregate_order_by(of_space, _SPACE.c.place)))


def _joined(before: Any, after: Any) -> Any:
    return before.op("||")(after)


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


# When each time of a space that is taken starts and ends.
_TAKEN: Final = _of_spaces(
    (col(Occupancy.starts_at), func.upper(col(Occupancy.occupied))),
    (
        col(Occupancy.tenant_id) == _TENANT,
        col(Occupancy.space_id) == _SPACE.c.id,
        col(Occupancy.starts_at) > _instant("earliest"),
        col(Occupancy.starts_at) < _instant("until"),
        func.upper(col(Occupancy.occupied)) > _instant("since"),
        not_(_has_ended(Occupancy.expires_at)),
    ),
)

_TIMES: Final = (
    col(Booking.starts_at),
    col(Booking.ends_at),
    func.lower(col(Booking.occupied)),
    func.upper(col(Booking.occupied)),
)
_TAKING: Final = (
    col(Booking.tenant_id) == _TENANT,
    col(Booking.status).in_(sorted(OCCUPYING)),
    not_(and_(col(Booking.status) == Status.HELD.value, _has_ended(Booking.hold_expires_at))),
)
_COUNTED: Final = (*_TAKING, col(Booking.ends_at) > _instant("since"))
_PLACE: Final = tuple_(col(Booking.room_id), col(Booking.starts_at))
_STARTS: Final = (
    col(Booking.starts_at) > _instant("earliest"),
    col(Booking.starts_at) < _instant("until"),
)
_OWNER: Final = (
    func.coalesce(col(Booking.space_ids), array([col(Booking.room_id)])),
    # As text: asyncpg reads no lists of small integers in a row.
    func.array_to_string(col(Booking.seat_numbers), ","),
    col(Booking.id),
    col(Booking.customer_id),
    col(Booking.held_by_id),
)

# When each booking of a space starts and ends, without and with its buffers. The ``excluded``
# booking isn't among them: if it would be, what it takes, its owner and its times are returned by
# themselves.
_BOOKED: Final = _of_spaces(
    _TIMES,
    (
        *_COUNTED,
        col(Booking.space_ids).is_(None),
        col(Booking.room_id) == _SPACE.c.id,
        # By pairs, for the index on room and start: the one on starts alone would do for a table
        # without statistics, and look through the bookings of all rooms for each of them.
        tuple_(_SPACE.c.id, _instant("earliest")) < _PLACE,
        tuple_(_SPACE.c.id, _instant("until")) > _PLACE,
        col(Booking.id).is_distinct_from(_EXCLUDED),
    ),
    (
        *_COUNTED,
        *_STARTS,
        # An index has these alone: few venues have any.
        col(Booking.space_ids).is_not(None),
        col(Booking.space_ids).contains(array([_SPACE.c.id])),
        col(Booking.id).is_distinct_from(_EXCLUDED),
    ),
)
_LEFT_OUT: Final = select(func.row(*_OWNER, *_TIMES)).where(
    *_COUNTED,
    *_STARTS,
    col(Booking.id) == _EXCLUDED,
    or_(_OWNER[0].overlap(_SPACE_IDS), _OWNER[0].overlap(_SEAT_ROOM_IDS)),
)


# The same times of each seat that a booking takes of a room, with its number.
def _seats() -> Select[Any]:
    number = func.unnest(col(Booking.seat_numbers)).table_valued("number", name="seat")
    seat = number.render_derived()
    of_room = (
        select(_rows(_TIMES, func.int2send(seat.c.number)))
        .select_from(Booking, seat)
        .where(
            *_TAKING,
            col(Booking.room_id) == _SEAT_ROOM.c.id,
            tuple_(_SEAT_ROOM.c.id, _instant("earliest")) < _PLACE,
            tuple_(_SEAT_ROOM.c.id, _instant("latest")) > _PLACE,
            func.lower(col(Booking.occupied)) < _instant("until"),
            func.upper(col(Booking.occupied)) > _instant("since"),
            col(Booking.id).is_distinct_from(_EXCLUDED),
        )
        .correlate(_SEAT_ROOM)
        .scalar_subquery()
    )
    return select(func.array_agg(aggregate_order_by(of_room, _SEAT_ROOM.c.place)))


TAKEN: Final = _with_version(_TAKEN)
BOOKED: Final = _with_version(_BOOKED, _LEFT_OUT)
# Of venues with such rooms. Others pay nothing for them.
TAKEN_AND_SEATS: Final = _with_version(_TAKEN, _seats())
BOOKED_AND_SEATS: Final = _with_version(_BOOKED, _LEFT_OUT, _seats())
