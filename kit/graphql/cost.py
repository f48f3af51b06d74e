"""Computes the cost of an operation in points, before it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
    VariableValues,
    Visitor,
    get_argument_values,
    get_directive_values,
    get_named_type,
    is_composite_type,
    type_from_ast,
    visit,
)

from kit.graphql.flat_document import (
    CEILING,
    FlatNode,
    SelectionNode,
    alias_counts,
    flatten,
    is_introspection,
)

DEFAULT_PAGE_SIZE = 20
CACHED_RESULTS: Final = 100
INTROSPECTION_POINTS = 100
"""The cost of `__schema` and `__type`, and again of each alias below them.

Answering the whole schema takes as long as a page of a hundred rows, and an alias answers
everything below it again.
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a field, in ``GraphQLField.extensions["cost"]``; a field without it is free.

    Without ``multipliers`` and ``size``: ``weight`` and what is selected below it. With them:
    ``weight`` + size * (1 + what is selected below). The size is the largest of the arguments
    named in ``multipliers``, where a list counts its items, or 20 if none is given; or the result
    of ``size`` for the field's coerced arguments, by their names in the schema.
    """

    weight: int = 1
    multipliers: tuple[str, ...] = ()
    size: Callable[[Mapping[str, Any]], int] | None = None

    def points(self, arguments: Mapping[str, Any], *, below: int) -> int:
        """Returns the cost with these arguments, if the selection below costs ``below``."""
        if self.size is not None:
            return self.weight + max(self.size(arguments), 0) * (1 + below)
        if self.multipliers:
            return self.weight + max(self._page_size(arguments), 0) * (1 + below)
        return self.weight + below

    def _page_size(self, arguments: Mapping[str, Any]) -> int:
        given = (arguments.get(name) for name in self.multipliers)
        sizes = [len(x) if isinstance(x, list) else int(x) for x in given if x is not None]
        return max(sizes, default=DEFAULT_PAGE_SIZE)


class _Names(Visitor):
    """Collects the names of variables."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_args: Any) -> None:
        self.names.add(node.name.value)


@dataclass(frozen=True, slots=True)
class _Item:
    """A node that has a cost of its own, or joins several nodes that do."""

    node: SelectionNode
    field: GraphQLField | None
    cost: Cost | None
    conditional: bool
    children: tuple[int, ...]

    def names(self) -> set[str]:
        """Returns the names of the variables that the cost depends on."""
        found = _Names()
        for directive in self.node.directives or ():
            visit(directive, found)
        if self.cost is not None and isinstance(self.node, FieldNode):
            for argument in self.node.arguments or ():
                if self.cost.size or argument.name.value in self.cost.multipliers:
                    visit(argument, found)
        return found.names

    def points(self, below: int, variables: VariableValues) -> int:
        if self.conditional and not _runs(self.node, variables):
            return 0
        if self.cost is None or self.field is None:
            return below
        if not (self.cost.multipliers or self.cost.size):
            return self.cost.points({}, below=below)
        assert isinstance(self.node, FieldNode)
        try:
            arguments = get_argument_values(self.field, self.node, variables)
        except GraphQLError:
            # The executor answers such a field with this error and doesn't resolve it.
            return self.cost.weight
        return self.cost.points(arguments, below=below)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Computes the cost of one operation from its variables; built once per operation.

    The cost depends on the values of the variables in ``names``, and on whether those in
    ``nullable`` are null; results are cached by these.
    """

    items: tuple[_Item, ...]
    root: int | None
    names: tuple[str, ...]
    nullable: tuple[str, ...]
    cached: dict[Any, int] = field(default_factory=dict, compare=False)

    @classmethod
    def of(
        cls, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
    ) -> Self:
        """Builds the estimate from the nodes of the document that have a cost."""
        lines = flatten(document, [operation])
        scopes = _scopes(schema, lines)
        aliases = alias_counts(lines)
        items: list[_Item] = []
        places: list[int | None] = []
        for line, scope, aliased in zip(lines, scopes, aliases, strict=True):
            children = tuple(p for child in line.children if (p := places[child]) is not None)
            field = _field(schema, line.node, scope)
            cost = field.extensions.get("cost") if field else None
            if is_introspection(line.node):
                cost = Cost(min(INTROSPECTION_POINTS * (1 + aliased), CEILING))
            if not (cost or children):
                places.append(None)
                continue
            conditional = _is_conditional(line.node)
            if not cost and not conditional and len(children) == 1:
                places.append(children[0])
                continue
            places.append(len(items))
            items.append(_Item(line.node, field, cost, conditional, children))
        names = {name for item in items for name in item.names()}
        optional = {
            definition.variable.name.value
            for definition in operation.variable_definitions or ()
            if not isinstance(definition.type, NonNullTypeNode)
        }
        return cls(tuple(items), places[-1], tuple(names), tuple(optional - names))

    def cost(self, variables: VariableValues) -> int:
        """Returns the points for coerced variables: an upper bound, as fields aren't merged."""
        if self.root is None:
            return 0
        values = variables.coerced
        key = (
            tuple([values.get(name, Undefined) for name in self.names]),
            # An absent value gives the argument its default, or its refusal.
            tuple([values[name] is None if name in values else None for name in self.nullable]),
        )
        try:
            points = self.cached.get(key)
        except TypeError:
            # A list can't be hashed; its length counts.
            return self._cost(variables)
        if points is None:
            points = self._cost(variables)
            if len(self.cached) >= CACHED_RESULTS:
                self.cached.clear()
            self.cached[key] = points
        return points

    def _cost(self, variables: VariableValues) -> int:
        assert self.root is not None
        points: list[int] = []
        for item in self.items:
            below = sum(points[child] for child in item.children)
            points.append(min(item.points(below, variables), CEILING))
        return points[self.root]


def _scopes(schema: GraphQLSchema, lines: list[FlatNode]) -> list[GraphQLCompositeType | None]:
    """Returns for each line the type that its fields are looked up on; for a field, its parent."""
    scopes: list[GraphQLCompositeType | None] = [None] * len(lines)
    # Backwards, parents come before their children. Only a fragment has several parents, and its
    # type doesn't depend on them.
    for place in range(len(lines) - 1, -1, -1):
        line = lines[place]
        inside = scopes[place]
        match line.node:
            case OperationDefinitionNode(operation=operation):
                inside = scopes[place] = schema.get_root_type(operation)
            case FragmentDefinitionNode(type_condition=condition):
                inside = scopes[place] = _composite(type_from_ast(schema, condition))
            case InlineFragmentNode(type_condition=condition) if condition is not None:
                inside = scopes[place] = _composite(type_from_ast(schema, condition))
            case FieldNode():
                field = _field(schema, line.node, inside)
                inside = _composite(get_named_type(field.type)) if field else None
            case FragmentSpreadNode() | InlineFragmentNode():
                pass
        for child in line.children:
            scopes[child] = inside
    return scopes


def _composite(type_: object) -> GraphQLCompositeType | None:
    return type_ if is_composite_type(type_) else None


def _field(
    schema: GraphQLSchema, node: SelectionNode, scope: GraphQLCompositeType | None
) -> GraphQLField | None:
    if scope is None or not isinstance(node, FieldNode):
        return None
    return schema.get_field(scope, node.name.value)


def _is_conditional(node: SelectionNode) -> bool:
    directives: tuple[DirectiveNode, ...] = node.directives or ()
    return any(directive.name.value in ("skip", "include") for directive in directives)


def _runs(node: SelectionNode, variables: VariableValues) -> bool:
    try:
        skip = get_directive_values(GraphQLSkipDirective, node, variables)
        include = get_directive_values(GraphQLIncludeDirective, node, variables)
    except GraphQLError:
        # A condition without a value fails the whole operation when it runs.
        return False
    return not (skip and skip["if"]) and not (include and not include["if"])
