"""Flattens a document to one list of nodes: children before parents, each fragment once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
)

# Sums stop here: nested fragments that each double the count would give numbers of any length.
CEILING = 1_000_000_000

SelectionNode = (
    OperationDefinitionNode
    | FragmentDefinitionNode
    | FragmentSpreadNode
    | InlineFragmentNode
    | FieldNode
)


@dataclass(frozen=True, slots=True)
class FlatNode:
    """One node of a document; ``children`` are the places of its children, earlier in the list.

    A fragment has one line, and every spread of it has that line as its only child. A spread of
    an unknown fragment, or one that closes a cycle, has none: other rules refuse the document.
    """

    node: SelectionNode
    children: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Open:
    """A node whose children are still being visited."""

    node: SelectionNode
    rest: Iterator[SelectionNode]
    children: list[int] = field(default_factory=list)


def flatten(
    document: DocumentNode, operations: Sequence[OperationDefinitionNode]
) -> list[FlatNode]:
    """Returns all nodes that ``operations`` select, in linear time and space.

    A value computed line by line in this order finds the values of the children ready, so no
    caller needs recursion or visits a fragment twice.
    """
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    lines: list[FlatNode] = []
    places: dict[str, int] = {}
    entered: set[str] = set()
    for operation in operations:
        pending = [_Open(operation, _selected(operation))]
        while pending:
            top = pending[-1]
            node = next(top.rest, None)
            if node is None:
                pending.pop()
                if pending:
                    pending[-1].children.append(len(lines))
                if isinstance(top.node, FragmentDefinitionNode):
                    places[top.node.name.value] = len(lines)
                lines.append(FlatNode(top.node, tuple(top.children)))
            elif not isinstance(node, FragmentSpreadNode):
                pending.append(_Open(node, _selected(node)))
            elif (name := node.name.value) in entered or name not in fragments:
                pending.append(_Open(node, iter(()), [places[name]] if name in places else []))
            else:
                entered.add(name)
                pending.append(_Open(node, iter((fragments[name],))))
    return lines


def is_introspection(node: SelectionNode) -> bool:
    """Returns whether a field is `__schema` or `__type`, below which depth and cost don't count."""
    return isinstance(node, FieldNode) and node.name.value in ("__schema", "__type")


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> Iterator[FieldNode]:
    """Yields the root fields of an operation, including those in fragments."""
    lines = flatten(document, [operation])
    pending = [len(lines) - 1]
    seen = set(pending)
    while pending:
        for place in lines[pending.pop()].children:
            node = lines[place].node
            if isinstance(node, FieldNode):
                yield node
            elif place not in seen:
                seen.add(place)
                pending.append(place)


def alias_counts(lines: list[FlatNode]) -> list[int]:
    """Counts the aliases of each line and all below it; a fragment's count at every spread."""
    counts: list[int] = []
    for line in lines:
        own = isinstance(line.node, FieldNode) and line.node.alias is not None
        counts.append(min(own + sum(counts[child] for child in line.children), CEILING))
    return counts


def field_counts(lines: list[FlatNode]) -> list[int]:
    """Counts the fields of each line and all below it; a fragment's count at every spread.

    Spreads of the same fragment in one selection count once: they select the same fields.
    """
    counts: list[int] = []
    for line in lines:
        own = isinstance(line.node, FieldNode)
        # A spread is identified by its fragment's place, so that two spreads of it count once.
        places = {
            lines[child].children or child
            if isinstance(lines[child].node, FragmentSpreadNode)
            else child
            for child in line.children
        }
        below = sum(counts[each[0] if isinstance(each, tuple) else each] for each in places)
        counts.append(min(own + below, CEILING))
    return counts


def _selected(
    node: OperationDefinitionNode | FragmentDefinitionNode | InlineFragmentNode | FieldNode,
) -> Iterator[SelectionNode]:
    selections = node.selection_set.selections if node.selection_set else ()
    for selection in selections:
        assert isinstance(selection, FieldNode | FragmentSpreadNode | InlineFragmentNode)
        yield selection
