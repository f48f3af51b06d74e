"""Runs queries that are stored, as those of webhooks, for an object each time."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from graphql import OperationType, VariableNode, print_ast
from strawberry import Schema

from execution.document_cache import Documents, ParsedOperation, RequestRejected
from execution.error_formatting import codes
from execution.messages import GraphQLRequest
from execution.operations import Operations
from kit.actor import Actor, Request
from kit.errors import Throttled, Unavailable
from kit.graphql.flat_document import root_fields
from kit.ids import NOBODY, new_id
from kit.operation_context import Operation
from kit.runtime import Runtime
from resolvers.webhooks.object_queries import MAX_QUERY_COST
from schema.core.global_ids import encode_id

_PASSING: Final = frozenset({Unavailable.code, Throttled.code, "INTERNAL"})
"""The codes of errors that don't tell what the actor can see."""


class StoredQueries:
    """Runs queries with the variable `$id: ID!` and the root field `node(id: $id)` alone.

    ``operations`` are those of a process, which throttle nobody: who caused an event doesn't pay
    for what follows.
    """

    def __init__(self, schema: Schema, operations: Operations, runtime: Runtime) -> None:
        self._core = schema._schema  # noqa: SLF001 - Strawberry has no other way to it
        self._documents = Documents(self._core)
        self._operations = operations
        self._runtime = runtime

    async def problems(self, query: str) -> Sequence[str]:
        """Returns why a query can't be stored, for a person; none if it can."""
        try:
            return await asyncio.to_thread(self._problems, query)
        except RequestRejected as rejected:
            return [each.message for each in rejected.errors]

    async def read(self, query: str, actor: Actor, type_name: str, id: UUID) -> object:
        """Returns what a query finds of an object; None if the actor can't see it.

        Raises Unavailable if that isn't known now.
        """
        request = GraphQLRequest(query, variables={"id": encode_id(type_name, id)})
        operation = Operation(self._runtime, actor, Request(new_id()))
        answer = await self._operations.run(request, operation, reads_only=True)
        if _PASSING.intersection(codes(answer.errors)):
            raise Unavailable("The object of a webhook can't be read now.")
        data: Any = answer.data
        if isinstance(data, tuple):
            data = orjson.loads(b"".join(data))
        return next(iter(data.values()), None) if data else None

    def _problems(self, query: str) -> list[str]:
        document = self._documents.read(query, is_anonymous=False)
        selected = document.operation(None)
        if selected.type is not OperationType.QUERY:
            return ["It must be a query."]
        if not _reads_the_object(selected):
            return ["Its variable must be `$id: ID!` alone, and its root field `node(id: $id)`."]
        variables = selected.variables(self._core).read(
            {"id": encode_id("", NOBODY)}, hide_suggestions=False
        )
        assert not isinstance(variables, list), "any text is an id"
        cost = selected.estimate(self._core).cost(variables)
        if cost > MAX_QUERY_COST:
            return [f"It costs {cost:,} points, and at most {MAX_QUERY_COST} are allowed."]
        return []


def _reads_the_object(selected: ParsedOperation) -> bool:
    declared = [
        (each.variable.name.value, print_ast(each.type))
        for each in selected.operation.variable_definitions or ()
    ]
    fields = [*root_fields(selected.document.ast, selected.operation)]
    if declared != [("id", "ID!")] or [each.name.value for each in fields] != ["node"]:
        return False
    given = fields[0].arguments[0].value if fields[0].arguments else None
    return isinstance(given, VariableNode) and not fields[0].directives
