"""Completes lists of plain objects in bulk, by a function compiled for their selection.

graphql-core completes each field of each object separately. If the fields only read attributes
that the caller may see of every object, that work is the same for all objects: each field of all is
read and completed together. What objects that come in runs have in common is printed once.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import lru_cache, partial
from itertools import repeat
from math import isfinite
from operator import attrgetter
from typing import Any, Final, Protocol, cast

import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    Undefined,
    get_nullable_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.type.scalars import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT

from execution.run_layout import RunLayout, printed_run
from kit.graphql.field_sources import GUARD, KIND, SOURCE, Attribute
from kit.graphql.value_runs import Run, ValueRuns
from kit.graphql.work_meter import Meter
from kit.operation_context import Operation
from permissions.policy import may_for_every_row
from schema.core.selected_fields import SYNC_READER

Complete = Callable[[Any], Any]
CompileRow = Callable[[GraphQLObjectType, FieldDetailsList], Complete]
"""Returns the function that completes the rows of a selection."""

Read = Callable[[Any, Operation], Any]

_TYPENAME: Final = "__typename"
_NONE: Final = type(None)
_MANY: Final = 4
"""From so many values on, it is quicker to complete them together."""
_ALIKE_IF_EQUAL: Final = (str, date, Enum)
"""Equal values of one of these types are shown alike."""
_PRINTED_A_WORK: Final = 16
"""So many objects of a run take as long to print as one field of an object takes to complete."""


class Execution(Protocol):
    """The parts of an executor that decide how lists are completed."""

    context_value: Any
    plans: Any
    meter: Meter
    compile_row: CompileRow | None

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
        return _Needed(compile_completion(execution, kind.of_type, details))
    if is_list_type(kind):
        return compile_list_completion(execution, kind, details)
    if is_leaf_type(kind):
        return _Leaf(kind)
    if is_object_type(kind):
        if execution.compile_row is not None and kind.extensions.get(KIND):
            return execution.compile_row(kind, details)
        return _ObjectCompletion(execution, kind, details)
    raise NotCompletable


def compile_list_completion(
    execution: Execution, kind: GraphQLList[GraphQLOutputType], details: FieldDetailsList
) -> "ListCompletion":
    """Returns the function for a list of this type. Both may raise NotCompletable."""
    item = get_nullable_type(kind.of_type)
    if not is_object_type(item):
        return ListCompletion(compile_completion(execution, kind.of_type, details), None)
    objects = _ObjectCompletion(execution, item, details)
    return ListCompletion(_Needed(objects) if is_non_null_type(kind.of_type) else objects, objects)


def plain_completion(kind: GraphQLOutputType) -> Complete:
    """Returns a function for scalars, enums, and lists of these, which may raise as well."""
    if is_non_null_type(kind):
        return _Needed(plain_completion(kind.of_type))
    if is_list_type(kind):
        return ListCompletion(plain_completion(kind.of_type), None)
    assert is_leaf_type(kind)
    return _Leaf(kind)


def _all_completed(complete: Complete, values: Sequence[Any]) -> Sequence[Any]:
    """Completes values, together if that is possible."""
    if isinstance(complete, _Leaf | _Needed | _ObjectCompletion):
        return complete.all(values)
    return [complete(each) for each in values]


def _shape(complete: Complete) -> Hashable:
    """Returns what a completion selects: equal ones complete a value alike."""
    match complete:
        case _Needed() | ListCompletion():
            return type(complete), _shape(complete.inner)
        case _Leaf():
            return complete.kind
        case _ObjectCompletion() if complete.reads_attributes:
            return tuple(part.shape for part in complete.parts)
        case _:
            # What is worked out may depend on the caller.
            return complete


class _Needed:
    """Completes values that must not be null."""

    def __init__(self, complete: Complete) -> None:
        self.inner = complete

    def __call__(self, value: Any) -> Any:
        if value is None:
            raise NotCompletable
        return self.inner(value)

    def all(self, values: Sequence[Any]) -> Sequence[Any]:
        if _NONE in {*map(type, values)}:
            raise NotCompletable
        return _all_completed(self.inner, values)


class ListCompletion:
    """Completes lists, and prints runs of objects."""

    def __init__(self, complete: Complete, objects: "_ObjectCompletion | None") -> None:
        self.inner = complete
        self._objects = objects

    def __call__(self, values: Any) -> Any:
        if values is None:
            return None
        if not isinstance(values, list | tuple | ValueRuns):
            raise NotCompletable
        given = [*values]
        if len(given) < _MANY:
            return [self.inner(each) for each in given]
        return [*_all_completed(self.inner, given)]

    def print_runs(self, values: ValueRuns) -> Iterator[bytes] | None:
        """Yields the JSON of each run of objects; returns None if the fields need the objects.

        May raise NotCompletable.
        """
        can_print = self._objects is not None and self._objects.reads_attributes
        return self._objects.print_runs(values) if self._objects and can_print else None


@lru_cache(maxsize=1_000)
def _enum_name(kind: GraphQLEnumType, value: Any) -> Any:
    # Strawberry looks through all values of the type.
    return kind.coerce_output_value(value)


class _Leaf:
    """Completes scalars and enums."""

    def __init__(self, kind: GraphQLLeafType) -> None:
        self.kind = kind
        is_enum = is_enum_type(kind)
        self._coerce: Complete = partial(_enum_name, kind) if is_enum else kind.coerce_output_value

    def __call__(self, value: Any) -> Any:
        if value is None:
            return None
        coerced = self._coerce(value)
        if coerced is None or coerced is Undefined:
            raise NotCompletable
        return coerced

    def all(self, values: Sequence[Any]) -> Sequence[Any]:
        kinds = {*map(type, values)}
        present = [each for each in values if each is not None] if _NONE in kinds else values
        if self._are_as_shown(kinds - {_NONE}, present):
            return values
        if len(kinds) == 1 and issubclass(next(iter(kinds)), _ALIKE_IF_EQUAL):
            shown = {each: self(each) for each in {*values}}
            return [shown[each] for each in values]
        return [self(each) for each in values]

    def _are_as_shown(self, kinds: set[type], values: Sequence[Any]) -> bool:
        """Returns whether coercing these values would return each as it is."""
        if kinds == {int} and self.kind is GraphQLInt:
            return bool(min(values) >= GRAPHQL_MIN_INT and max(values) <= GRAPHQL_MAX_INT)
        if kinds == {float} and self.kind is GraphQLFloat:
            return all(map(isfinite, values))
        return kinds == {str} and (self._coerce is str or self.kind is GraphQLString)


@dataclass(frozen=True, slots=True)
class _Part:
    """A selected field; ``attribute`` is what it reads, or None if it is worked out."""

    key: str
    label: bytes
    kind: GraphQLOutputType
    attribute: str | None
    read: Read
    complete: Complete

    @property
    def shape(self) -> Hashable:
        return self.key, self.attribute, _shape(self.complete)

    def printed(self, value: Any) -> bytes:
        return self.label + orjson.dumps(self.complete(value))

    def all_printed(self, values: Sequence[Any]) -> list[bytes]:
        """Prints values, equal ones once."""
        distinct = [*dict.fromkeys(values)]
        shown = map(orjson.dumps, _all_completed(self.complete, distinct))
        texts = dict(zip(distinct, map(self.label.__add__, shown), strict=True))
        return [texts[each] for each in values]

    def column(self, objects: Sequence[Any], operation: Operation) -> Sequence[Any]:
        """Returns the completed values of this field."""
        if self.attribute is None or self.attribute == _TYPENAME:
            values = [self.read(each, operation) for each in objects]
        else:
            values = [*map(attrgetter(self.attribute), objects)]
        return _all_completed(self.complete, values)


class _ObjectCompletion:
    """Completes objects of one type, all with the same selection."""

    def __init__(
        self, execution: Execution, kind: GraphQLObjectType, details: FieldDetailsList
    ) -> None:
        if kind.extensions.get(KIND) and execution.plans is not None:
            # In mutations and subscriptions, rows are completed by compiled reads.
            raise NotCompletable
        self._operation: Operation = execution.context_value
        self._meter = execution.meter
        fields = execution.collect_subfields(kind, details).grouped_field_set
        self.parts = [self._part(execution, kind, *field) for field in fields.items()]
        self._last: dict[str, tuple[Any, bytes]] = {}
        self._layout: RunLayout[_Part] | None = None
        # Our `is_type_of` functions use only the type of the value.
        self._is_one = cast("Callable[[Any, None], bool] | None", kind.is_type_of)

    def _part(
        self, execution: Execution, kind: GraphQLObjectType, key: str, below: FieldDetailsList
    ) -> _Part:
        name, label = below[0].node.name.value, orjson.dumps(key) + b":"
        if name == _TYPENAME:
            return _Part(key, label, kind, _TYPENAME, _constant(kind.name), _same)
        field = kind.fields[name]
        read, guard = field.extensions.get(SYNC_READER), field.extensions.get(GUARD)
        may_see = not guard or may_for_every_row(self._operation.actor, guard, own=False)
        if read is None or not may_see:
            raise NotCompletable
        source = field.extensions.get(SOURCE)
        attribute = source.name if isinstance(source, Attribute) else None
        complete = compile_completion(execution, field.type, below)
        return _Part(key, label, field.type, attribute, read, complete)

    def __call__(self, value: Any) -> Any:
        if value is None:
            return None
        self._check(value)
        operation = self._operation
        return {part.key: part.complete(part.read(value, operation)) for part in self.parts}

    def all(self, values: Sequence[Any]) -> list[Any]:
        """Completes objects field by field, not one by one."""
        kinds = {type(each): each for each in values}
        if kinds.pop(_NONE, self) is None:
            shown = iter(self.all([each for each in values if each is not None]))
            return [None if each is None else next(shown) for each in values]
        for each in kinds.values():
            self._check_kind(each)
        self._meter.add(len(self.parts) * len(values))
        columns = [part.column(values, self._operation) for part in self.parts]
        keys = [part.key for part in self.parts]
        return [*map(dict, map(zip, repeat(keys), zip(*columns, strict=True)))]

    def _check(self, value: Any) -> None:
        self._check_kind(value)
        self._meter.add(len(self.parts))

    def _check_kind(self, value: Any) -> None:
        if isinstance(value, Exception) or (self._is_one and not self._is_one(value, None)):
            raise NotCompletable

    @property
    def reads_attributes(self) -> bool:
        """Whether each field is an attribute as it is."""
        return all(part.attribute for part in self.parts)

    def print_runs(self, values: ValueRuns) -> Iterator[bytes]:
        """Yields the JSON of the objects, without the brackets of the list."""
        like: object = None
        for run in values.runs({part.attribute for part in self.parts if part.attribute}):
            if like is not run.like:
                like, (commons, columns) = run.like, self._template(run)
            self._meter.add(sum(map(len, run.places)) // _PRINTED_A_WORK)
            yield printed_run(commons, columns, run.places)

    def _template(self, run: Run) -> tuple[list[bytes], list[list[bytes]]]:
        """Returns what stands before, between and after the columns of a run, and the columns."""
        self._check(run.like)
        if self._layout is None or self._layout.of is not run.columns:
            self._layout = RunLayout.made(run.columns, self.parts)
        commons = [
            before + b",".join([self._printed(part, run.like) for part in parts]) + after
            for before, parts, after in self._layout.commons
        ]
        return commons, self._layout.columns

    def _printed(self, part: _Part, like: Any) -> bytes:
        """Prints a field of a value, once for runs that have the same object in it."""
        value = part.read(like, self._operation)
        last = self._last.get(part.key)
        if last is None or last[0] is not value:
            last = self._last[part.key] = value, part.printed(value)
        return last[1]


def _constant(value: Any) -> Read:
    return lambda _, __: value


def _same(value: Any) -> Any:
    return value
