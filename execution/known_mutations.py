"""Runs an operation of one mutation without executing its document field by field.

Its payload selects rows, `userErrors`, `replayed` and `__typename` only. If the mutation fails, or
what is selected of its refusals or rows can't be printed, the document is executed after all, with
what the mutation returned (``Operation.carried_out``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Self

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    VariableValues,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_object_type,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)

from domain.core.refusals import Refusal
from execution.messages import Printed
from execution.refusal_printer import RefusalPrinter
from kit.actor import Actor
from kit.errors import BadInput
from kit.graphql.compiler.document_signature import NormalizedOperation
from kit.graphql.compiler.plans import Plans, RowPlan
from kit.graphql.field_sources import GUARD, KIND, SOURCE, Attribute
from kit.operation_context import Operation
from permissions.policy import may
from schema.core.changes import CHANGE, REPLAYED, USER_ERRORS, Call, Change, Payload

_FLAGS: Final = (b"false", b"true")


@dataclass(frozen=True, slots=True)
class _Part:
    """A selected field of the payload; ``text`` is all of it that is the same for every request.

    The rest is the attribute: a row of type ``kind``, refusals, or a flag; None if there is none.
    """

    text: bytes
    attribute: str | None = None
    kind: GraphQLObjectType | None = None
    details: FieldDetailsList | None = None
    refusals: RefusalPrinter | None = None

    def refused(self, refusals: Sequence[Any]) -> bytes | None:
        """Returns all of it after a refusal; None if the executor has to complete it."""
        if self.refusals is not None:
            return self.refusals.printed(refusals)
        if self.kind is not None:
            return b"null"
        return _FLAGS[False] if self.attribute == REPLAYED else b""


@dataclass(frozen=True, slots=True)
class KnownMutation:
    """An operation of one mutation, prepared for all requests without boolean variables."""

    normalized: NormalizedOperation
    field: GraphQLField
    place: int
    change: Change
    payload: Payload
    parts: Sequence[_Part]
    only_row: _Part | None

    @classmethod
    def of(
        cls, schema: GraphQLSchema, normalized: NormalizedOperation, variables: VariableValues
    ) -> Self | None:
        """Returns the prepared operation, or None if it has to be executed."""
        root, operation = schema.mutation_type, normalized.operation
        assert root is not None
        collected = collect_fields(schema, normalized.fragments, variables, root, operation)
        if len(collected.grouped_field_set) != 1:
            return None
        [(key, details)] = collected.grouped_field_set.items()
        node = details[0].node
        field = root.fields.get(node.name.value)
        change = field.extensions.get(CHANGE) if field is not None else None
        if field is None or change is None:
            return None
        kind = get_named_type(field.type)
        assert is_object_type(kind)
        collect = partial(collect_subfields, schema, normalized.fragments, variables, operation)
        below = collect(kind, details).grouped_field_set
        before, parts = f'{{"{key}":{{', list[_Part]()
        for each, found in below.items():
            part = _part(f'{before}"{each}":', kind, found)
            if part is None:
                return None
            if part.attribute == USER_ERRORS:
                part = replace(part, refusals=_printer(schema, kind, found, collect))
            parts.append(part)
            before = ","
        place = normalized.places[id(node)]
        rows = [part for part in parts if part.kind is not None]
        only_row = rows[0] if len(rows) == 1 else None
        return cls(normalized, field, place, change, Payload.of(kind), parts, only_row)

    def call(self, variables: VariableValues, actor: Actor) -> Call | None:
        """Returns the call of a request; None if the executor has to say what refuses it."""
        if not may(actor, self.change.requires):
            return None
        node = self.normalized.nodes[self.place]
        try:
            return self.change.read(
                self.normalized.arguments.read(self.place, self.field, node, variables)
            )
        except (BadInput, GraphQLError, Refusal):
            return None

    async def run(
        self, call: Call, variables: VariableValues, operation: Operation, plans: Plans
    ) -> Printed | None:
        """Carries the mutation out; returns None if the executor has to complete the response."""
        row_part = self.only_row
        plan = self._plan(row_part, variables, operation, plans) if row_part else None
        if plan is not None and plan.plan.is_of_row:
            operation.showing = plan.of_row
        try:
            made = await self.change.carry_out(operation, self.payload, call)
        except Exception as error:  # noqa: BLE001 - the executor reports it as the field's error
            operation.carried_out = error
            return None
        operation.carried_out = made
        if refusals := getattr(made, USER_ERRORS):
            return self._refused(refusals)
        printed: list[bytes] = []
        for part in self.parts:
            printed.append(part.text)
            if part.kind is not None:
                row = operation.shown or await self._row(part, made, variables, operation, plans)
                if row is None:
                    return None
                printed.append(row.encode())
            elif part.refusals is not None:
                printed.append(b"[]")
            elif part.attribute is not None:
                printed.append(_FLAGS[getattr(made, part.attribute)])
        return *printed, b"}}"

    def _refused(self, refusals: Sequence[Any]) -> Printed | None:
        printed: list[bytes] = []
        for part in self.parts:
            rest = part.refused(refusals)
            if rest is None:
                return None
            printed += (part.text, rest)
        return *printed, b"}}"

    def _plan(
        self, part: _Part, variables: VariableValues, operation: Operation, plans: Plans
    ) -> RowPlan | None:
        """Returns the plan that reads a row's selection; None if the executor has to read it."""
        assert part.kind is not None and part.details is not None
        try:
            plan = plans.rows(
                self.normalized,
                variables,
                operation.actor,
                operation.runtime.clock(),
                kind=part.kind,
                details=part.details,
            )
        except Exception:  # noqa: BLE001 - the executor plans it again, and reports the error
            return None
        return plan if isinstance(plan, RowPlan) else None

    async def _row(
        self,
        part: _Part,
        made: Any,
        variables: VariableValues,
        operation: Operation,
        plans: Plans,
    ) -> str | None:
        """Reads the selection of a row in one statement; None if the executor has to read it."""
        assert part.kind is not None
        row = getattr(made, str(part.attribute))
        plan = self._plan(part, variables, operation, plans)
        if plan is None or not isinstance(row, part.kind.extensions[KIND].model):
            return None
        try:
            (texts,) = await operation.scope.fetch_raw(plan.plan.sql, plan.values([row.id]))
        except Exception:  # noqa: BLE001 - the executor reads it again, and reports the error
            return None
        return texts[0]  # type: ignore[no-any-return]


def _printer(
    schema: GraphQLSchema,
    payload: GraphQLObjectType,
    details: FieldDetailsList,
    collect: Callable[[GraphQLObjectType, FieldDetailsList], CollectedFields],
) -> RefusalPrinter:
    shown = get_named_type(payload.fields[details[0].node.name.value].type)
    assert is_abstract_type(shown)

    def selected(error: GraphQLObjectType) -> Mapping[str, FieldDetailsList]:
        return collect(error, details).grouped_field_set

    return RefusalPrinter.of(schema.get_possible_types(shown), selected)


def _part(text: str, payload: GraphQLObjectType, details: FieldDetailsList) -> _Part | None:
    name = details[0].node.name.value
    if name == "__typename":
        return _Part(f'{text}"{payload.name}"'.encode())
    field = payload.fields[name]
    source = field.extensions.get(SOURCE)
    if not isinstance(source, Attribute) or field.extensions.get(GUARD) is not None:
        return None
    if source.name == USER_ERRORS:
        return _Part(text.encode(), USER_ERRORS)
    if source.name == REPLAYED:
        return _Part(text.encode(), REPLAYED)
    kind = get_nullable_type(field.type)
    if is_object_type(kind) and KIND in kind.extensions:
        return _Part(text.encode(), source.name, kind, details)
    return None
