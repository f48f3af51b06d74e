"""Collects the selected fields, with graphql-core, to the tree that a statement is written from.

The tree depends on no argument values: only on the document without its literals, on ``@skip``
and ``@include``, and on the caller's permissions.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    VariableValues,
    get_argument_values,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)

from kit.graphql.compiler.document_signature import NormalizedOperation
from kit.graphql.field_sources import (
    GUARD,
    KIND,
    SOURCE,
    Attribute,
    ByKeys,
    Identity,
    NodeType,
    NotCompilable,
    Paged,
    Related,
    SqlExpression,
)

MAX_KEY: Final = 63
"""The longest response key in bytes: PostgreSQL truncates longer names."""

ROWS: Final = "*"
"""The response key for rows that are loaded already; no client can select it."""

Allows = Callable[[Any, Any, bool], bool]
"""Does the actor have the permission for every row, or with True, for rows of their own?"""


@dataclass(frozen=True, slots=True)
class SelectedField:
    """A selected field: its response key, and the fields below it by possible type.

    Without ``field`` it is ``__typename``. ``place`` is the place of its node in the normalized
    operation, ``parent`` the name of its parent type.
    """

    key: str
    parent: str
    field: GraphQLField | None
    place: int
    below: Mapping[str, "tuple[SelectedField, ...]"]

    @property
    def source(self) -> Any:
        return self.field.extensions[SOURCE] if self.field else None

    @property
    def type(self) -> GraphQLNamedType:
        assert self.field is not None
        return get_named_type(self.field.type)

    @property
    def fields(self) -> "tuple[SelectedField, ...]":
        """The fields below it, if it has one possible type."""
        return self.below[self.type.name]

    def all(self) -> "Iterator[SelectedField]":
        """Yields the field and all fields below it, in the order of the tree."""
        yield self
        for fields in self.below.values():
            for each in fields:
                yield from each.all()


@dataclass(frozen=True)
class Selection:
    """The root fields that can be compiled, in order, and the reason for each of the ``others``."""

    roots: Mapping[str, SelectedField]
    others: Mapping[str, NotCompilable]

    @cached_property
    def fields_with_arguments(self) -> tuple[SelectedField, ...]:
        """The fields that take arguments, in the order of the tree."""
        every = [each for root in self.roots.values() for each in root.all()]
        # The fields of a fragment that is spread several times take their arguments once.
        found = {each.place: each for each in every if each.field is not None and each.field.args}
        return tuple(found.values())

    def argument_values(
        self, normalized: NormalizedOperation, variables: VariableValues
    ) -> Iterator[Any]:
        """Yields the arguments of these fields; raises the refusal of a wrong argument."""
        nodes, read = normalized.nodes, normalized.arguments.read
        for key, field, place, decode in self._readers:
            yield decode(read(key, field, nodes[place], variables))

    def plain_argument_values(
        self, normalized: NormalizedOperation, variables: VariableValues
    ) -> Iterator[Any]:
        """Yields the same, with nothing kept of the variables."""
        for _, field, place, decode in self._readers:
            yield decode(get_argument_values(field, normalized.nodes[place], variables))

    @property
    def is_of_row(self) -> bool:
        """Whether it reads loaded rows and what they refer to, and no other rows of their type."""
        root = self.roots.get(ROWS)
        return root is not None and all(_is_of_row(each, root.type) for each in root.all())

    @cached_property
    def _readers(self) -> Sequence[tuple[Hashable, GraphQLField, int, Callable[[Any], Any]]]:
        return [
            ((each.parent, each.place), each.field, each.place, each.source.decode)
            for each in self.fields_with_arguments
            if each.field is not None
        ]


def _is_of_row(selected: SelectedField, kind: GraphQLNamedType) -> bool:
    match selected.source:
        case None | Attribute() | ByKeys() | Identity():
            return True
        case SqlExpression():
            # Those of a type's own rows read nothing else.
            return selected.parent == kind.name
        case Related():
            assert selected.field is not None
            is_list = is_list_type(get_nullable_type(selected.field.type))
            return not is_list and selected.type is not kind
        case _:
            return False


@dataclass(frozen=True, slots=True)
class Selector:
    """Collects the fields that an actor selects in an operation."""

    schema: GraphQLSchema
    normalized: NormalizedOperation
    variables: VariableValues
    actor: Any
    allows: Allows

    def operation(self) -> Selection:
        """Collects the root fields of the operation, and the fields below them."""
        operation = self.normalized.operation
        root_type = self.schema.get_root_type(operation.operation)
        assert root_type is not None
        collected = collect_fields(
            self.schema, self.normalized.fragments, self.variables, root_type, operation
        )
        roots: dict[str, SelectedField] = {}
        others: dict[str, NotCompilable] = {}
        for key, details in collected.grouped_field_set.items():
            try:
                # No row is known at the root: a permission for one's own rows is enough here.
                roots[key] = self._selected_field(root_type, key, details, own=True)
            except NotCompilable as reason:
                others[key] = reason
        return Selection(roots, others)

    def rows(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Selection:
        """Collects the fields of loaded rows; empty if no statement is needed."""
        try:
            fields = self.fields(kind, details, own=self.is_own(kind))
        except NotCompilable as reason:
            return Selection({}, {ROWS: reason})
        # The columns of the rows are loaded; only relations and lists need a statement.
        if not any(isinstance(each.source, Related | Paged) for each in fields):
            return Selection({}, {})
        again = GraphQLField(kind, extensions={SOURCE: ByKeys()})
        return Selection({ROWS: SelectedField(ROWS, kind.name, again, -1, {kind.name: fields})}, {})

    def fields(
        self, kind: GraphQLObjectType, details: FieldDetailsList, *, own: bool
    ) -> tuple[SelectedField, ...]:
        """Collects the fields of an object. Raises NotCompilable."""
        collected = collect_subfields(
            self.schema,
            self.normalized.fragments,
            self.variables,
            self.normalized.operation,
            kind,
            details,
        )
        return tuple(
            self._selected_field(kind, key, found, own=own)
            for key, found in collected.grouped_field_set.items()
        )

    def is_own(self, kind: GraphQLObjectType) -> bool:
        """Returns whether the caller may see only their own rows of the type."""
        found = kind.extensions.get(KIND)
        return isinstance(found, NodeType) and not self.allows(self.actor, found.requires, False)

    def _may_find(self, kind: GraphQLObjectType) -> bool:
        found = kind.extensions.get(KIND)
        return isinstance(found, NodeType) and self.allows(self.actor, found.requires, True)

    def _selected_field(
        self, parent: GraphQLObjectType, key: str, details: FieldDetailsList, *, own: bool
    ) -> SelectedField:
        node = details[0].node
        name = node.name.value
        where = f"{parent.name}.{name}"
        if len(key.encode()) > MAX_KEY:
            raise NotCompilable(f"{where}: the key is too long")
        place = self.normalized.places[id(node)]
        if name == "__typename":
            return SelectedField(key, parent.name, None, place, {})
        found = self.schema.get_field(parent, name)
        if found is None or SOURCE not in found.extensions:
            raise NotCompilable(f"{where}: it declares no source")
        guard = found.extensions.get(GUARD)
        if guard is not None and not self.allows(self.actor, guard, own):
            raise NotCompilable(f"{where}: not permitted, or only for some rows")
        return SelectedField(key, parent.name, found, place, self._below(found, details, own=own))

    def _below(
        self, found: GraphQLField, details: list[FieldDetails], *, own: bool
    ) -> Mapping[str, tuple[SelectedField, ...]]:
        named = get_named_type(found.type)
        if is_leaf_type(named):
            return {}
        source = found.extensions[SOURCE]
        if isinstance(named, GraphQLInterfaceType):
            possible = self.schema.get_possible_types(named)
            # The caller can find no rows of the other types, so their fields aren't needed.
            found_by_id = [each for each in possible if self._may_find(each)]
            return {
                each.name: self.fields(each, details, own=self.is_own(each)) for each in found_by_id
            }
        if not isinstance(named, GraphQLObjectType):
            raise NotCompilable(f"{named.name} is a union")
        if KIND in named.extensions:
            # A row of the caller's own may be related to rows that aren't.
            own = not isinstance(source, Attribute | Related | SqlExpression) and self.is_own(named)
        return {named.name: self.fields(named, details, own=own)}
