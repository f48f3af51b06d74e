"""SQL expressions for JSON, printed by PostgreSQL with the same text as orjson.

orjson prints no spaces, hence ``row_to_json`` instead of ``json_build_object``; and lists have an
order, hence ``array_agg`` with ORDER BY.
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
    """Returns a JSON object with these keys, in their order."""
    named = [part.label(quoted_name(key, quote=True)) for key, part in parts.items()]
    # Every table that its parts refer to is in the FROM of the enclosing SELECT.
    whole = select(*named).correlate_except(None).subquery("o$")
    return select(func.row_to_json(whole.table_valued())).correlate_except(None).scalar_subquery()


def json_list(item: ColumnElement[Any], *order: Any) -> ColumnElement[Any]:
    """Aggregates an expression over the rows of a SELECT to a JSON list, in this order."""
    return json_array(ordered_array(item, *order))


def json_array(array: ColumnElement[Any]) -> ColumnElement[Any]:
    """Converts an SQL array to a JSON list; null, the aggregate of no rows, to an empty one."""
    return func.coalesce(func.array_to_json(array, type_=JSON()), literal_column("'[]'::json"))


def ordered_array(item: ColumnElement[Any], *order: Any) -> Any:
    """Aggregates an expression over the rows of a SELECT to an SQL array, in this order."""
    return func.array_agg(aggregate_order_by(item, *order))


def constant(text: str) -> ColumnElement[str]:
    """Returns a text that is the same for every row."""
    return cast(literal(text), Text())


def opaque_id(type_name: str, key: ColumnElement[Any]) -> ColumnElement[str]:
    """Returns the opaque id of a row, as clients see it."""
    decoded = func.convert_to(literal(f"{type_name}:").concat(cast(key, Text())), "UTF8")
    encoded = func.encode(decoded, "base64", type_=Text())
    # PostgreSQL's base64 breaks lines after 76 characters, which only long names reach.
    return encoded if len(type_name) < 20 else func.replace(encoded, "\n", "", type_=Text())


def enum_name(enum: GraphQLEnumType, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Returns the API's name of an enum's stored value."""
    names = {each.value: name for name, each in enum.values.items()}
    if all(stored == name for stored, name in names.items()):
        return value
    if all(stored.upper() == name for stored, name in names.items()):
        return func.upper(value)
    return case(names, value=value)
