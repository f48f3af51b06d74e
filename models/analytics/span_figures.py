"""Reads rollups: the figures of a span of dates, by date and by room."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Final

from sqlalchemy import BigInteger, Date, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from domain.analytics.metrics import SUMS
from kit.postgres.statements import PreparedStatement
from models.analytics.rollups import AnalyticsDay, AnalyticsRoomDay


def _sums_of(table: Any) -> list[Any]:
    return [func.sum(col(getattr(table, name))).cast(BigInteger).label(name) for name in SUMS]


def _in_span(table: Any) -> tuple[Any, ...]:
    return (
        col(table.tenant_id) == bindparam("tenant_id", type_=Uuid()),
        col(table.date) >= bindparam("from_", type_=Date()),
        col(table.date) < bindparam("until", type_=Date()),
    )


_SUM_COLUMNS: Final = [col(getattr(AnalyticsDay, name)) for name in SUMS]
_SMALL: Final = (
    col(AnalyticsDay.date),
    *_SUM_COLUMNS,
    col(AnalyticsDay.lead_median),
    col(AnalyticsDay.returning),
)
_STORED: Final = {
    "hours": col(AnalyticsDay.hours),
    "leads": col(AnalyticsDay.leads),
    "gaps": col(AnalyticsDay.gaps),
}


def _days(*stored: str) -> PreparedStatement:
    columns = (*_SMALL, *(_STORED[name] for name in stored))
    return PreparedStatement(
        select(*columns).where(*_in_span(AnalyticsDay)).order_by(col(AnalyticsDay.date))
    )


DAYS: Final[Mapping[frozenset[str], PreparedStatement]] = {
    frozenset(names): _days(*names)
    for number in range(len(_STORED) + 1)
    for names in combinations(_STORED, number)
}
"""The figures of the dates of a span, with those of the large columns that are needed."""

_ROOMS: Final = bindparam("room_ids", type_=ARRAY(Uuid()))
DAYS_OF_ROOMS: Final = PreparedStatement(
    select(col(AnalyticsRoomDay.date), *_sums_of(AnalyticsRoomDay))
    .where(*_in_span(AnalyticsRoomDay), col(AnalyticsRoomDay.room_id) == func.any(_ROOMS))
    .group_by(col(AnalyticsRoomDay.date))
    .order_by(col(AnalyticsRoomDay.date))
)
"""The sums of some rooms, by date."""

BY_ROOM: Final = PreparedStatement(
    select(col(AnalyticsRoomDay.room_id), *_sums_of(AnalyticsRoomDay))
    .where(*_in_span(AnalyticsRoomDay))
    .group_by(col(AnalyticsRoomDay.room_id))
)
"""The sums of each room that has any."""
