"""Prints the refusals of a mutation whose selected fields are all plain values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Self

import orjson
from graphql import GraphQLObjectType, get_named_type, is_leaf_type
from graphql.execution.collect_fields import FieldDetailsList

from execution.list_completion import Complete, NotCompletable, plain_completion
from kit.graphql.field_sources import GUARD, SOURCE, Attribute

_TYPENAME: Final = "__typename"
_Fields = Sequence[tuple[str, Callable[[Any], Any]]]
"""The key of each field, and what reads it of a refusal."""


class RefusalPrinter:
    """Prints the refusals whose type has no other fields than plain ones among the selected."""

    def __init__(self, fields: Mapping[GraphQLObjectType, _Fields]) -> None:
        self._fields = fields

    @classmethod
    def of(
        cls,
        types: Iterable[GraphQLObjectType],
        selected: Callable[[GraphQLObjectType], Mapping[str, FieldDetailsList]],
    ) -> Self:
        """Prepares some types of refusals, given the fields that are selected of each."""
        found = {kind: _fields(kind, selected(kind)) for kind in types}
        return cls({kind: fields for kind, fields in found.items() if fields is not None})

    def printed(self, refusals: Sequence[Any]) -> bytes | None:
        """Returns refusals as a JSON list; None if the executor has to complete it."""
        try:
            shown = [self._shown(each) for each in refusals]
        except NotCompletable:
            return None
        return orjson.dumps(shown)

    def _shown(self, refusal: Any) -> dict[str, Any]:
        for kind, fields in self._fields.items():
            assert kind.is_type_of is not None
            # Our `is_type_of` functions use only the value.
            if kind.is_type_of(refusal, None):  # type: ignore[arg-type]
                return {key: read(refusal) for key, read in fields}
        raise NotCompletable


def _fields(
    kind: GraphQLObjectType, selected: Mapping[str, FieldDetailsList]
) -> list[tuple[str, Callable[[Any], Any]]] | None:
    fields: list[tuple[str, Callable[[Any], Any]]] = []
    for key, details in selected.items():
        name = details[0].node.name.value
        if name == _TYPENAME:
            fields.append((key, partial(_constant, kind.name)))
            continue
        field = kind.fields[name]
        source, guard = field.extensions.get(SOURCE), field.extensions.get(GUARD)
        if not isinstance(source, Attribute) or guard is not None:
            return None
        if not is_leaf_type(get_named_type(field.type)):
            return None
        fields.append((key, partial(_completed, plain_completion(field.type), source.name)))
    return fields


def _constant(value: str, _: Any) -> str:
    return value


def _completed(complete: Complete, attribute: str, refusal: Any) -> Any:
    return complete(getattr(refusal, attribute))
