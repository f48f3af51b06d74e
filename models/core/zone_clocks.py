"""Offsets of time zones, stored so that SQL computes the same local times as Python.

Each release of the time-zone database has its own rows: a process reads those of its installed
release, and other processes may have another release.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Interval, Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlmodel import Field, SQLModel, col

from domain.core.clock_changes import RELEASE

_CHANGES = ARRAY(TIMESTAMP(timezone=True))
_OFFSETS = ARRAY(Text())
_MINUTES = 'YYYY-MM-DD"T"HH24:MI'


class ZoneClock(SQLModel, table=True):
    """The offsets of one zone in one release, as in ``domain.core.clock_changes``."""

    __tablename__ = "zone_clocks"

    release: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    changes: list[datetime] = Field(sa_column=Column(_CHANGES, nullable=False))
    offsets: list[str] = Field(sa_column=Column(_OFFSETS, nullable=False))


CLOCKS_ARE_STORED: Final = select(
    select(col(ZoneClock.name)).where(col(ZoneClock.release) == RELEASE).exists()
)
"""Returns whether the offsets of this process's release are stored."""


def wall_clock(zone: ColumnElement[str], instant: ColumnElement[Any]) -> ColumnElement[str]:
    """Returns the local time of a zone at an instant: 'YYYY-MM-DDTHH:MM'."""
    local = func.timezone("UTC", instant) + cast(utc_offset(zone, instant), Interval())
    return func.to_char(local, _MINUTES, type_=Text())


def utc_offset(zone: ColumnElement[str], instant: ColumnElement[Any]) -> ColumnElement[str]:
    """Returns the offset of a zone at an instant, as '-05:00'; with seconds if it has any."""
    passed = func.width_bucket(instant, _of(zone, ZoneClock.changes, _CHANGES))
    offset: ColumnElement[str] = _of(zone, ZoneClock.offsets, _OFFSETS)[passed + 1]
    return offset


def _of(zone: ColumnElement[str], column: Any, array: ARRAY[Any]) -> Any:
    """Returns a column of the zone's clock; it depends on no row, so it is looked up once."""
    # Without a join to the rows, the array is unpacked once and not for each row.
    unpacked = func.array_cat(col(column), cast(literal("{}"), array), type_=array)
    clock = select(unpacked).where(col(ZoneClock.release) == RELEASE, col(ZoneClock.name) == zone)
    return clock.scalar_subquery()
