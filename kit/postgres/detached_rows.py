"""Builds read-only rows of a model without a session: changes to them are not stored."""

from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import inspect

T = TypeVar("T")


def detached_row(model: type[T], /, **values: Any) -> T:
    """Builds a row from the values of its columns, much faster than a session does."""
    row = _maker(cast("Any", model))()
    vars(row).update(values)
    return cast("T", row)


@cache
def _maker(model: type[Any]) -> Any:
    return cast("Any", inspect(model)).class_manager.new_instance
