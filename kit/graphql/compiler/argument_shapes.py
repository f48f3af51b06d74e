"""What of the arguments decides how a statement looks, and what is only bound to it.

The *shape* of a value is the value without its leaves: in place of each stands its type in SQL.
Nulls, booleans, enums and what is absent belong to the shape; so do lists of objects. A list of
leaves is one leaf, however long. A plan is made of shapes alone, so no value can slip into it.
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
from sqlalchemy.types import TypeDecorator, TypeEngine

_LEAVES: Final[dict[type, TypeEngine[Any]]] = {
    UUID: Uuid(),
    datetime: TIMESTAMP(timezone=True),
    date: Date(),
    int: BigInteger(),
    str: Text(),
}
_LISTS: Final = {kind: ARRAY(stored) for kind, stored in _LEAVES.items()}
_KEPT: Final = frozenset({NoneType, bool, frozenset})


def parameterize(value: Any, leaves: list[Any]) -> Hashable:
    """The shape of a value; its leaves are put on the list, in a fixed order.

    Raises TypeError for what has no place in SQL.
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
    """A value of this shape with a symbol for each leaf, in the order of ``parameterize``."""
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
    # Not by its constructor, which may look closer at what it is given.
    whole = object.__new__(kind)
    for name, part in zip(names, made, strict=True):
        object.__setattr__(whole, name, part)
    return whole


def _leaves_of(values: Any) -> TypeEngine[Any] | None:
    """The type of a list of leaves of one type; None for any other list."""
    kinds = {type(value) for value in values}
    return _LISTS.get(kinds.pop()) if len(kinds) == 1 else None


@cache
def _attributes(kind: type) -> tuple[str, ...]:
    if not is_dataclass(kind):
        raise TypeError(f"{kind.__name__} is nothing to bind")
    return tuple(field.name for field in fields(kind))


class Parameter(BindParameter[Any]):
    """A value that is told when the statement runs: the one at ``place`` in the list of all."""

    inherit_cache = False

    @classmethod
    def at(cls, place: int, kind: TypeEngine[Any]) -> "Parameter":
        return cls(f"v{place}", type_=kind, unique=False, required=True)

    @property
    def place(self) -> int:
        return place_of(self.key)

    def in_form(self, kind: TypeEngine[Any]) -> "Parameter":
        """The same value as another type binds it: a parameter of its own."""
        return Parameter(f"v{self.place}_{id(kind)}", type_=kind, unique=False, required=True)


def place_of(key: str) -> int:
    """The place of the value that a parameter of this key is told."""
    return int(key[1:].partition("_")[0])


@compiles(Parameter)
def _symbol(element: Parameter, compiler: Any, **options: Any) -> str:
    # All that isn't told at run time is written out: it is part of the plan.
    options["literal_binds"] = False
    if isinstance(element.type, TypeDecorator):
        element = element.in_form(element.type)
    text: str = compiler.visit_bindparam(element, **options)
    return text
