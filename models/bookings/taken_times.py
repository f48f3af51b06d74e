"""A prepared statement for the times that bookings take of rooms.

Parameters: ``tenant_id``, ``room_ids``, ``since`` and ``until``; ``earliest`` and ``latest`` are
the first and last start of a booking that can matter; holds that ran out by ``now`` are left out.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Uuid, and_, any_, bindparam, cast, extract, func, not_, select
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlmodel import col

from domain.bookings.lifecycle import OCCUPYING, Status
from kit.postgres.statements import PreparedStatement, set_tenant_cte
from models.audit.log import end
from models.bookings.bookings import Booking
from models.core.base import INSTANT
from models.tenants import Tenant

_TENANT: Final = bindparam("tenant_id", type_=Uuid())
_ROOM_IDS: Final = bindparam("room_ids", type_=ARRAY(Uuid()))


def _instant(name: str) -> Any:
    return bindparam(name, type_=INSTANT)


def _ticks(instant: Any) -> Any:
    return cast(extract("epoch", instant) * 1_000_000, BigInteger)


_IS_OVER: Final = and_(
    col(Booking.status) == Status.HELD.value, col(Booking.hold_expires_at) <= _instant("now")
)
_TAKEN: Final = (
    select(
        array(
            [
                func.array_position(_ROOM_IDS, col(Booking.room_id), type_=BigInteger()),
                _ticks(func.lower(col(Booking.occupied))),
                _ticks(func.upper(col(Booking.occupied))),
            ]
        ).label("time")
    )
    .where(
        col(Booking.tenant_id) == _TENANT,
        col(Booking.room_id) == any_(_ROOM_IDS),
        col(Booking.status).in_(sorted(OCCUPYING)),
        not_(func.coalesce(_IS_OVER, False)),
        col(Booking.starts_at) > _instant("earliest"),
        col(Booking.starts_at) < _instant("latest"),
        func.upper(col(Booking.occupied)) > _instant("since"),
        func.lower(col(Booking.occupied)) < _instant("until"),
    )
    .subquery("taken")
)
_TIMES: Final = select(func.array_agg(_TAKEN.c.time, type_=ARRAY(BigInteger(), dimensions=2)))
_END: Final = end(_TENANT).subquery("log_end")

# One row: the calendar's version, the end of the log, and for each booking the place of its room in
# ``room_ids``, counted from 1, and both ends of the time that it takes, in microseconds since 1970.
TAKEN: Final = PreparedStatement(
    select(
        select(col(Tenant.calendar_version)).where(col(Tenant.id) == _TENANT).scalar_subquery(),
        select(array([*_END.columns])).scalar_subquery(),
        _TIMES.scalar_subquery(),
    ).select_from(set_tenant_cte(_TENANT))
)
