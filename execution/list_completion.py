"""Lists of plain objects, completed by one function that is made for what is selected of them.

graphql-core completes each field of each object by itself. Where fields only read attributes,
which the caller may see whatever the object, nothing of that depends on the object.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

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
from kit.operation_context import Operation
from permissions.policy import may_all
from schema.core.fields import PLAIN

if TYPE_CHECKING:
    from execution.executor import Execution

Complete = Callable[[Any], Any]

_TYPENAME: Final = "__typename"


class NotPlain(Exception):
    """Only graphql-core knows what becomes of it."""


def completer(
    execution: "Execution", kind: GraphQLOutputType, details: FieldDetailsList
) -> Complete:
    """What makes an answer of a value of this type; raises NotPlain, and so may what it gives."""
    if is_non_null_type(kind):
        return _needed(completer(execution, kind.of_type, details))
    if is_list_type(kind):
        return _list(completer(execution, kind.of_type, details))
    if is_leaf_type(kind):
        return _leaf(kind.coerce_output_value)
    if is_object_type(kind):
        return _object(execution, kind, details)
    raise NotPlain


def _needed(complete: Complete) -> Complete:
    def completed(value: Any) -> Any:
        if value is None:
            raise NotPlain
        return complete(value)

    return completed


def _list(complete: Complete) -> Complete:
    def completed(values: Any) -> Any:
        if values is None:
            return None
        if not isinstance(values, list | tuple):
            raise NotPlain
        return [complete(each) for each in values]

    return completed


def _leaf(coerce: Complete) -> Complete:
    def completed(value: Any) -> Any:
        if value is None:
            return None
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise NotPlain
        return coerced

    return completed


def _object(execution: "Execution", kind: GraphQLObjectType, details: FieldDetailsList) -> Complete:
    operation: Operation = execution.context_value
    if kind.extensions.get(KIND) and execution.plans is not None:
        # Of what a change or an event gave, rows are read anew.
        raise NotPlain
    parts: list[tuple[str, Callable[[Any, Operation], Any], Complete]] = []
    for key, below in execution.collect_subfields(kind, details).grouped_field_set.items():
        name = below[0].node.name.value
        if name == _TYPENAME:
            parts.append((key, _constant(kind.name), _same))
            continue
        field = kind.fields[name]
        read, guard = field.extensions.get(PLAIN), field.extensions.get(GUARD)
        if read is None or (guard and not may_all(operation.actor, guard, own=False)):
            raise NotPlain
        parts.append((key, read, completer(execution, field.type, below)))
    # Ours look at nothing but the value.
    is_one = cast("Callable[[Any, None], bool] | None", kind.is_type_of)
    work = len(parts)

    def completed(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, Exception) or (is_one and not is_one(value, None)):
            raise NotPlain
        execution.meter.add(work)
        return {key: complete(read(value, operation)) for key, read, complete in parts}

    return completed


def _constant(value: Any) -> Callable[[Any, Operation], Any]:
    return lambda _, __: value


def _same(value: Any) -> Any:
    return value
