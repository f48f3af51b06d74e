"""How fields are read, as they are declared: what resolvers and compiled reads share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause

from kit.postgres.keyset_pagination import Listing, Window

SOURCE: Final = "reading"
"""The key of a field's ``FieldSource`` in its GraphQL extensions."""

GUARD: Final = "guard"
"""The key of the permission that a field asks for."""

KIND: Final = "kind"
"""The key of what is known of a type's rows, in the type's GraphQL extensions."""

Arguments = Mapping[str, Any]
Decode = Callable[[Arguments], Any]
"""From the coerced arguments of GraphQL to what the field's function takes; may refuse them."""


class NotCompilable(Exception):
    """There is no way to read this in SQL."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """The row's attribute of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The row's opaque id: its type and its key."""


@dataclass(frozen=True, slots=True)
class Related:
    """The row or rows that a relation of the model leads to."""

    relation: str


@dataclass(frozen=True, slots=True)
class SqlExpression:
    """What ``make(scope, row)`` says in SQL; a row's attributes are columns there."""

    make: Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Paged:
    """The rows of ``listing(scope, **arguments)``; ``under`` a row, those whose column it is."""

    listing: Callable[..., Listing[Any]]
    decode: Callable[[Arguments], tuple[Mapping[str, Any], Window]]
    under: Any = None


@dataclass(frozen=True, slots=True)
class PageField:
    """An attribute of a page itself, or of a row's place on it."""

    name: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows the whole list has; ``decode`` says if that is to be exact."""

    decode: Decode


@dataclass(frozen=True, slots=True)
class Lookup:
    """The row that ``resolve(scope, **arguments)`` finds by one statement."""

    resolve: Callable[..., Any]
    decode: Decode


@dataclass(frozen=True, slots=True)
class ByGlobalId:
    """The rows that ids stand for: each the name of its type and its key, in their order."""

    decode: Callable[[Arguments], "Ids"]


@dataclass(frozen=True, slots=True)
class ByKeys:
    """Rows that were found already, by their keys."""


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
    """Ids of rows: the name of each one's type and its key; ``types`` are those among them."""

    types: frozenset[str]
    names: tuple[str, ...]
    keys: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class NodeType:
    """Rows that are found by id: ``visible(scope)`` are those the caller may see."""

    model: Any
    visible: Callable[[Any], Any]
    requires: Any


class Value:
    """An object that is no row: an expression, a value or rows for each of its attributes.

    Without ``present`` it is always there.
    """

    def __init__(self, *, present: ColumnElement[bool] | None = None, **attributes: Any) -> None:
        self.present = present
        self.__dict__.update(attributes)


@dataclass(frozen=True, slots=True)
class Values:
    """A list of values, one for each row of ``source``, in an order."""

    source: FromClause
    value: Any
    order: Any
