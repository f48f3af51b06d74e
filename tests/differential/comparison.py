"""Executes operations twice, compiled and field by field, on one snapshot."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import unified_diff
from itertools import islice
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson
from graphql import OperationType, VariableValues, print_ast

from execution.admission import Admission
from execution.document_cache import ParsedOperation
from execution.executor import Executor
from execution.messages import GraphQLRequest, GraphQLResponse
from execution.metrics import AnswerPath, Metrics
from execution.operations import Operations
from kit.graphql.compiler.plans import QueryPlan, UnmadePlan
from kit.operation_context import Operation
from kit.runtime import Runtime

# What others commit between the two ways is seen by the second only.
RACES: Final = 3
PASSING: Final = frozenset({"THROTTLED", "UNAVAILABLE"})
"""Errors of the moment, such as those of a database that a test has stopped."""


@dataclass
class Findings:
    """The differences found; ``tally`` counts operations by how they were read.

    Those are ``whole``, ``partly`` and ``not``: read at once, in part, or not at all. ``rows``
    counts those that changes and events showed, ``payloads`` what was printed of known mutations.
    """

    differences: list[str] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def compared(self) -> int:
        """The number of operations that were compiled, at least in part, and compared."""
        return self.tally["whole"] + self.tally["partly"]


class Ordinary(Operations):
    """Operations without compiled reads, which are neither charged nor logged."""

    @classmethod
    def beside(cls, operations: Operations) -> "Ordinary":
        made = object.__new__(cls)
        vars(made).update(vars(operations), _plans=None)
        made._admission = _Unpaid.like(operations._admission)
        made._metrics = _Uncounted.like(operations._metrics)
        return made

    async def answer(self, request: GraphQLRequest, like: Operation) -> GraphQLResponse:
        """Executes an operation field by field, after it was answered."""
        operation = self.operation(like.actor, like.request)
        operation.charge = like.charge
        operation.carried_out = like.carried_out
        return await self.run(request, operation)

    def _executor(self, *arguments: Any) -> Executor:
        execution = super()._executor(*arguments)
        execution.with_values = False
        return execution

    def _record(self, operation: Operation, *_: Any) -> None:
        pass


class Compared(Operations):
    """Executes operations as usual, and records differences from field-by-field execution."""

    def __init__(self, findings: Findings, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._findings = findings
        self._begin()

    @classmethod
    def beside(cls, operations: Operations, findings: Findings) -> "Compared":
        """Returns the operations with comparison."""
        made = object.__new__(cls)
        vars(made).update(vars(operations), _findings=findings)
        made._begin()
        return made

    def _begin(self) -> None:
        self._ordinary = Ordinary.beside(self)
        self._reads: WeakKeyDictionary[Operation, QueryPlan | None] = WeakKeyDictionary()

    async def run(
        self, request: GraphQLRequest, operation: Operation, *, reads_only: bool = False
    ) -> GraphQLResponse:
        answer = await super().run(request, operation, reads_only=reads_only)
        if operation in self._reads and not is_counted(self._runtime):
            await self._compare(request, operation, answer)
        if isinstance(answer.data, tuple) and operation.carried_out is not None:
            await self._compare_payload(request, operation, answer)
        return answer

    async def _compare_payload(
        self, request: GraphQLRequest, operation: Operation, ours: GraphQLResponse
    ) -> None:
        """Compares a printed payload with the same one as it is field by field."""
        if is_counted(self._runtime):
            return
        self._findings.tally["payloads"] += 1
        theirs = await self._ordinary.answer(request, operation)
        if as_read(ours) != as_read(theirs) and not _is_passing(theirs):
            self._findings.differences.append(_difference(request, operation, ours, theirs))

    async def _compare(
        self, request: GraphQLRequest, operation: Operation, answer: GraphQLResponse
    ) -> None:
        read = self._reads[operation]
        self._findings.tally["not" if read is None else "whole" if read.is_whole else "partly"] += 1
        if read is None:
            # Then it was the ordinary way that answered.
            return
        ours = answer
        for _ in range(RACES):
            theirs = await self._ordinary.answer(request, operation)
            if as_read(ours) == as_read(theirs) or _is_passing(ours) or _is_passing(theirs):
                return
            again = self.operation(operation.actor, operation.request)
            again.charge = operation.charge
            before, ours = ours, await Operations.run(_Quiet.beside(self), request, again)
            if as_read(before) == as_read(ours):
                # Nobody has written meanwhile: it is the way that makes the difference.
                self._findings.differences.append(_difference(request, operation, ours, theirs))
                return

    def _read(
        self, selected: ParsedOperation, variables: VariableValues, operation: Operation
    ) -> QueryPlan | UnmadePlan | AnswerPath:
        read = super()._read(selected, variables, operation)
        is_counted_here = self._plans is not None and selected.type is OperationType.QUERY
        if is_counted_here and not isinstance(read, UnmadePlan):
            self._reads[operation] = read if isinstance(read, QueryPlan) else None
        return read

    async def _compiled(
        self, unmade: UnmadePlan, selected: ParsedOperation, operation: Operation
    ) -> QueryPlan | AnswerPath:
        read = await super()._compiled(unmade, selected, operation)
        self._reads[operation] = read if isinstance(read, QueryPlan) else None
        return read

    async def _execute(
        self,
        selected: ParsedOperation,
        variables: VariableValues,
        operation: Operation,
        *,
        read: QueryPlan | None,
        failed: Exception | None = None,
    ) -> GraphQLResponse:
        if read is None and self._reads.get(operation) is not None:
            text = print_ast(selected.document.ast)
            described = _described(text, variables.coerced, operation)
            self._findings.differences.append(
                f"This couldn't be read as it was planned:\n{described}"
            )
        return await super()._execute(selected, variables, operation, read=read, failed=failed)


class _Quiet(Ordinary):
    """Compiled reads, which are neither charged nor logged."""

    @classmethod
    def beside(cls, operations: Operations) -> "_Quiet":
        made = object.__new__(cls)
        vars(made).update(vars(operations))
        made._admission = _Unpaid.like(operations._admission)
        made._metrics = _Uncounted.like(operations._metrics)
        return made


class _Uncounted(Metrics):
    """Metrics that ignore the comparison's own operations."""

    @classmethod
    def like(cls, metrics: Metrics) -> "_Uncounted":
        made = object.__new__(cls)
        vars(made).update(vars(metrics))
        return made

    def count_path(self, path: AnswerPath) -> None:
        pass


class _Unpaid(Admission):
    """Admission that charges nothing."""

    @classmethod
    def like(cls, admission: Admission) -> "_Unpaid":
        made = object.__new__(cls)
        vars(made).update(vars(admission))
        return made

    def charge(self, operation: Operation, cost: int) -> None:
        pass

    def charge_excess(self, operation: Operation, points: int) -> None:
        pass


def is_counted(runtime: Runtime) -> bool:
    """Returns whether a test counts statements."""
    return "text" in vars(runtime.database)


def as_read(answer: GraphQLResponse) -> Any:
    """Returns a response as clients read it; objects become pairs, so that key order counts.

    All but what it took: that is what the two ways differ in.
    """
    payload = orjson.loads(orjson.dumps(answer.payload))
    payload.get("extensions", {}).get("cost", {}).pop("actualQueryCost", None)
    return ordered(payload)


def ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, ordered(inner)) for key, inner in value.items()]
    return [ordered(inner) for inner in value] if isinstance(value, list) else value


def _is_passing(answer: GraphQLResponse) -> bool:
    return any(each["extensions"]["code"] in PASSING for each in answer.errors)


def _difference(
    request: GraphQLRequest, operation: Operation, ours: GraphQLResponse, theirs: GraphQLResponse
) -> str:
    expected, found = (
        orjson.dumps(each.payload, option=orjson.OPT_INDENT_2).decode().splitlines()
        for each in (theirs, ours)
    )
    changes = unified_diff(expected, found, "field by field", "at once", n=2, lineterm="")
    described = _described(request.text, request.variables, operation)
    return "\n".join([described, *islice(changes, 60)])


def _described(text: str, variables: Mapping[str, Any], operation: Operation) -> str:
    values = orjson.dumps(dict(variables), default=str).decode()
    return f"{text}\nvariables: {values}\nas: {operation.actor}"
