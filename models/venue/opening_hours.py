"""Prepared statements for opening hours, and the selections that availability reads with them.

Parameters: ``tenant_id``, ``room_ids``, ``first_day`` and ``last_day`` (both included).
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Date, Uuid, any_, bindparam, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from kit.postgres.json_batch import JsonBatch
from models.venue.hours import HoursException, WeekdayHours

TENANT: Final = bindparam("tenant_id", type_=Uuid())
ROOMS: Final = any_(bindparam("room_ids", type_=ARRAY(Uuid())))
FIRST_DAY: Final = bindparam("first_day", type_=Date())


def applies_to_rooms(room_id: Any) -> ColumnElement[bool]:
    """Returns the condition for rows of one of the rooms, or of the whole venue."""
    return or_(col(room_id).is_(None), col(room_id) == ROOMS)


WEEKDAYS_OF_ALL: Any = select(
    col(WeekdayHours.room_id),
    col(WeekdayHours.weekday),
    col(WeekdayHours.minutes).label("minutes"),
).where(col(WeekdayHours.tenant_id) == TENANT)
WEEKDAYS: Final = WEEKDAYS_OF_ALL.where(applies_to_rooms(WeekdayHours.room_id))

EXCEPTIONS_OF_ALL: Any = select(
    col(HoursException.room_id),
    col(HoursException.date),
    col(HoursException.minutes).label("minutes"),
).where(col(HoursException.tenant_id) == TENANT)
EXCEPTIONS: Final = EXCEPTIONS_OF_ALL.where(
    applies_to_rooms(HoursException.room_id),
    col(HoursException.date).between(FIRST_DAY, bindparam("last_day", type_=Date())),
)

WEEKS: Final = JsonBatch(WEEKDAYS)
HOURS: Final = JsonBatch(WEEKDAYS, EXCEPTIONS)
