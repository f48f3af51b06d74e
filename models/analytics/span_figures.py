"""Reads rollups: the figures of a span of dates, by date and by room."""

from typing import Any, Final

from sqlalchemy import BigInteger, Date, Uuid, bindparam, func, literal_column, select
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

DAYS: Final = PreparedStatement(
    select(
        col(AnalyticsDay.date),
        *_SUM_COLUMNS,
        col(AnalyticsDay.lead_median),
        col(AnalyticsDay.returning),
        # The transaction that last made the date, which tells whether kept details are outdated.
        literal_column("analytics_days.xmin").label("made_by"),
    )
    .where(*_in_span(AnalyticsDay))
    .order_by(col(AnalyticsDay.date))
)
"""The figures of the dates of a span, without their details."""

DETAILS: Final = PreparedStatement(
    select(
        col(AnalyticsDay.date),
        col(AnalyticsDay.hours),
        col(AnalyticsDay.leads),
        col(AnalyticsDay.gaps),
    ).where(
        col(AnalyticsDay.tenant_id) == bindparam("tenant_id", type_=Uuid()),
        col(AnalyticsDay.date) == func.any(bindparam("dates", type_=ARRAY(Date()))),
    )
)
"""What can't be added up, and the hours, of some dates."""

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
