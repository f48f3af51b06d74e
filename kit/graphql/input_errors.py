"""Reports errors in the values of variables, with the values in GraphQL's notation.

graphql-core finds them, but quotes values in Python's notation: `None`, `True`, `{'at': 5}`.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson
from graphql import GraphQLError, GraphQLInputType, VariableDefinitionNode
from graphql.pyutils import inspect, print_path_list
from graphql.utilities import validate_input_value

MAX_DEPTH: Final = 2
MAX_ITEMS: Final = 10
MAX_CHARACTERS: Final = 240

_NULL_IN_PYTHON: Final = " not to be None."


class _Enough(Exception):
    """Stops the validation: enough errors were found."""


def value_errors(
    definition: VariableDefinitionNode,
    type_: GraphQLInputType,
    value: Any,
    *,
    at_most: int,
    hide_suggestions: bool,
) -> list[GraphQLError]:
    """Returns the errors of a variable's value, each with its path; none if it is valid."""
    errors: list[GraphQLError] = []
    name = definition.variable.name.value

    def report(error: GraphQLError, path: list[str | int]) -> None:
        message = _in_graphql(error.message, _at(value, path))
        errors.append(
            GraphQLError(
                f"Variable '${name}' has invalid value{print_path_list(path)}: {message}",
                definition,
                extensions=error.extensions,
            )
        )
        if len(errors) >= at_most:
            raise _Enough

    with suppress(_Enough):
        validate_input_value(value, type_, report, hide_suggestions)
    return errors


def null_in_graphql(message: str) -> str:
    """Returns a message of graphql-core with `null` in place of `None`."""
    if not message.endswith(_NULL_IN_PYTHON):
        return message
    return f"{message.removesuffix(_NULL_IN_PYTHON)} not to be null."


def printed(value: Any) -> str:
    """Prints a JSON value in GraphQL's notation, shortened for people to read."""
    text = "".join(_parts(value, MAX_DEPTH))
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 3]}..."


def _in_graphql(message: str, value: Any) -> str:
    quoted = inspect(value)
    text = message.removesuffix(".")
    if text.endswith(quoted):
        return f"{text.removesuffix(quoted)}{printed(value)}{message[len(text) :]}"
    return null_in_graphql(message)


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        # A single value may be given where a list of it is expected.
        value = value[step]
    return value


def _parts(value: Any, depth: int) -> Iterator[str]:
    match value:
        case list() if value and depth == 0:
            yield "[...]"
        case dict() if value and depth == 0:
            yield "{...}"
        case list():
            yield "["
            for place, item in enumerate(value[:MAX_ITEMS]):
                yield ", " if place else ""
                yield from _parts(item, depth - 1)
            yield ", ...]" if len(value) > MAX_ITEMS else "]"
        case dict():
            yield "{"
            for place, (name, item) in enumerate(list(value.items())[:MAX_ITEMS]):
                yield f"{', ' if place else ''}{name[:MAX_CHARACTERS]}: "
                yield from _parts(item, depth - 1)
            yield ", ...}" if len(value) > MAX_ITEMS else "}"
        case str():
            yield orjson.dumps(value[:MAX_CHARACTERS].encode(errors="replace").decode()).decode()
        case int() if not isinstance(value, bool):
            # orjson prints at most 64 bits; literals of a document may be longer.
            yield str(value)[:MAX_CHARACTERS]
        case _:
            yield orjson.dumps(value).decode()
