"""JSON as PostgreSQL is to print it: the same text that orjson would give.

No spaces, so ``row_to_json`` rather than ``json_build_object``; and lists in their order, so
``array_agg`` with one.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphql import GraphQLEnumType
from sqlalchemy import (
    JSON,
    ColumnElement,
    Text,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.sql.elements import quoted_name

NULL: Final = literal_column("NULL::json", JSON())


def json_object(parts: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    """An object with these keys, in their order."""
    named = [part.label(quoted_name(key, quote=True)) for key, part in parts.items()]
    # All that it is made of is read by the SELECT around it.
    whole = select(*named).correlate_except(None).subquery("o$")
    return select(func.row_to_json(whole.table_valued())).correlate_except(None).scalar_subquery()


def json_list(shown: ColumnElement[Any], *order: Any) -> ColumnElement[Any]:
    """What is shown of each row of a SELECT, as a list in this order."""
    return json_array(ordered_array(shown, *order))


def json_array(array: ColumnElement[Any]) -> ColumnElement[Any]:
    """An array as a list; an empty one where it is null, as the aggregate of no rows is."""
    return func.coalesce(func.array_to_json(array, type_=JSON()), literal_column("'[]'::json"))


def ordered_array(shown: ColumnElement[Any], *order: Any) -> Any:
    """What is shown of each row of a SELECT, as an array in this order."""
    return func.array_agg(aggregate_order_by(shown, *order))


def constant(text: str) -> ColumnElement[str]:
    """A text that is the same in all answers."""
    return cast(literal(text), Text())


def opaque_id(type_name: str, key: ColumnElement[Any]) -> ColumnElement[str]:
    """The id of a row as clients know it."""
    told = func.convert_to(literal(f"{type_name}:").concat(cast(key, Text())), "UTF8")
    # Short enough for the line breaks of PostgreSQL's base64 to be none.
    assert len(type_name) < 20, "an opaque id is one line"
    return func.encode(told, "base64", type_=Text())


def enum_name(enum: GraphQLEnumType, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """The name that an enum's stored value has in the API."""
    names = {each.value: name for name, each in enum.values.items()}
    if all(stored == name for stored, name in names.items()):
        return value
    if all(stored.upper() == name for stored, name in names.items()):
        return func.upper(value)
    return case(names, value=value)
