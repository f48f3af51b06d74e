"""Divides the time of bookings at instants, in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    cast,
    extract,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from models.bookings.bookings import Booking
from models.core.base import INSTANT
from models.tenants import longest_booking


@dataclass(frozen=True)
class BookedParts:
    """The parts of bookings between each of some instants and the next, by ``number`` from 1 on.

    Each booking is read once, by when it starts: a join with the instants would compare each with
    all of them. ``summed`` adds up the minutes.
    """

    source: FromClause
    number: ColumnElement[int]
    edges: ColumnElement[Any]
    _inside: ColumnElement[Any]
    _condition: ColumnElement[bool]

    @classmethod
    def between(cls, edges: Sequence[datetime], tenant_id: Any, *, skipped: int = 0) -> Self:
        """Divides the bookings of a tenant; without the first so many parts."""
        clock = (
            select(literal(list(edges), ARRAY(INSTANT)).label("edges"))
            .cte("clock")
            .prefix_with("MATERIALIZED")
        )
        at: Any = clock.c.edges
        starts_at, ends_at = col(Booking.starts_at), col(Booking.ends_at)
        last = ends_at - literal_column("interval '1 microsecond'")
        parts = (
            func.generate_series(func.width_bucket(starts_at, at), func.width_bucket(last, at))
            .table_valued("number", joins_implicitly=True)
            .render_derived("parts")
        )
        number: Any = parts.c.number
        first, end = (literal(each, INSTANT) for each in (edges[skipped], edges[-1]))
        inside = func.least(ends_at, at[number + 1]) - func.greatest(starts_at, at[number])
        return cls(
            clock.join(Booking, true()).join(parts, true()),
            cast(number, Integer),
            at,
            inside,
            (col(Booking.tenant_id) == tenant_id)
            & (starts_at > first - longest_booking(tenant_id))
            & (starts_at < end)
            & (ends_at > first)
            & number.between(skipped + 1, len(edges) - 1),
        )

    def summed(self, by: Sequence[ColumnElement[Any]], *where: ColumnElement[bool]) -> Select[Any]:
        """Selects the minutes of the parts by some columns, and ``minutes`` as the last column."""
        # Materialized, so that sorting the parts by group doesn't carry the instants along.
        parts = (
            select(*by, extract("epoch", self._inside).label("seconds"))
            .select_from(self.source)
            .where(self._condition, *where)
            .cte("booked_parts")
            .prefix_with("MATERIALIZED")
        )
        *groups, seconds = parts.c
        minutes = cast(func.sum(seconds) / 60, Integer).label("minutes")
        return select(*groups, minutes).group_by(*groups)
