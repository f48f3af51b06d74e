"""Completes lists of plain objects in bulk, by a function compiled for their selection.

graphql-core completes each field of each object separately. If the fields only read attributes
that the caller may see of every object, that work is the same for all objects.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList

from kit.graphql.field_sources import GUARD, KIND
from kit.graphql.work_meter import Meter
from kit.operation_context import Operation
from permissions.policy import may_for_every_row
from schema.core.fields import SYNC_READER

Complete = Callable[[Any], Any]

_TYPENAME: Final = "__typename"


class Execution(Protocol):
    """The parts of an executor that decide how lists are completed."""

    context_value: Any
    plans: Any
    meter: Meter

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList, /
    ) -> Any: ...


class NotCompletable(Exception):
    """The list or value needs graphql-core's own completion."""


def compile_completion(
    execution: Execution, kind: GraphQLOutputType, details: FieldDetailsList
) -> Complete:
    """Returns a function that completes values of this type. Both may raise NotCompletable."""
    if is_non_null_type(kind):
        return _needed(compile_completion(execution, kind.of_type, details))
    if is_list_type(kind):
        return _list(compile_completion(execution, kind.of_type, details))
    if is_leaf_type(kind):
        return _leaf(kind.coerce_output_value)
    if is_object_type(kind):
        return _object(execution, kind, details)
    raise NotCompletable


def _needed(complete: Complete) -> Complete:
    def completed(value: Any) -> Any:
        if value is None:
            raise NotCompletable
        return complete(value)

    return completed


def _list(complete: Complete) -> Complete:
    def completed(values: Any) -> Any:
        if values is None:
            return None
        if not isinstance(values, list | tuple):
            raise NotCompletable
        return [complete(each) for each in values]

    return completed


def _leaf(coerce: Complete) -> Complete:
    def completed(value: Any) -> Any:
        if value is None:
            return None
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise NotCompletable
        return coerced

    return completed


def _object(execution: Execution, kind: GraphQLObjectType, details: FieldDetailsList) -> Complete:
    operation: Operation = execution.context_value
    if kind.extensions.get(KIND) and execution.plans is not None:
        # In mutations and subscriptions, rows are completed by compiled reads.
        raise NotCompletable
    parts: list[tuple[str, Callable[[Any, Operation], Any], Complete]] = []
    for key, below in execution.collect_subfields(kind, details).grouped_field_set.items():
        name = below[0].node.name.value
        if name == _TYPENAME:
            parts.append((key, _constant(kind.name), _same))
            continue
        field = kind.fields[name]
        read, guard = field.extensions.get(SYNC_READER), field.extensions.get(GUARD)
        if read is None or (guard and not may_for_every_row(operation.actor, guard, own=False)):
            raise NotCompletable
        parts.append((key, read, compile_completion(execution, field.type, below)))
    # Our `is_type_of` functions use only the value.
    is_one = cast("Callable[[Any, None], bool] | None", kind.is_type_of)
    work = len(parts)

    def completed(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, Exception) or (is_one and not is_one(value, None)):
            raise NotCompletable
        execution.meter.add(work)
        return {key: complete(read(value, operation)) for key, read, complete in parts}

    return completed


def _constant(value: Any) -> Callable[[Any, Operation], Any]:
    return lambda _, __: value


def _same(value: Any) -> Any:
    return value
