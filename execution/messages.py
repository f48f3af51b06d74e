"""GraphQL requests and responses, whatever transport brings them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from execution.error_formatting import FormattedError, format_failure
from kit.operation_context import Operation

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class GraphQLRequest(NamedTuple):
    """A GraphQL request; without its text if it has only the hash of a persisted query."""

    text: str
    operation_name: str | None = None
    variables: Mapping[str, Any] = _NONE
    is_hash: bool = False


Printed = tuple[bytes, ...]
"""JSON in parts, which are never joined: what a compiled read returns may be large."""


class GraphQLResponse(NamedTuple):
    """A GraphQL response; unless ``executed``, nothing was run and there is no `data` key."""

    errors: list[FormattedError]
    data: dict[str, Any] | Printed | None = None
    extensions: Mapping[str, Any] = _NONE
    executed: bool = True

    @property
    def payload(self) -> dict[str, Any]:
        """The response as clients read it."""
        parts: dict[str, Any] = {"errors": self.errors} if self.errors else {}
        if self.executed:
            data = self.data
            parts["data"] = orjson.Fragment(b"".join(data)) if isinstance(data, tuple) else data
        if self.extensions:
            parts["extensions"] = self.extensions
        return parts

    @property
    def body(self) -> Printed:
        """The response as JSON."""
        if isinstance(self.data, tuple) and not self.errors and self.extensions:
            extensions = orjson.dumps(self.extensions)
            return b'{"data":', *self.data, b',"extensions":%b}' % extensions
        return (orjson.dumps(self.payload),)


def to_json(answer: GraphQLResponse) -> str:
    """Returns the response as JSON text."""
    return orjson.dumps(answer.payload).decode()


def refusal(error: Exception, operation: Operation) -> GraphQLResponse:
    """Returns the response for an operation that isn't executed because of an error."""
    errors = format_failure(error, operation.request)
    return GraphQLResponse(errors, extensions=extensions_of(operation), executed=False)


def extensions_of(operation: Operation) -> dict[str, Any]:
    """Returns the extensions of the response: its id, and what it cost once it was charged."""
    parts: dict[str, Any] = {"requestId": operation.request_id}
    if charge := operation.charge:
        parts["cost"] = {
            "requestedQueryCost": operation.cost,
            "actualQueryCost": operation.paid,
            "throttleStatus": {
                "maximumAvailable": charge.maximum,
                "currentlyAvailable": charge.currently_available,
                "restoreRate": charge.restore_rate,
            },
        }
    return parts
