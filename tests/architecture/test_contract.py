"""The schema keeps every promise of contract.graphql to clients."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLNamedType,
    GraphQLSchema,
    build_schema,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    is_union_type,
    print_ast,
)

from schema import schema

# Promised to clients, and absent until it works: nothing is stubbed.
NOT_DUE: Final[dict[str, str]] = {}

PROMISED: Final = build_schema(Path(__file__).with_name("contract.graphql").read_text())
# Both as text, for only there defaults are written alike.
BUILT: Final = build_schema(schema.as_str())


def test_the_schema_keeps_every_promise() -> None:
    promised = set(coordinates(PROMISED))

    built = set(coordinates(BUILT))

    assert sorted(promised - built) == []


def test_what_was_added_to_promised_fields_is_optional() -> None:
    promised = {name for name, _ in members(PROMISED)}

    added = [
        name
        for name, member in members(BUILT)
        if name not in promised
        and (name.rpartition("(")[0] in promised or is_in_promised_input(name))
        and isinstance(member, GraphQLArgument | GraphQLInputField)
        and is_required(member)
    ]

    assert added == []


@pytest.mark.parametrize("coordinate", NOT_DUE)
def test_what_is_not_due_is_absent(coordinate: str) -> None:
    names = {name for name, _ in members(BUILT)} | set(BUILT.type_map)

    assert coordinate not in names


def coordinates(of: GraphQLSchema) -> Iterator[str]:
    """Yields a line for every type, field, argument, value and member, with type and default."""
    for directive in of.directives:
        yield f"@{directive.name}({', '.join(sorted(map(line_of, directive.args.items())))})"
    for name, kind in own_types(of).items():
        yield f"{type(kind).__name__} {name}"
        if is_enum_type(kind):
            yield from (f"{name}.{value}" for value in kind.values)
        if is_union_type(kind):
            yield from (f"{name} = {member.name}" for member in kind.types)
        if is_object_type(kind) or is_interface_type(kind):
            yield from (f"{name} implements {each.name}" for each in kind.interfaces)
        if is_input_object_type(kind) and kind.is_one_of:
            yield f"{name} @oneOf"
    for name, member in members(of):
        yield f"{name}: {member.type}{default_of(member)}"


def members(
    of: GraphQLSchema,
) -> Iterator[tuple[str, GraphQLField | GraphQLArgument | GraphQLInputField]]:
    """Yields every field as Type.field, every argument as Type.field(argument."""
    for name, kind in own_types(of).items():
        if is_object_type(kind) or is_interface_type(kind):
            for field_name, field in kind.fields.items():
                yield f"{name}.{field_name}", field
                for argument_name, argument in field.args.items():
                    yield f"{name}.{field_name}({argument_name}", argument
        if is_input_object_type(kind):
            for input_name, input_field in kind.fields.items():
                yield f"{name}.{input_name}", input_field


def own_types(of: GraphQLSchema) -> Mapping[str, GraphQLNamedType]:
    return {name: kind for name, kind in of.type_map.items() if not name.startswith("__")}


def line_of(item: tuple[str, GraphQLArgument]) -> str:
    name, argument = item
    return f"{name}: {argument.type}{default_of(argument)}"


def default_of(member: Any) -> str:
    default = getattr(member.ast_node, "default_value", None)
    return f" = {print_ast(default)}" if default else ""


def is_in_promised_input(name: str) -> bool:
    return name.partition(".")[0] in PROMISED.type_map and "(" not in name


def is_required(member: Any) -> bool:
    return str(member.type).endswith("!") and not default_of(member)
