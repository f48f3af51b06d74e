"""Filters and orders that the lists of all areas share."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Text,
    and_,
    any_,
    false,
    literal,
    or_,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeDecorator
from sqlmodel import col

from domain.core.text import search_form
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


def is_any(column: Any, values: Any) -> ColumnElement[bool]:
    """Returns the condition that a column has one of the values, bound as one array."""
    if not isinstance(values, ColumnElement):
        if not values:
            return false()
        values = literal(list(values), ARRAY(column.type))
    return col(column) == any_(values)


def contains(
    text: str, *columns: Any, form: Callable[[str], str | None] = search_form
) -> ColumnElement[bool]:
    """Returns the condition that one of the columns contains a text, compared in a ``form``.

    A text that has no such form matches nothing.
    """
    pattern = type_coerce(text, _Somewhere(form))
    return or_(*(column.ilike(pattern, escape="/") for column in columns))


class _Somewhere(TypeDecorator[str]):
    """Binds a text as a LIKE pattern that matches values containing it."""

    impl = Text
    cache_ok = True

    def __init__(self, form: Callable[[str], str | None]) -> None:
        super().__init__()
        self.form = form

    def process_bind_param(self, value: str | None, _: Dialect) -> str | None:
        sought = None if value is None else self.form(value)
        if not sought and (value is None or value.strip()):
            return None
        return "%" + re.sub("[%_/]", r"/\g<0>", sought or "") + "%"
