"""Conditions and functions of the database that find texts by a part of them."""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Dialect,
    FunctionElement,
    Text,
    Uuid,
    cast,
    column,
    func,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeDecorator

from domain.core.text import search_form


def contains(column: Any, sought: ColumnElement[str]) -> ColumnElement[bool]:
    """Returns the condition that a column contains a sought text; a null text is nowhere."""
    return func.strpos(column, sought) > 0


def sought(text: str, form: Callable[[str], str | None] = search_form) -> ColumnElement[str]:
    """Returns a text to find in the ``form`` of the stored ones; null if it has no such form.

    A blank text becomes the empty one, which is found everywhere.
    """
    return type_coerce(text, _type_of(form))


@cache
def _type_of(form: Callable[[str], str | None]) -> "_Sought":
    # One for all uses of a form, which then share a bound value.
    return _Sought(form)


class _Sought(TypeDecorator[str]):
    """Binds a text in the form in which it is found."""

    impl = Text
    cache_ok = True

    def __init__(self, form: Callable[[str], str | None]) -> None:
        super().__init__()
        self.form = form

    def process_bind_param(self, value: str | None, _: Dialect) -> str | None:
        if value is None:
            return None
        return self.form(value) or (None if value.strip() else "")


class Found:
    """The result of a function of the database: ids of rows, and whether these are all.

    Under row-level security only such a function can search by an index.
    """

    def __init__(self, function: FunctionElement[Any]) -> None:
        found = function.table_valued(
            column("ids", ARRAY(Uuid())), column("are_all", Boolean()), name="found"
        )
        # Called once, whatever refers to it, and only when the first is read.
        row = select(found.c.ids, found.c.are_all).cte().prefix_with("MATERIALIZED")
        # Cast, so that it is an array to compare with, and no table.
        self.ids: ColumnElement[Any] = cast(select(row.c.ids).scalar_subquery(), ARRAY(Uuid()))
        self.are_all: ColumnElement[bool] = select(row.c.are_all).scalar_subquery()
