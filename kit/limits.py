"""How much one operation may ask for: what is over a limit is refused before it runs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from graphql import (
    SKIP,
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    VisitorAction,
    get_operation_ast,
    visit,
)

from kit.cost import cost_of
from kit.outline import Line, alias_counts, is_introspection, outline


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for; ``tokens`` is an option of the parser, ``cost`` is points."""

    depth: int = 12
    aliases: int = 30
    root_mutations: int = 4
    tokens: int = 2_000
    cost: int = 2_000
    list_items: int = 100
    repeats: int = 100
    digits: int = 30


DEFAULTS = Limits()


@dataclass(frozen=True, slots=True)
class Measured:
    """What an operation costs, and why it is refused; the cost is 0 where the shape is refused."""

    cost: int
    errors: list[GraphQLError]


def measure(
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    operation_name: str | None,
    variables: Mapping[str, Any],
    limits: Limits = DEFAULTS,
) -> Measured:
    """Weigh an operation before it runs; ``variables`` are as the client sent them."""
    errors = structure_errors(document, limits=limits) + variable_errors(variables, limits=limits)
    operation = get_operation_ast(document, operation_name)
    if errors or operation is None:
        return Measured(0, errors)
    cost = cost_of(schema, document, operation, variables=variables)
    return Measured(cost, cost_errors(cost, limits=limits))


def structure_errors(document: DocumentNode, *, limits: Limits = DEFAULTS) -> list[GraphQLError]:
    """What is too much whatever the variables: depth, aliases, root mutations, repeats, literals.

    Fields of fields count one level each, the leaf included; an alias inside a fragment counts
    at every spread, as it is answered at every spread. Below ``__schema`` and ``__type`` only
    aliases count.
    """
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    lines = outline(document, operations)
    depths = _depths(lines)
    aliases = alias_counts(lines)
    errors: list[GraphQLError] = []
    for place, line in enumerate(lines):
        if not isinstance(line.node, OperationDefinitionNode):
            continue
        if depths[place] > limits.depth:
            errors.append(_too_complex("levels of fields", depths[place], limits.depth, line.node))
        if aliases[place] > limits.aliases:
            errors.append(_too_complex("aliases", aliases[place], limits.aliases, line.node))
        if line.node.operation is OperationType.MUTATION:
            roots = len(_root_keys(lines, place))
            if roots > limits.root_mutations:
                errors.append(_too_complex("mutations", roots, limits.root_mutations, line.node))
    written = _Written(limits)
    visit(document, written)
    return errors + written.errors + written.repeats()


def variable_errors(
    variables: Mapping[str, Any], *, limits: Limits = DEFAULTS
) -> list[GraphQLError]:
    """Lists that are too long, at any depth of the variables that the client sent."""
    errors: list[GraphQLError] = []
    pending: list[tuple[str, Any]] = [
        (name, value) for name, value in variables.items() if isinstance(value, dict | list)
    ]
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
    """The refusal of an operation that costs too much, if it does."""
    return [_too_complex("points of cost", cost, limits.cost)] if cost > limits.cost else []


class StructureRule(ASTValidationRule):
    """``structure_errors`` as a rule of validation, whose result is cached with the document's."""

    limits: ClassVar[Limits] = DEFAULTS

    def enter_document(self, node: DocumentNode, *_args: Any) -> VisitorAction:
        """Report what is too much in the whole document."""
        for error in structure_errors(node, limits=self.limits):
            self.report_error(error)
        return SKIP


class _Written(Visitor):
    """Finds the literals that are too long, and what is selected again and again."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.errors: list[GraphQLError] = []
        self.selected: Counter[str] = Counter()

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        # GraphQL's own rules compare each two of one name, with all that is selected below them.
        if node.selection_set:
            self.selected[(node.alias or node.name).value] += 1

    def enter_list_value(self, node: ListValueNode, *_args: Any) -> None:
        if len(node.values) > self.limits.list_items:
            error = _too_complex("items in a list", len(node.values), self.limits.list_items, node)
            self.errors.append(error)

    def enter_int_value(self, node: IntValueNode, *_args: Any) -> None:
        # Python refuses to read thousands of digits, and says so in words of its own.
        if len(node.value) > self.limits.digits:
            error = _too_complex("digits of a number", len(node.value), self.limits.digits, node)
            self.errors.append(error)

    def repeats(self) -> list[GraphQLError]:
        """The refusal of the name that is selected most, if that is too often."""
        most = max(self.selected.values(), default=0)
        limit = self.limits.repeats
        return [_too_complex("selections of one field", most, limit)] if most > limit else []


def _too_complex(what: str, value: int, limit: int, node: Node | None = None) -> GraphQLError:
    return GraphQLError(
        f"Too complex: {value} {what}, at most {limit} are allowed.",
        node,
        extensions={"code": "TOO_COMPLEX", "limit": limit, "value": value},
    )


def _depths(lines: list[Line]) -> list[int]:
    depths: list[int] = []
    for line in lines:
        inside = max((depths[child] for child in line.children), default=0)
        if is_introspection(line.node):
            inside = 0
        depths.append(inside + isinstance(line.node, FieldNode))
    return depths


def _root_keys(lines: list[Line], root: int) -> set[str]:
    """The response keys of an operation's root fields, through its fragments."""
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
