"""What of the arguments decides how a statement looks, and what is only bound to it."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Date, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.types import TypeEngine

# The order matters: every datetime is a date.
_TYPES: Final[Mapping[type, TypeEngine[Any]]] = {
    UUID: Uuid(),
    datetime: TIMESTAMP(timezone=True),
    date: Date(),
    int: BigInteger(),
    str: Text(),
}
_NAMES: Final[Mapping[type, str]] = {kind: kind.__name__ for kind in _TYPES}


class Symbol(BindParameter[Any]):
    """A value that is told when the statement runs: the one at ``place`` in the list of all."""

    inherit_cache = False

    @classmethod
    def at(cls, place: int, kind: TypeEngine[Any]) -> "Symbol":
        return cls(f"v{place}", type_=kind, unique=False, required=True)

    @property
    def place(self) -> int:
        return int(self.key[1:])


@compiles(Symbol)
def _symbol(element: Symbol, compiler: Any, **options: Any) -> str:
    # All that isn't told at run time is written out: it is part of the plan.
    options["literal_binds"] = False
    text: str = compiler.visit_bindparam(element, **options)
    return text


def symbol(value: Any, place: int) -> Symbol:
    """The symbol for a leaf, or for a list of leaves of one type."""
    if isinstance(value, list | tuple):
        return Symbol.at(place, ARRAY(_TYPES[_kind(value[0])]))
    return Symbol.at(place, _TYPES[_kind(value)])


def lift(value: Any, leaves: list[Any]) -> Hashable:
    """The shape of a value; its leaves are put on the list, in a fixed order.

    Nulls, booleans, enums and what is absent belong to the shape; so do lists of objects. A list
    of leaves is one leaf, however long. Raises TypeError for what has no place in SQL.
    """
    kind = type(value)
    if name := _NAMES.get(kind):
        leaves.append(value)
        return name
    if value is None or kind is bool or kind is frozenset or isinstance(value, Enum):
        return kind, value
    if isinstance(value, list | tuple):
        if value and (name := _leaf_name(value)):
            leaves.append(list(value))
            return "list", name
        return tuple([lift(each, leaves) for each in value])
    if isinstance(value, Mapping):
        return tuple([(key, lift(value[key], leaves)) for key in value])
    if is_dataclass(value):
        return kind, tuple([lift(getattr(value, name), leaves) for name in _fields(kind)])
    # A text that is more than a text, such as an enum's, was dealt with above.
    leaves.append(value)
    return _NAMES[_kind(value)]


def symbolic(value: Any, name: Callable[[Any], Symbol]) -> Any:
    """The same value with a symbol for each leaf, which ``name`` gives in the order of ``lift``."""
    kind = type(value)
    if kind in _NAMES:
        return name(value)
    if value is None or kind is bool or kind is frozenset or isinstance(value, Enum):
        return value
    if isinstance(value, list | tuple):
        if value and _leaf_name(value):
            return name(value)
        return tuple(symbolic(each, name) for each in value)
    if isinstance(value, Mapping):
        return {key: symbolic(value[key], name) for key in value}
    if is_dataclass(value):
        # Not by its constructor, which may look closer at what it is given.
        made = object.__new__(kind)
        for each in _fields(kind):
            object.__setattr__(made, each, symbolic(getattr(value, each), name))
        return made
    return name(value)


_FIELDS: Final[dict[type, tuple[str, ...]]] = {}


def _fields(kind: type) -> tuple[str, ...]:
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(field.name for field in fields(kind))
    return names


def _leaf_name(values: Any) -> str | None:
    """The type of a list's leaves; None when it holds other things than leaves of one type."""
    kinds = {type(value) for value in values}
    return _NAMES.get(kinds.pop()) if len(kinds) == 1 else None


def _kind(value: Any) -> type:
    for kind in _TYPES:
        if isinstance(value, kind):
            return kind
    raise TypeError(f"{type(value).__name__} is nothing to bind")
