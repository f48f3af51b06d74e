"""Compares the rows of payloads and events, compiled and field by field, on one snapshot."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final

import orjson
from graphql import GraphQLError, print_ast

from execution.executor import Executor
from tests.differential.comparison import Findings, is_counted, ordered

_IS_ORDINARY: Final[ContextVar[bool]] = ContextVar("is_ordinary", default=False)

ReadRow = Callable[..., Any]


def compared_rows(read_row: ReadRow, findings: Findings) -> ReadRow:
    """Returns ``Executor._read_row``, which notes where a row isn't what it is field by field."""

    def reading(
        execution: Executor, kind: Any, details: Any, row: Any, completed: Callable[[], Any]
    ) -> Any:
        if _IS_ORDINARY.get():
            return completed()
        found = read_row(execution, kind, details, row, completed)
        if not execution.is_awaitable(found) or is_counted(execution.context_value.scope.runtime):
            return found
        return comparing(execution, details, found, completed)

    async def comparing(
        execution: Executor, details: Any, found: Awaitable[Any], completed: Callable[[], Any]
    ) -> Any:
        shown = await found
        if not isinstance(shown, orjson.Fragment):
            return shown
        findings.tally["rows"] += 1
        ours, theirs = (
            ordered(_plain(shown)),
            ordered(_plain(await _ordinary(execution, completed))),
        )
        if ours != theirs:
            asked = print_ast(details[0].node)
            findings.differences.append(f"{asked}\nfield by field: {theirs}\nat once: {ours}")
        return shown

    return reading


async def _ordinary(execution: Executor, completed: Callable[[], Any]) -> Any:
    """Executes the row field by field; errors fail the comparison, not the response."""
    token = _IS_ORDINARY.set(True)
    try:
        done = completed()
        return await done if execution.is_awaitable(done) else done
    except GraphQLError as error:
        return {"failed": str(error)}
    finally:
        _IS_ORDINARY.reset(token)


def _plain(shown: Any) -> Any:
    return orjson.loads(orjson.dumps(shown))
