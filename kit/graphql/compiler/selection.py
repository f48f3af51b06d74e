"""What is selected, as graphql-core collects it: the tree that a statement is written from.

Nothing of it depends on a value. It is one for a document without its literals, what its
``@skip`` and ``@include`` say, and what the caller may.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    VariableValues,
    get_argument_values,
    get_named_type,
    is_leaf_type,
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
    NodeType,
    NotCompilable,
    Paged,
    Related,
    SqlExpression,
)

MAX_KEY: Final = 63
"""PostgreSQL cuts longer names."""

ROWS: Final = "*"
"""The key, which no client can give, of what is read of rows that were found already."""

Allows = Callable[[Any, Any, bool], bool]
"""May this actor, by this permission: any row, or if told so, any that is their own?"""


@dataclass(frozen=True, slots=True)
class SelectedField:
    """A field as it was selected: under which key, and what of it by the types it can have.

    Without ``field`` it is ``__typename``. ``place`` is that of its node in the outline, and
    ``parent`` the name of the type whose field it is.
    """

    key: str
    parent: str
    field: GraphQLField | None
    place: int
    below: Mapping[str, "tuple[SelectedField, ...]"]

    @property
    def reading(self) -> Any:
        return self.field.extensions[SOURCE] if self.field else None

    @property
    def type(self) -> GraphQLNamedType:
        assert self.field is not None
        return get_named_type(self.field.type)

    @property
    def fields(self) -> "tuple[SelectedField, ...]":
        """What is selected of it, where it has one type."""
        return self.below[self.type.name]

    def all(self) -> "Iterator[SelectedField]":
        """It and all below it, in the order of the tree."""
        yield self
        for fields in self.below.values():
            for each in fields:
                yield from each.all()


@dataclass(frozen=True)
class Selection:
    """The root fields that can be compiled, in order; and why not, for the ``others``."""

    roots: Mapping[str, SelectedField]
    others: Mapping[str, NotCompilable]

    @cached_property
    def argued(self) -> tuple[SelectedField, ...]:
        """The fields that take arguments, in the order of the tree."""
        every = [each for root in self.roots.values() for each in root.all()]
        # A fragment that is spread at several places is told once.
        found = {each.place: each for each in every if each.field is not None and each.field.args}
        return tuple(found.values())

    def told(self, nodes: Sequence[FieldNode], variables: VariableValues) -> Iterator[Any]:
        """What these are told by the nodes of a document; raises what it is refused with."""
        for each in self.argued:
            assert each.field is not None
            arguments = get_argument_values(each.field, nodes[each.place], variables)
            yield each.reading.decode(arguments)


@dataclass(frozen=True, slots=True)
class Selector:
    """Reads what an actor selects in an operation."""

    schema: GraphQLSchema
    outline: NormalizedOperation
    variables: VariableValues
    actor: Any
    allows: Allows

    def operation(self) -> Selection:
        """The whole operation."""
        operation = self.outline.operation
        root_type = self.schema.get_root_type(operation.operation)
        assert root_type is not None
        collected = collect_fields(
            self.schema, self.outline.fragments, self.variables, root_type, operation
        )
        roots: dict[str, SelectedField] = {}
        others: dict[str, NotCompilable] = {}
        for key, details in collected.grouped_field_set.items():
            try:
                # Before there is a row, what is one's own is not refused.
                roots[key] = self._chosen(root_type, key, details, own=True)
            except NotCompilable as reason:
                others[key] = reason
        return Selection(roots, others)

    def rows(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Selection:
        """What is selected of rows that were found already; empty where nothing is to be read."""
        try:
            fields = self.fields(kind, details, own=self.is_own(kind))
        except NotCompilable as reason:
            return Selection({}, {ROWS: reason})
        # Its own columns are at hand: no statement is worth them.
        if not any(isinstance(each.reading, Related | Paged) for each in fields):
            return Selection({}, {})
        again = GraphQLField(kind, extensions={SOURCE: ByKeys()})
        return Selection({ROWS: SelectedField(ROWS, kind.name, again, -1, {kind.name: fields})}, {})

    def fields(
        self, kind: GraphQLObjectType, details: FieldDetailsList, *, own: bool
    ) -> tuple[SelectedField, ...]:
        """What is selected of an object. Raises NotCompilable."""
        collected = collect_subfields(
            self.schema,
            self.outline.fragments,
            self.variables,
            self.outline.operation,
            kind,
            details,
        )
        return tuple(
            self._chosen(kind, key, found, own=own)
            for key, found in collected.grouped_field_set.items()
        )

    def is_own(self, kind: GraphQLObjectType) -> bool:
        """Are all rows of the type that the caller finds by themselves their own?"""
        found = kind.extensions.get(KIND)
        return isinstance(found, NodeType) and not self.allows(self.actor, found.requires, False)

    def _may_find(self, kind: GraphQLObjectType) -> bool:
        found = kind.extensions.get(KIND)
        return isinstance(found, NodeType) and self.allows(self.actor, found.requires, True)

    def _chosen(
        self, parent: GraphQLObjectType, key: str, details: FieldDetailsList, *, own: bool
    ) -> SelectedField:
        node = details[0].node
        name = node.name.value
        where = f"{parent.name}.{name}"
        if len(key.encode()) > MAX_KEY:
            raise NotCompilable(f"{where}: the key is too long")
        place = self.outline.places[id(node)]
        if name == "__typename":
            return SelectedField(key, parent.name, None, place, {})
        found = self.schema.get_field(parent, name)
        if found is None or SOURCE not in found.extensions:
            raise NotCompilable(f"{where}: it is not declared how")
        guard = found.extensions.get(GUARD)
        if guard is not None and not self.allows(self.actor, guard, own):
            raise NotCompilable(f"{where}: refused, or for some rows only")
        return SelectedField(key, parent.name, found, place, self._below(found, details, own=own))

    def _below(
        self, found: GraphQLField, details: list[FieldDetails], *, own: bool
    ) -> Mapping[str, tuple[SelectedField, ...]]:
        named = get_named_type(found.type)
        if is_leaf_type(named):
            return {}
        reading = found.extensions[SOURCE]
        if isinstance(named, GraphQLInterfaceType):
            possible = self.schema.get_possible_types(named)
            # Of the others nothing is selected: the caller finds none.
            found_by_id = [each for each in possible if self._may_find(each)]
            return {
                each.name: self.fields(each, details, own=self.is_own(each)) for each in found_by_id
            }
        if not isinstance(named, GraphQLObjectType):
            raise NotCompilable(f"{named.name} is a union")
        if KIND in named.extensions:
            # What a row leads to needn't be the caller's own, though the row is.
            own = not isinstance(reading, Attribute | Related | SqlExpression) and self.is_own(
                named
            )
        return {named.name: self.fields(named, details, own=own)}
