"""Splits arguments into a shape, which decides the SQL, and leaves, which are bound to it.

The *shape* of a value is the value with each leaf replaced by its SQL type. Nulls, booleans,
enums, absent values and lists of objects belong to the shape. A list of leaves is one leaf of any
length. A plan is compiled from shapes alone, so no value can get into its text.
"""

from collections.abc import Hashable, Iterator
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Date, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from kit.graphql.deferred import Deferred
from kit.graphql.field_sources import NotCompilable

_LEAVES: Final[dict[type, TypeEngine[Any]]] = {
    UUID: Uuid(),
    datetime: TIMESTAMP(timezone=True),
    date: Date(),
    int: BigInteger(),
    str: Text(),
    # Its shape is never used, only where it is among the leaves.
    Deferred: NullType(),
}
_LISTS: Final = {kind: ARRAY(stored) for kind, stored in _LEAVES.items()}
_KEPT: Final = frozenset({NoneType, bool, frozenset})


def parameterize(value: Any, leaves: list[Any]) -> Hashable:
    """Returns the shape of a value and appends its leaves to the list, in a fixed order.

    Raises TypeError for a value that can't be bound.
    """
    kind = type(value)
    if leaf := _LEAVES.get(kind):
        leaves.append(value)
        return leaf
    if kind in _KEPT or isinstance(value, Enum):
        return value  # type: ignore[no-any-return]
    if kind is tuple or kind is list:
        if listed := _leaves_of(value):
            leaves.append(list(value))
            return listed
        return tuple, (), tuple([parameterize(each, leaves) for each in value])
    if kind is dict:
        return dict, tuple(value), tuple([parameterize(each, leaves) for each in value.values()])
    names = _attributes(kind)  # type: ignore[arg-type]
    return kind, names, tuple([parameterize(getattr(value, name), leaves) for name in names])


def rebuild(shape: Any, places: Iterator[int]) -> Any:
    """Builds a value of this shape with a Parameter for each leaf, ordered as ``parameterize``."""
    if isinstance(shape, TypeEngine):
        return Parameter.at(next(places), shape)
    if not isinstance(shape, tuple):
        return shape
    kind, names, parts = shape
    made = [rebuild(each, places) for each in parts]
    if kind is tuple:
        return tuple(made)
    if kind is dict:
        return dict(zip(names, made, strict=True))
    # Without the constructor, which may validate its arguments.
    whole = object.__new__(kind)
    for name, part in zip(names, made, strict=True):
        object.__setattr__(whole, name, part)
    return whole


def _leaves_of(values: Any) -> TypeEngine[Any] | None:
    """Returns the SQL type of a list whose leaves have one type; None for any other list."""
    kinds = {type(value) for value in values}
    return _LISTS.get(kinds.pop()) if len(kinds) == 1 else None


@cache
def _attributes(kind: type) -> tuple[str, ...]:
    if not is_dataclass(kind):
        raise TypeError(f"{kind.__name__} can't be bound")
    return tuple(field.name for field in fields(kind))


class Parameter(BindParameter[Any]):
    """A bound parameter: the value at ``place`` in the list of a request's values."""

    inherit_cache = False

    @classmethod
    def at(cls, place: int, kind: TypeEngine[Any]) -> "Parameter":
        return cls(f"v{place}", type_=kind, unique=False, required=True)

    def __iter__(self) -> Iterator[Any]:
        # SQLAlchemy would yield the elements of an array without end.
        raise NotCompilable("a list of the arguments is looked at")

    @property
    def place(self) -> int:
        return place_of(self.key)

    def in_form(self, kind: TypeEngine[Any]) -> "Parameter":
        """Returns another parameter that binds the same value as another type."""
        return Parameter(f"v{self.place}_{id(kind)}", type_=kind, unique=False, required=True)


def place_of(key: str) -> int:
    """Returns the place of the value that a parameter with this key binds."""
    return int(key[1:].partition("_")[0])


@compiles(Parameter)
def _symbol(element: Parameter, compiler: Any, **options: Any) -> str:
    # Every other value is a constant of the plan, and is written into the SQL.
    options["literal_binds"] = False
    if isinstance(element.type, TypeDecorator):
        element = element.in_form(element.type)
    text: str = compiler.visit_bindparam(element, **options)
    return text
