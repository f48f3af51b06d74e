"""Finds the leaves of a plan straight in the variables, for requests of a shape already planned.

Converting and parameterizing the arguments gives the same for all requests of an operation, except
for the values of variables that end up as leaves. How these come about is seen by converting the
arguments once with ``Deferred`` values.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import NoneType
from typing import Any, Final, Self
from uuid import UUID

from graphql import VariableValues

from kit.graphql.deferred import Deferred

# A value of another type may decide the SQL, or hold several leaves.
_SIMPLE: Final = frozenset({NoneType, bool, date, datetime, int, str, UUID})


def shape_of(coerced: Mapping[str, Any]) -> Hashable:
    """Returns all that may affect the SQL of simple variables: the rest are values to bind."""
    kinds = [each if each.__class__ is bool else each.__class__ for each in coerced.values()]
    return *coerced, *kinds


@dataclass(frozen=True, slots=True)
class LeafProgram:
    """The leaves of one shape of variables: ``known`` ones, and those to fill in at a place.

    ``plan`` is the key of the plan that takes them; it ``is_whole`` if that answers all.
    """

    plan: Hashable
    is_whole: bool
    known: tuple[Any, ...]
    fills: tuple[tuple[int, str, Callable[[Any], Any] | None], ...]

    @classmethod
    def of(
        cls,
        leaves_of: Callable[[VariableValues], Sequence[Any]],
        variables: VariableValues,
        *,
        plan: Hashable,
        is_whole: bool,
    ) -> Self | None:
        """Returns the program of ``leaves_of``; None if the leaves need more than these values."""
        coerced = variables.coerced
        if any(each.__class__ not in _SIMPLE for each in coerced.values()):
            return None
        places = {
            name: each if each is None or each.__class__ is bool else Deferred(name)
            for name, each in coerced.items()
        }
        try:
            # Without sources, which a scalar would take the variables inside its literal from.
            known = leaves_of(VariableValues({}, places))
        except Exception:  # noqa: BLE001 - what looks into the values is asked each time
            return None
        fills = [
            (place, each.name, each.convert)
            for place, each in enumerate(known)
            if type(each) is Deferred
        ]
        made = cls(plan, is_whole, tuple(known), tuple(fills))
        return made if made.leaves(coerced) == list(leaves_of(variables)) else None

    def leaves(self, coerced: Mapping[str, Any]) -> list[Any]:
        """Returns the leaves of a request. Raises the refusal of a value."""
        leaves = [*self.known]
        for place, name, convert in self.fills:
            value = coerced[name]
            leaves[place] = value if convert is None else convert(value)
        return leaves
