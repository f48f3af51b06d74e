"""Statements for when rooms were open: hours, blackouts, and their changes in the log."""

from typing import Final

from sqlalchemy import Date, Integer, Uuid, bindparam, or_, select
from sqlmodel import col

from domain.core.log_events import EventType
from kit.postgres.json_batch import JsonBatch
from models.audit.log import LogEntry
from models.core.base import INSTANT
from models.tenants import Tenant
from models.venue.hours import Blackout, HoursException, WeekdayHours
from models.venue.rooms import Room

_TENANT: Final = bindparam("tenant_id", type_=Uuid())
_SINCE: Final = bindparam("since", type_=INSTANT)
_UNTIL: Final = bindparam("until", type_=INSTANT)
_CHANGES: Final = (EventType.HOURS_CHANGED, EventType.ROOM_ARCHIVED, EventType.ROOM_UNARCHIVED)

# Of a tenant: its rooms by name, weekly hours, exceptions on the dates from ``first_day`` to
# ``last_day``, blackouts between ``since`` and ``until``, and all changes of hours and of what is
# archived, in order. The log has them for as long as the venue exists.
OPEN_TIME: Final = JsonBatch(
    select(Tenant).where(col(Tenant.id) == _TENANT),
    select(Room).where(col(Room.tenant_id) == _TENANT).order_by(col(Room.name_key), col(Room.id)),
    select(
        col(WeekdayHours.room_id),
        col(WeekdayHours.weekday),
        col(WeekdayHours.minutes).label("minutes"),
    ).where(col(WeekdayHours.tenant_id) == _TENANT),
    select(
        col(HoursException.room_id),
        col(HoursException.date),
        col(HoursException.minutes).label("minutes"),
    ).where(
        col(HoursException.tenant_id) == _TENANT,
        col(HoursException.date).between(
            bindparam("first_day", type_=Date()), bindparam("last_day", type_=Date())
        ),
    ),
    select(col(Blackout.room_id), col(Blackout.starts_at), col(Blackout.ends_at)).where(
        col(Blackout.tenant_id) == _TENANT,
        col(Blackout.ends_at) > _SINCE,
        col(Blackout.starts_at) < _UNTIL,
    ),
    select(
        col(LogEntry.type),
        col(LogEntry.at),
        col(LogEntry.subject_type),
        col(LogEntry.subject_id),
        col(LogEntry.before).label("before"),
    )
    .where(col(LogEntry.tenant_id) == _TENANT, or_(*(col(LogEntry.type) == t for t in _CHANGES)))
    .order_by(col(LogEntry.position))
    .limit(bindparam("most", type_=Integer())),
)
