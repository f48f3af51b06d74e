"""What is selected, as graphql-core collects it: the tree that a statement is written from.

Nothing of it depends on a value. It is one for a document without its literals, what its
``@skip`` and ``@include`` say, and what the caller may.
"""

from collections.abc import Callable, Mapping
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
    get_named_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)

from kit.compiled.documents import Outline
from kit.compiled.readings import (
    GUARD,
    KIND,
    READING,
    Attribute,
    Expressed,
    Kind,
    Paged,
    Related,
    Unreadable,
)

MAX_KEY: Final = 63
"""PostgreSQL cuts longer names."""

ROWS: Final = "*"
"""The key, which no client can give, of what is read of rows that were found already."""

Allows = Callable[[Any, Any, bool], bool]
"""May this actor, by this permission: any row, or if told so, any that is their own?"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A field as it was selected: under which key, and what of it by the types it can have.

    Without ``field`` it is ``__typename``. ``place`` is that of its node in the outline, and
    ``parent`` the name of the type whose field it is.
    """

    key: str
    parent: str
    field: GraphQLField | None
    place: int
    below: Mapping[str, "tuple[Chosen, ...] | Unreadable"]

    @property
    def reading(self) -> Any:
        return self.field.extensions[READING] if self.field else None

    @property
    def type(self) -> GraphQLNamedType:
        assert self.field is not None
        return get_named_type(self.field.type)

    def of(self, type_name: str) -> "tuple[Chosen, ...]":
        """What is selected of an object of this type. Raises Unreadable."""
        found = self.below[type_name]
        if isinstance(found, Unreadable):
            raise found
        return found


@dataclass(frozen=True)
class Selection:
    """The root fields of an operation, in order; None for those that can't be compiled.

    ``why`` tells what stands in their way.
    """

    roots: Mapping[str, Chosen | None]
    why: Mapping[str, str]

    @property
    def is_empty(self) -> bool:
        """Is there nothing that can be compiled?"""
        return not any(self.roots.values())

    @cached_property
    def argued(self) -> tuple[Chosen, ...]:
        """The fields that take arguments and can be compiled, in the order of the tree."""
        found = [each for root in self.roots.values() if root is not None for each in _argued(root)]
        # A fragment that is spread at several places is told once.
        return tuple({each.place: each for each in found}.values())


def _argued(chosen: Chosen) -> "list[Chosen]":
    found = [chosen] if chosen.field is not None and chosen.field.args else []
    for fields in chosen.below.values():
        if not isinstance(fields, Unreadable):
            for each in fields:
                found += _argued(each)
    return found


class Selector:
    """Reads what an actor selects in an operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        outline: Outline,
        variables: VariableValues,
        actor: Any,
        allows: Allows,
    ) -> None:
        self._schema = schema
        self._outline = outline
        self._variables = variables
        self._actor = actor
        self._allows = allows

    def operation(self) -> Selection:
        """The whole operation."""
        operation = self._outline.operation
        root_type = self._schema.get_root_type(operation.operation)
        assert root_type is not None
        collected = collect_fields(
            self._schema, self._outline.fragments, self._variables, root_type, operation
        )
        roots: dict[str, Chosen | None] = {}
        why: dict[str, str] = {}
        for key, details in collected.grouped_field_set.items():
            try:
                # Before there is a row, what is one's own is not refused.
                roots[key] = self._chosen(root_type, key, details, own=True)
            except Unreadable as reason:
                roots[key] = None
                why[key] = str(reason)
        return Selection(roots, why)

    def rows(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Selection:
        """What is selected of rows that were found already; empty where nothing is to be read."""
        field = GraphQLField(kind, extensions={READING: None})
        try:
            below = self.fields(kind, details, own=self.is_own(kind))
        except Unreadable as reason:
            return Selection({ROWS: None}, {ROWS: str(reason)})
        # Its own columns are at hand: no statement is worth them.
        is_worth = any(isinstance(each.reading, Related | Paged) for each in below)
        chosen = Chosen(ROWS, kind.name, field, -1, {kind.name: below})
        return Selection({ROWS: chosen if is_worth else None}, {})

    def fields(
        self, kind: GraphQLObjectType, details: FieldDetailsList, *, own: bool
    ) -> tuple[Chosen, ...]:
        """What is selected of an object. Raises Unreadable."""
        collected = collect_subfields(
            self._schema,
            self._outline.fragments,
            self._variables,
            self._outline.operation,
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
        return isinstance(found, Kind) and not self._allows(self._actor, found.requires, False)

    def _may_find(self, kind: GraphQLObjectType) -> bool:
        found = kind.extensions.get(KIND)
        return isinstance(found, Kind) and self._allows(self._actor, found.requires, True)

    def _chosen(
        self, parent: GraphQLObjectType, key: str, details: FieldDetailsList, *, own: bool
    ) -> Chosen:
        node = details[0].node
        name = node.name.value
        where = f"{parent.name}.{name}"
        if len(key.encode()) > MAX_KEY:
            raise Unreadable(f"{where}: the key is too long")
        place = self._outline.places[id(node)]
        if name == "__typename":
            return Chosen(key, parent.name, None, place, {})
        found = self._schema.get_field(parent, name)
        if found is None or READING not in found.extensions:
            raise Unreadable(f"{where}: it is not declared how")
        guard = found.extensions.get(GUARD)
        if guard is not None and not self._allows(self._actor, guard, own):
            raise Unreadable(f"{where}: refused, or for some rows only")
        return Chosen(key, parent.name, found, place, self._below(found, details, own=own))

    def _below(
        self, found: GraphQLField, details: list[FieldDetails], *, own: bool
    ) -> Mapping[str, tuple[Chosen, ...] | Unreadable]:
        named = get_named_type(found.type)
        if is_leaf_type(named):
            return {}
        reading = found.extensions[READING]
        if isinstance(named, GraphQLInterfaceType):
            possible = self._schema.get_possible_types(named)
            seen = [each for each in possible if self._may_find(each)]
            return {each.name: self._if_readable(each, details) for each in seen}
        if not isinstance(named, GraphQLObjectType):
            raise Unreadable(f"{named.name} is a union")
        if KIND in named.extensions:
            # What a row leads to needn't be the caller's own, though the row is.
            own = not isinstance(reading, Attribute | Related | Expressed) and self.is_own(named)
        return {named.name: self.fields(named, details, own=own)}

    def _if_readable(
        self, kind: GraphQLObjectType, details: list[FieldDetails]
    ) -> tuple[Chosen, ...] | Unreadable:
        try:
            return self.fields(kind, details, own=self.is_own(kind))
        except Unreadable as reason:
            return reason
