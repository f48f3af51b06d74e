"""All that decides whether rooms are free, in statements that are made once.

Parameters: ``tenant_id``, ``room_ids``, ``first_day`` and ``last_day`` (both included), ``since``
and ``until``; ``longest_before`` is ``since`` less the longest booking, so that the index on
``starts_at`` drives.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Date, Uuid, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from domain.bookings import OCCUPYING
from kit.bundle import Bundle
from models.base import INSTANT
from models.bookings import Booking
from models.hours import Blackout, HoursException, WeekdayHours

_TENANT: Final = bindparam("tenant_id", type_=Uuid())
_ROOMS: Final = any_(bindparam("room_ids", type_=ARRAY(Uuid())))
_SINCE: Final = bindparam("since", type_=INSTANT)
_UNTIL: Final = bindparam("until", type_=INSTANT)


def _concerns(room_id: Any) -> ColumnElement[bool]:
    """Of one of the rooms, or of the whole venue."""
    return or_(col(room_id).is_(None), col(room_id) == _ROOMS)


_WEEKDAYS: Any = select(
    col(WeekdayHours.room_id),
    col(WeekdayHours.weekday),
    col(WeekdayHours.minutes).label("minutes"),
).where(col(WeekdayHours.tenant_id) == _TENANT, _concerns(WeekdayHours.room_id))

_EXCEPTIONS: Any = select(
    col(HoursException.room_id),
    col(HoursException.date),
    col(HoursException.minutes).label("minutes"),
).where(
    col(HoursException.tenant_id) == _TENANT,
    _concerns(HoursException.room_id),
    col(HoursException.date).between(
        bindparam("first_day", type_=Date()), bindparam("last_day", type_=Date())
    ),
)

_BLACKOUTS: Final = select(
    col(Blackout.room_id), col(Blackout.starts_at), col(Blackout.ends_at)
).where(
    col(Blackout.tenant_id) == _TENANT,
    _concerns(Blackout.room_id),
    col(Blackout.ends_at) > _SINCE,
    col(Blackout.starts_at) < _UNTIL,
)

# Holds past their time are among them: they give theirs up to the next who asks.
_CLAIMS: Final = (
    select(
        col(Booking.room_id),
        col(Booking.id),
        col(Booking.status),
        col(Booking.customer_id),
        col(Booking.starts_at),
        col(Booking.ends_at),
        func.lower(col(Booking.occupied), type_=INSTANT).label("occupied_from"),
        func.upper(col(Booking.occupied), type_=INSTANT).label("occupied_to"),
        col(Booking.hold_expires_at),
    )
    .where(
        col(Booking.tenant_id) == _TENANT,
        col(Booking.room_id) == _ROOMS,
        col(Booking.status).in_(sorted(OCCUPYING)),
        col(Booking.ends_at) > _SINCE,
        col(Booking.starts_at) > bindparam("longest_before", type_=INSTANT),
        col(Booking.starts_at) < _UNTIL,
    )
    .order_by(col(Booking.starts_at))
)

WEEKS: Final = Bundle(_WEEKDAYS)
HOURS: Final = Bundle(_WEEKDAYS, _EXCEPTIONS)
CALENDAR: Final = Bundle(_WEEKDAYS, _EXCEPTIONS, _BLACKOUTS, _CLAIMS)
