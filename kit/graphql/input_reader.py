"""Coerces JSON values to input types, with each type's fields and rules looked up once."""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    Undefined,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_default_value

Read = Callable[[Any], Any]
"""Returns a coerced value, or Undefined for one that isn't valid."""


class InputReader:
    """Coerces values to a type as graphql-core's ``coerce_input_value`` does.

    If ``is_recursive``, it calls itself as deep as the value is nested.
    """

    def __init__(self, kind: GraphQLInputType) -> None:
        self._objects: dict[str, Read] = {}
        self._open: set[str] = set()
        self.is_recursive = False
        self.read = self._of(kind)

    def _of(self, kind: GraphQLInputType) -> Read:
        read = self._of_value(kind.of_type if is_non_null_type(kind) else kind)
        for_null = Undefined if is_non_null_type(kind) else None
        return lambda value: for_null if value is None else read(value)

    def _of_value(self, kind: Any) -> Read:
        """Returns the function for values that aren't null."""
        if is_leaf_type(kind):
            return _leaf(kind.coerce_input_value)
        if is_list_type(kind):
            return _list(self._of(kind.of_type))
        assert is_input_object_type(kind)
        name = kind.name
        if name in self._open:
            self.is_recursive = True
            return lambda value: self._objects[name](value)
        if name not in self._objects:
            self._open.add(name)
            self._objects[name] = self._object(kind)
            self._open.remove(name)
        return self._objects[name]

    def _object(self, kind: GraphQLInputObjectType) -> Read:
        fields = [
            (
                name,
                field.out_name or name,
                self._of(field.type),
                is_required_input_field(field),
                field if coerce_default_value(field) is not Undefined else None,
            )
            for name, field in kind.fields.items()
        ]
        names, build = frozenset(kind.fields), kind.out_type

        def read(value: Any) -> Any:
            if not isinstance(value, dict) or not names.issuperset(value):
                return Undefined
            coerced: dict[str, Any] = {}
            for name, out_name, read_field, is_required, with_default in fields:
                if name in value:
                    coerced[out_name] = each = read_field(value[name])
                    if each is Undefined:
                        return Undefined
                elif is_required:
                    return Undefined
                elif with_default is not None:
                    coerced[out_name] = coerce_default_value(with_default)
            return build(coerced)

        if not kind.is_one_of:
            return read

        def read_one(value: Any) -> Any:
            if not isinstance(value, dict) or len(value) != 1 or None in value.values():
                return Undefined
            return read(value)

        return read_one


def _leaf(coerce: Read) -> Read:
    def read(value: Any) -> Any:
        try:
            return coerce(value)
        except Exception:  # noqa: BLE001 - as graphql-core does: another function says why
            return Undefined

    return read


def _list(read_item: Read) -> Read:
    def read(value: Any) -> Any:
        # A single value stands for a list of it.
        coerced = [*map(read_item, value if isinstance(value, list) else [value])]
        return Undefined if any(each is Undefined for each in coerced) else coerced

    return read
