"""Mutations as they run without Strawberry: the call, the change, and the payload."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from graphql import GraphQLNamedType
from strawberry.types.base import StrawberryObjectDefinition

from domain.core.refusals import Refusal
from kit.operation_context import Operation
from permissions.roles import Permission
from resolvers.core.transactions import MutationResult

CHANGE: Final = "change"
"""The key of a mutation's ``Change`` in its field's metadata and extensions."""

USER_ERRORS: Final = "user_errors"
REPLAYED: Final = "replayed"
_DEFINITION: Final = "strawberry-definition"
_PAYLOAD: Final = "payload"


class Call(NamedTuple):
    """The arguments of a mutation's function, its idempotency key, and what refuses them."""

    values: dict[str, Any]
    key: str | None
    refused: list[Refusal]


CallReader = Callable[[Mapping[str, Any]], Call]
"""Converts coerced arguments. Raises Refusal and BadInput, without the place of the argument."""


class Change(NamedTuple):
    """Runs a mutation without Strawberry: ``carry_out`` returns the payload of a call."""

    requires: Permission
    read: CallReader
    carry_out: "Callable[[Operation, Payload, Call], Awaitable[Any]]"


class Payload:
    """The type of a mutation's payload, which makes its objects."""

    def __init__(self, definition: StrawberryObjectDefinition) -> None:
        self._make = definition.origin
        # The fields that hold a value; the others are computed.
        stored = [field for field in definition.fields if field.base_resolver is None]
        self._names = {field.python_name for field in stored}
        self._results = [
            field.python_name
            for field in stored
            if field.python_name not in (REPLAYED, USER_ERRORS)
        ]
        self._lists = {
            field.python_name for field in stored if type(field.type).__name__ == "StrawberryList"
        }

    @classmethod
    def of(cls, kind: GraphQLNamedType) -> "Payload":
        found = kind.extensions.get(_PAYLOAD)
        if found is None:
            found = kind.extensions[_PAYLOAD] = cls(kind.extensions[_DEFINITION])
        return found

    def done(self, outcome: MutationResult[Any]) -> Any:
        """Returns the payload of a change that was made."""
        values: dict[str, Any] = {USER_ERRORS: []}
        if len(self._results) == 1:
            values[self._results[0]] = outcome.result
        else:
            values |= {name: getattr(outcome.result, name) for name in self._results}
        if REPLAYED in self._names:
            values[REPLAYED] = outcome.replayed
        return self._make(**values)

    def refused(self, refusals: Sequence[Any]) -> Any:
        """Returns the payload of a change that was refused."""
        values: dict[str, Any] = {name: [] if name in self._lists else None for name in self._names}
        if REPLAYED in self._names:
            values[REPLAYED] = False
        return self._make(**{**values, USER_ERRORS: refusals})
