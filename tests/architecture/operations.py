"""Operations generated from the schema: one for each place where an id can be given."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_required_argument,
    is_required_input_field,
)

# What is given where something must be; "name type" goes before the type alone.
VALUES: Final[dict[str, object]] = {
    "Boolean": True,
    "Date": "2027-03-01",
    "DateTime": "2027-03-02T10:00:00Z",
    "Int": 1,
    "LocalTime": "10:00",
    "CurrencyCode": "EUR",
    "Decimal": "1.00",
    "Percentage": "19",
    "RRule": "FREQ=DAILY;COUNT=2",
    "String": "a text",
    "durationMinutes Int": 60,
    "endsAt DateTime": "2027-03-03T10:00:00Z",
    "to Date": "2027-03-08",
    "to DateTime": "2027-03-03T10:00:00Z",
}
SELECTION_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A root field's argument, or a field of its input, that takes an id."""

    root: str
    field: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.field}({'.'.join(self.path)}:)"


def places(schema: GraphQLSchema) -> Iterator[Place]:
    """Yields every place of a query or mutation where an id can be given."""
    for root in (schema.query_type, schema.mutation_type):
        assert root is not None
        for name, field in root.fields.items():
            for path in _id_paths(field.args):
                yield Place(root.name, name, path)


def operation(
    schema: GraphQLSchema, place: Place, id: str, *, others: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Returns a document, and variables that give this id there, selecting all it can.

    ``others`` are further arguments, by name, in place of what ``VALUES`` would give.
    """
    field = schema.type_map[place.root].fields[place.field]  # type: ignore[attr-defined]
    variables = _given(field.args, place.path, id, others)
    declared = ", ".join(f"${name}: {field.args[name].type}" for name in variables)
    passed = ", ".join(f"{name}: ${name}" for name in variables)
    selected = _selection(schema, field, SELECTION_DEPTH)
    return f"{place.root.lower()} ({declared}) {{ {place.field}({passed}) {selected} }}", variables


def _id_paths(
    inputs: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField],
) -> Iterator[tuple[str, ...]]:
    for name, member in inputs.items():
        kind = get_named_type(member.type)
        if kind.name == "ID":
            yield (name,)
        elif is_input_object_type(kind):
            yield from ((name, *path) for path in _id_paths(kind.fields))


def _given(
    inputs: Mapping[str, Any], path: tuple[str, ...], id: str, others: Mapping[str, Any]
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, member in inputs.items():
        if path and name == path[0]:
            given[name] = _value(member.type, name, path[1:], id, others)
        elif name in others:
            given[name] = others[name]
        elif _is_required(member):
            given[name] = _value(member.type, name, (), id, others)
    return given


def _value(kind: Any, name: str, path: tuple[str, ...], id: str, others: Mapping[str, Any]) -> Any:
    if is_non_null_type(kind):
        return _value(kind.of_type, name, path, id, others)
    if is_list_type(kind):
        return [_value(kind.of_type, name, path, id, others)]
    if is_input_object_type(kind):
        if kind.is_one_of and not path:
            first = next(iter(kind.fields))
            return {first: _value(kind.fields[first].type, first, (), id, others)}
        return _given(kind.fields, path, id, others)
    if is_enum_type(kind):
        return next(iter(kind.values))
    if kind.name == "ID":
        return id
    return VALUES.get(f"{name} {kind.name}") or VALUES[kind.name]


def _is_required(member: GraphQLArgument | GraphQLInputField) -> bool:
    if isinstance(member, GraphQLArgument):
        return is_required_argument(member)
    return is_required_input_field(member)


def _selection(schema: GraphQLSchema, field: GraphQLField, depth: int) -> str:
    """Returns all fields below one that need no arguments, but for places in the log."""
    kind = get_named_type(field.type)
    if not is_composite_type(kind):
        return ""
    selected = ["__typename"]
    if is_object_type(kind) or is_interface_type(kind):
        for name, inner in kind.fields.items():
            inner_kind = get_named_type(inner.type)
            # The log moves on whatever is asked.
            if inner_kind.name == "EventCursor":
                continue
            if any(map(is_required_argument, inner.args.values())):
                continue
            is_leaf = not is_composite_type(inner_kind)
            if is_leaf or depth > 1:
                selected.append(f"{name} {_selection(schema, inner, depth - 1)}")
    return f"{{ {' '.join(selected)} }}"
