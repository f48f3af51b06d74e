"""Declares where a field's value comes from, for both resolvers and compiled reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause

from kit.postgres.keyset_pagination import Listing, Window

SOURCE: Final = "reading"
"""The key of a field's ``FieldSource`` in its GraphQL extensions."""

GUARD: Final = "guard"
"""The key of the permission that a field requires, in its GraphQL extensions."""

KIND: Final = "kind"
"""The key of a type's ``NodeType`` in its GraphQL extensions."""

Arguments = Mapping[str, Any]
Decode = Callable[[Arguments], Any]
"""Converts coerced GraphQL arguments to those of the field's function; may refuse them."""


class NotCompilable(Exception):
    """The field can't be read in SQL."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """Reads the row's attribute of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Reads the row's opaque id, made of its type and its key."""


@dataclass(frozen=True, slots=True)
class Related:
    """Reads the related row or rows of a relation of the model."""

    relation: str


@dataclass(frozen=True, slots=True)
class SqlExpression:
    """Reads the SQL expression ``make(scope, row)``; the row's attributes are columns there."""

    make: Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Paged:
    """Reads a page of ``listing(scope, **arguments)``.

    On a row, only those of its rows: ``under`` is the column that refers to the row.
    """

    listing: Callable[..., Listing[Any]]
    decode: Callable[[Arguments], tuple[Mapping[str, Any], Window]]
    under: Any = None


@dataclass(frozen=True, slots=True)
class PageField:
    """Reads an attribute of a page, or of an edge on it."""

    name: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts the rows of the whole list; ``decode`` returns whether exactly."""

    decode: Decode


@dataclass(frozen=True, slots=True)
class Lookup:
    """Reads the row that ``resolve(scope, **arguments)`` finds with one statement."""

    resolve: Callable[..., Any]
    decode: Decode


@dataclass(frozen=True, slots=True)
class ByGlobalId:
    """Reads the rows of opaque ids, in the order of the ids."""

    decode: Callable[[Arguments], "Ids"]


@dataclass(frozen=True, slots=True)
class ByKeys:
    """Reads rows that are loaded already, by their keys."""


FieldSource = (
    Attribute
    | Identity
    | Related
    | SqlExpression
    | Paged
    | PageField
    | Counted
    | Lookup
    | ByGlobalId
    | ByKeys
)


@dataclass(frozen=True, slots=True)
class Ids:
    """Decoded ids: the type name and the key of each; ``types`` are the distinct names."""

    types: frozenset[str]
    names: tuple[str, ...]
    keys: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class NodeType:
    """Describes a type whose rows have ids; ``visible(scope)`` selects those the caller may see."""

    model: Any
    visible: Callable[[Any], Any]
    requires: Any


class Value:
    """An object other than a row; each attribute is an expression, a value or rows.

    It is null unless ``present``; without that condition it is never null.
    """

    def __init__(self, *, present: ColumnElement[bool] | None = None, **attributes: Any) -> None:
        self.present = present
        self.__dict__.update(attributes)


@dataclass(frozen=True, slots=True)
class Values:
    """A list of values, one for each row of ``source``, in this order."""

    source: FromClause
    value: Any
    order: Any
