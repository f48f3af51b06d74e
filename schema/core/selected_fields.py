"""Finds the fields that an operation selects below the one that is being resolved."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_type_hints

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLResolveInfo,
    SelectionSetNode,
    get_named_type,
)

from kit.graphql.selected import Selected

SYNC_READER: Final = "plain"
"""The key in a field's metadata and extensions of a function that reads it synchronously."""

Selecting = Callable[[GraphQLResolveInfo[Any]], Mapping[str, Selected]]
"""Returns the arguments of a function that hold what is selected below its field."""


def selecting_of(resolve: Callable[..., Any]) -> Selecting | None:
    """Returns how to fill a function's parameters of type ``Selected``; None if it has none."""
    names = [name for name, kind in get_type_hints(resolve).items() if kind is Selected]
    return (lambda info: dict.fromkeys(names, selected_below(info))) if names else None


def selected_below(info: GraphQLResolveInfo[Any]) -> Selected:
    """Returns what is selected below the field that is being resolved."""
    kind = get_named_type(info.return_type)
    fields = [
        field
        for node in info.field_nodes
        if node.selection_set
        for field in _fields(info, kind, node.selection_set)
    ]
    roots = info.operation.selection_set.selections
    is_alone = len(roots) == 1 and roots[0] is info.field_nodes[0]
    return Selected(
        frozenset(name for name, _ in fields),
        is_alone and all(SYNC_READER in field.extensions for _, field in fields if field),
    )


def _fields(
    info: GraphQLResolveInfo[Any], kind: Any, selections: SelectionSetNode
) -> Iterator[tuple[str, GraphQLField | None]]:
    """Yields the names of all fields, and what they are unless they are GraphQL's own."""
    for node in selections.selections:
        if isinstance(node, FieldNode):
            name = node.name.value
            field = getattr(kind, "fields", {}).get(name)
            yield name, field
            if node.selection_set and field:
                yield from _fields(info, get_named_type(field.type), node.selection_set)
            continue
        fragment: Any = (
            info.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        )
        on = fragment.type_condition
        below = info.schema.type_map[on.name.value] if on else kind
        yield from _fields(info, below, fragment.selection_set)
