"""A prepared statement for the times that bookings take of rooms.

Parameters: ``tenant_id``, ``room_ids``, ``since`` and ``until``; no time that begins before
``earliest`` can last until ``since``; holds that ran out by ``now`` are left out.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Uuid, any_, bindparam, cast, extract, func, not_, select
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlmodel import col

from kit.postgres.statements import PreparedStatement, set_tenant_cte
from models.audit.log import end
from models.bookings.occupancy import Occupancy
from models.core.base import INSTANT
from models.tenants import Tenant

_TENANT: Final = bindparam("tenant_id", type_=Uuid())
_ROOM_IDS: Final = bindparam("room_ids", type_=ARRAY(Uuid()))


def _instant(name: str) -> Any:
    return bindparam(name, type_=INSTANT)


def _ticks(instant: Any) -> Any:
    return cast(extract("epoch", instant) * 1_000_000, BigInteger)


_IS_OVER: Final = col(Occupancy.expires_at) <= _instant("now")
_TAKEN: Final = (
    select(
        array(
            [
                func.array_position(_ROOM_IDS, col(Occupancy.space_id), type_=BigInteger()),
                _ticks(col(Occupancy.starts_at)),
                _ticks(func.upper(col(Occupancy.occupied))),
            ]
        ).label("time")
    )
    .where(
        col(Occupancy.tenant_id) == _TENANT,
        col(Occupancy.space_id) == any_(_ROOM_IDS),
        col(Occupancy.starts_at) > _instant("earliest"),
        col(Occupancy.starts_at) < _instant("until"),
        func.upper(col(Occupancy.occupied)) > _instant("since"),
        not_(func.coalesce(_IS_OVER, False)),
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
