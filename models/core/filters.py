"""Filters and orders that the lists of all areas share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    any_,
    false,
    literal,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from kit.postgres.keyset_pagination import Order


class SortDirection(StrEnum):
    """The direction in which a list is sorted."""

    ASC = "ASC"
    DESC = "DESC"


@dataclass(frozen=True, slots=True)
class DateTimeRange:
    """A half-open range of instants, gte <= x < lt; either end may be open."""

    gte: datetime | None = None
    lt: datetime | None = None


@dataclass(frozen=True, slots=True)
class IdFilter:
    """Matches one id, or any of several; an invalid id matches nothing."""

    eq: UUID | None = None
    in_: tuple[UUID, ...] | None = None


class SortedBy(Protocol):
    @property
    def field(self) -> Any: ...

    @property
    def direction(self) -> SortDirection: ...


def sorted_by(by: Sequence[SortedBy] | None, columns: Mapping[Any, Any]) -> tuple[Order, ...]:
    """Returns the columns to sort by; a repeated field counts once."""
    chosen = {each.field: each.direction for each in reversed(by or ())}
    return tuple(
        Order(columns[each.field], descending=chosen.pop(each.field) is SortDirection.DESC)
        for each in by or ()
        if each.field in chosen
    )


def within(column: Any, span: DateTimeRange | None) -> ColumnElement[bool]:
    """Returns the condition that a column is in a range; open ends match everything."""
    conditions: list[ColumnElement[bool]] = []
    if span is not None and span.gte is not None:
        conditions.append(col(column) >= span.gte)
    if span is not None and span.lt is not None:
        conditions.append(col(column) < span.lt)
    return and_(true(), *conditions)


def is_among(column: Any, ids: IdFilter | None) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if ids is not None and ids.eq is not None:
        conditions.append(col(column) == ids.eq)
    if ids is not None and ids.in_ is not None:
        conditions.append(is_any(column, ids.in_))
    return and_(true(), *conditions)


def has_any(column: Any, values: Any) -> ColumnElement[bool]:
    """Returns the condition that a column of lists has one of the values, bound as one array."""
    if not isinstance(values, ColumnElement):
        if not values:
            return false()
        values = literal(list(values), column.type)
    return column.overlap(values)  # type: ignore[no-any-return]


def is_any(column: Any, values: Any) -> ColumnElement[bool]:
    """Returns the condition that a column has one of the values, bound as one array."""
    if not isinstance(values, ColumnElement):
        if not values:
            return false()
        values = literal(list(values), ARRAY(column.type))
    return col(column) == any_(values)
