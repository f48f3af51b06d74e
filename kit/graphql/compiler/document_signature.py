"""Computes the signature of an operation, which ignores its literals."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    Node,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FragmentDetails

from kit.graphql.argument_templates import ArgumentTemplates
from kit.graphql.compiler.leaf_programs import LeafProgram

# Literals of these kinds are bound like variables; booleans, enums and nulls decide the plan.
_LIFTED: Final = frozenset({"int_value", "float_value", "string_value"})


@dataclass(frozen=True, slots=True)
class NormalizedOperation:
    """One operation of a document, prepared for planning.

    Documents that differ only in literals have the same ``signature``, and their fields are in
    ``nodes`` in the same order. ``places`` maps the id of a node to its place there. ``programs``
    are kept by ``Plans``, by the caller's profile and the shape of the variables.
    """

    signature: bytes
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    nodes: tuple[FieldNode, ...]
    places: dict[int, int]
    arguments: ArgumentTemplates = field(default_factory=ArgumentTemplates, compare=False)
    programs: dict[Hashable, LeafProgram | None] = field(default_factory=dict, compare=False)


def normalize(document: DocumentNode, operation: OperationDefinitionNode) -> NormalizedOperation:
    """Normalizes an operation with all fragments of its document."""
    fragments = [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]
    reader = _Reader()
    for definition in (operation, *fragments):
        reader.read(definition)
    return NormalizedOperation(
        blake2b("\n".join(reader.words).encode(), digest_size=16).digest(),
        operation,
        {each.name.value: FragmentDetails(each) for each in fragments},
        tuple(reader.nodes),
        {id(node): place for place, node in enumerate(reader.nodes)},
    )


def _is_lifted(values: Any) -> bool:
    """Returns whether a list has literals only, and is bound like a variable of any length."""
    return bool(values.values) and all(each.kind in _LIFTED for each in values.values)


class _Reader:
    def __init__(self) -> None:
        self.words: list[str] = []
        self.nodes: list[FieldNode] = []

    def read(self, node: Node) -> None:
        kind = node.kind
        self.words.append(kind)
        if isinstance(node, FieldNode):
            self.nodes.append(node)
        if kind in _LIFTED or (kind == "list_value" and _is_lifted(node)):
            return
        for key in node.keys:
            value = getattr(node, key, None)
            if isinstance(value, Node):
                self.words.append(key)
                self.read(value)
            elif isinstance(value, Sequence) and not isinstance(value, str):
                self.words.append(f"{key} {len(value)}")
                for each in value:
                    self.read(each)
            elif key != "loc" and value is not None:
                self.words.append(f"{key} {value!r}")
