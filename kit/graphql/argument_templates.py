"""Coerces the arguments of fields, with the literals of a document read once.

graphql-core puts the coerced values of variables into the arguments as they are. So the arguments
of a field in one document differ by these values alone, as long as the same variables are given
and the same ones are null.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final

from graphql import FieldNode, GraphQLField, VariableValues, get_argument_values

MAX_TEMPLATES: Final = 300
"""For one operation; beyond it all of them are built again. Clients need a few."""

Fill = Callable[[Mapping[str, Any]], Any]
"""Returns a value with the coerced variables in their places."""


class ArgumentTemplates:
    """Coerces the arguments of one operation's fields."""

    __slots__ = ("_fills",)

    def __init__(self) -> None:
        self._fills: dict[Hashable, Fill | None] = {}

    def read(
        self, key: Hashable, field: GraphQLField, node: FieldNode, variables: VariableValues
    ) -> Any:
        """Returns what ``get_argument_values`` does; raises GraphQLError like it.

        ``key`` identifies the field and its node within the operation.
        """
        coerced = variables.coerced
        template = key, *coerced, *[value is None for value in coerced.values()]
        try:
            fill = self._fills[template]
        except KeyError:
            return self._build(template, field, node, variables)
        return get_argument_values(field, node, variables) if fill is None else fill(coerced)

    def _build(
        self, template: Hashable, field: GraphQLField, node: FieldNode, variables: VariableValues
    ) -> Any:
        arguments = get_argument_values(field, node, variables)
        coerced = variables.coerced
        places = {name: value if value is None else _Place(name) for name, value in coerced.items()}
        # Without sources, which a scalar would take the variables inside its literal from.
        marked = get_argument_values(field, node, VariableValues({}, places))
        fill = _fill_of(marked) or (lambda _: marked)
        if len(self._fills) >= MAX_TEMPLATES:
            self._fills.clear()
        # A class that an input object is converted to would hide its places.
        self._fills[template] = fill if fill(coerced) == arguments else None
        return arguments


class _Place:
    """Stands for the value of a variable."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _fill_of(value: Any) -> Fill | None:
    """Returns the function that fills the places in a value; None if it has none."""
    if isinstance(value, _Place):
        return itemgetter(value.name)
    if not isinstance(value, dict | list):
        return None
    items = value.items() if isinstance(value, dict) else enumerate(value)
    fills = [(key, fill) for key, each in items if (fill := _fill_of(each))]
    return partial(_filled, value, fills) if fills else None


def _filled(
    template: Any, fills: Sequence[tuple[Any, Fill]], coerced: Mapping[str, Any]
) -> dict[str, Any] | list[Any]:
    value: Any = template.copy()
    for key, fill in fills:
        value[key] = fill(coerced)
    return value  # type: ignore[no-any-return]
