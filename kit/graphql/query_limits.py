"""Limits on one operation: an operation over a limit is refused before it runs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    visit,
)

from kit.graphql.flat_document import (
    FlatNode,
    alias_counts,
    field_counts,
    flatten,
    is_introspection,
)

# A constant: `dict | list` builds a new union at each use.
_CONTAINERS: Final = (dict, list)

VALUES: Final = 100
"""How many values in the variables cost a point: each is checked in Python."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one request; ``tokens`` is passed to the parser, ``cost`` is in points.

    ``fields`` limits the fields of an operation with every spread expanded, ``repeats`` and
    ``leaves`` the fields of one name with and without a selection set, ``values`` the values in
    the variables, at any depth.
    """

    depth: int = 12
    aliases: int = 30
    root_mutations: int = 4
    tokens: int = 2_000
    fragments: int = 30
    spreads: int = 30
    fields: int = 2_000
    repeats: int = 100
    leaves: int = 100
    cost: int = 2_000
    list_items: int = 100
    values: int = 5_000
    digits: int = 30


DEFAULTS: Final = Limits()
ANONYMOUS_LIMITS: Final = replace(DEFAULTS, tokens=500)
"""For callers who aren't logged in."""


def structure_errors(document: DocumentNode, *, limits: Limits = DEFAULTS) -> list[GraphQLError]:
    """Checks the limits that don't depend on variables: depth, aliases, fragments, literals.

    Each field is one level of depth, the leaf included; an alias inside a fragment counts at every
    spread, where it is answered again. Levels below ``__schema`` and ``__type`` don't count.
    """
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    lines = flatten(document, operations)
    depths = _depths(lines)
    aliases = alias_counts(lines)
    fields = field_counts(lines)
    errors: list[GraphQLError] = []
    for place, line in enumerate(lines):
        if not isinstance(line.node, OperationDefinitionNode):
            continue
        if depths[place] > limits.depth:
            errors.append(_too_complex("levels of fields", depths[place], limits.depth, line.node))
        if aliases[place] > limits.aliases:
            errors.append(_too_complex("aliases", aliases[place], limits.aliases, line.node))
        if fields[place] > limits.fields:
            errors.append(_too_complex("fields", fields[place], limits.fields, line.node))
        if line.node.operation is OperationType.MUTATION:
            roots = len(_root_keys(lines, place))
            if roots > limits.root_mutations:
                errors.append(_too_complex("mutations", roots, limits.root_mutations, line.node))
    repetitions = _Repetitions(limits)
    visit(document, repetitions)
    return errors + repetitions.errors + repetitions.repeats()


def variable_weight(
    variables: Mapping[str, Any], *, limits: Limits = DEFAULTS
) -> tuple[int, list[GraphQLError]]:
    """Returns the points for reading the variables, and the errors for those over a limit.

    Up to 99 values are free. Limited are the number of all values and the items of each list, at
    any depth.
    """
    count, is_long = len(variables), False
    values = [each for each in variables.values() if isinstance(each, _CONTAINERS)]
    while values and count <= limits.values:
        value = values.pop()
        inner = value.values() if isinstance(value, dict) else value
        count += len(inner)
        is_long |= len(inner) > limits.list_items
        if count <= limits.values:
            values += [each for each in inner if isinstance(each, _CONTAINERS)]
    if count > limits.values:
        return 0, [_too_complex("values in the variables", count, limits.values)]
    return count // VALUES, _long_lists(variables, limits) if is_long else []


def _long_lists(variables: Mapping[str, Any], limits: Limits) -> list[GraphQLError]:
    errors: list[GraphQLError] = []
    pending = [*variables.items()]
    while pending:
        name, value = pending.pop()
        if isinstance(value, dict):
            pending.extend((name, inner) for inner in value.values())
        elif isinstance(value, list) and len(value) > limits.list_items:
            what = f"items in a list of variable '${name}'"
            errors.append(_too_complex(what, len(value), limits.list_items))
        elif isinstance(value, list):
            pending.extend((name, inner) for inner in value)
    return errors


def cost_errors(cost: int, *, limits: Limits = DEFAULTS) -> list[GraphQLError]:
    """Returns the error for an operation that costs too much, if it does."""
    return [_too_complex("points of cost", cost, limits.cost)] if cost > limits.cost else []


class _Repetitions(Visitor):
    """Finds literals that are too long, and counts repeated fields and fragments."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.errors: list[GraphQLError] = []
        self.selected: Counter[str] = Counter()
        self.leaves: Counter[str] = Counter()
        self.fragments = 0
        self.spreads = 0

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        # GraphQL's own rules compare each pair of one name, with all that is selected below them.
        counter = self.selected if node.selection_set else self.leaves
        counter[(node.alias or node.name).value] += 1

    def enter_fragment_definition(self, _node: FragmentDefinitionNode, *_args: Any) -> None:
        # GraphQL's own rules compare each pair of them, and follow all from each operation.
        self.fragments += 1

    def enter_fragment_spread(self, _node: FragmentSpreadNode, *_args: Any) -> None:
        self.spreads += 1

    def enter_list_value(self, node: ListValueNode, *_args: Any) -> None:
        if len(node.values) > self.limits.list_items:
            error = _too_complex("items in a list", len(node.values), self.limits.list_items, node)
            self.errors.append(error)

    def enter_int_value(self, node: IntValueNode, *_args: Any) -> None:
        # Python refuses to parse thousands of digits, with an error message of its own.
        if len(node.value) > self.limits.digits:
            error = _too_complex("digits of a number", len(node.value), self.limits.digits, node)
            self.errors.append(error)

    def repeats(self) -> list[GraphQLError]:
        """Returns the errors for repetitions; for fields, of the most frequent name."""
        counts = (
            ("fragments", self.fragments, self.limits.fragments),
            ("spreads of fragments", self.spreads, self.limits.spreads),
            ("selections of one field", _most(self.selected), self.limits.repeats),
            ("selections of one value", _most(self.leaves), self.limits.leaves),
        )
        return [_too_complex(what, value, limit) for what, value, limit in counts if value > limit]


def _most(counter: Counter[str]) -> int:
    return max(counter.values(), default=0)


def _too_complex(what: str, value: int, limit: int, node: Node | None = None) -> GraphQLError:
    return GraphQLError(
        f"Too complex: {value} {what}, at most {limit} are allowed.",
        node,
        extensions={"code": "TOO_COMPLEX", "limit": limit, "value": value},
    )


def _depths(lines: list[FlatNode]) -> list[int]:
    depths: list[int] = []
    for line in lines:
        inside = max((depths[child] for child in line.children), default=0)
        if is_introspection(line.node):
            inside = 0
        depths.append(inside + isinstance(line.node, FieldNode))
    return depths


def _root_keys(lines: list[FlatNode], root: int) -> set[str]:
    """Returns the response keys of an operation's root fields, including those in fragments."""
    keys: set[str] = set()
    seen: set[int] = set()
    pending = [root]
    while pending:
        place = pending.pop()
        if place in seen:
            continue
        seen.add(place)
        node = lines[place].node
        if not isinstance(node, FieldNode):
            pending.extend(lines[place].children)
        elif node.name.value != "__typename":
            keys.add((node.alias or node.name).value)
    return keys
