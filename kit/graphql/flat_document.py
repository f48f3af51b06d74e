"""What a document selects, as one flat list: children before parents, each fragment once."""

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

# Sums stop here: sixty doublings of a fragment would otherwise be numbers of hundreds of digits.
CEILING = 1_000_000_000

Outlined = (
    OperationDefinitionNode
    | FragmentDefinitionNode
    | FragmentSpreadNode
    | InlineFragmentNode
    | FieldNode
)


@dataclass(frozen=True, slots=True)
class FlatNode:
    """One node of a document; ``children`` are the places of lines that come before it.

    A fragment has one line, and every spread of it has that line as its only child. A spread of
    an unknown fragment, or one that closes a cycle, has none: other rules refuse the document.
    """

    node: Outlined
    children: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Open:
    """A node whose children are still being read."""

    node: Outlined
    rest: Iterator[Outlined]
    children: list[int] = field(default_factory=list)


def flatten(
    document: DocumentNode, operations: Sequence[OperationDefinitionNode]
) -> list[FlatNode]:
    """Everything that ``operations`` select, in time and space linear in the document.

    A value worked out line by line in this order finds its children's values ready, so nothing
    that reads it recurses or meets a fragment twice.
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
        reading = [_Open(operation, _selected(operation))]
        while reading:
            top = reading[-1]
            node = next(top.rest, None)
            if node is None:
                reading.pop()
                if reading:
                    reading[-1].children.append(len(lines))
                if isinstance(top.node, FragmentDefinitionNode):
                    places[top.node.name.value] = len(lines)
                lines.append(FlatNode(top.node, tuple(top.children)))
            elif not isinstance(node, FragmentSpreadNode):
                reading.append(_Open(node, _selected(node)))
            elif (name := node.name.value) in entered or name not in fragments:
                reading.append(_Open(node, iter(()), [places[name]] if name in places else []))
            else:
                entered.add(name)
                reading.append(_Open(node, iter((fragments[name],))))
    return lines


def is_introspection(node: Outlined) -> bool:
    """Whether the schema itself is asked for: no rows, so what is below has no depth or cost."""
    return isinstance(node, FieldNode) and node.name.value in ("__schema", "__type")


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> Iterator[FieldNode]:
    """The fields that an operation selects of its root type, whatever fragments they stand in."""
    lines = flatten(document, [operation])
    reading = [len(lines) - 1]
    seen = set(reading)
    while reading:
        for place in lines[reading.pop()].children:
            node = lines[place].node
            if isinstance(node, FieldNode):
                yield node
            elif place not in seen:
                seen.add(place)
                reading.append(place)


def alias_counts(lines: list[FlatNode]) -> list[int]:
    """How many aliases each line and all below it have; one in a fragment at every spread."""
    counts: list[int] = []
    for line in lines:
        own = isinstance(line.node, FieldNode) and line.node.alias is not None
        counts.append(min(own + sum(counts[child] for child in line.children), CEILING))
    return counts


def field_counts(lines: list[FlatNode]) -> list[int]:
    """How many fields each line and all below it have, with every spread written out.

    Of spreads of one fragment side by side only the first counts: they select the same.
    """
    counts: list[int] = []
    for line in lines:
        own = isinstance(line.node, FieldNode)
        # A spread stands for its fragment, whose place two spreads of it share.
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
) -> Iterator[Outlined]:
    selections = node.selection_set.selections if node.selection_set else ()
    for selection in selections:
        assert isinstance(selection, FieldNode | FragmentSpreadNode | InlineFragmentNode)
        yield selection
