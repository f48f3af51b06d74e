"""The way of an operation, whatever brings it: weighed, charged, run, told to the logs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, Final, cast

import structlog
from graphql import ExecutionResult, OperationType
from graphql.execution import Executor
from graphql.execution.execute import create_source_event_stream, map_source_to_response_event
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable

from kit.errors import BadInput, RequestError, Throttled, Unavailable
from kit.limits import cost_errors, variable_errors
from kit.operation import Operation
from kit.scope import ANONYMOUS, Actor, Request, Runtime
from web.documents import Documents, Rejected, Selected
from web.errors import Shown, codes, refused, shown
from web.limits import Allowance
from web.metrics import Metrics

MAX_NAME: Final = 100
PATIENCE_SECONDS: Final = 12
"""The longest that a query or mutation may take, with all that it has to wait for."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants to have done."""

    text: str
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. Without ``executed`` nothing was run, and there is no data at all."""

    errors: list[Shown]
    data: dict[str, Any] | None = None
    extensions: dict[str, Any] = field(default_factory=dict)
    executed: bool = True

    @property
    def payload(self) -> dict[str, Any]:
        """The answer as clients read it."""
        parts: dict[str, Any] = {"errors": self.errors} if self.errors else {}
        if self.executed:
            parts["data"] = self.data
        if self.extensions:
            parts["extensions"] = self.extensions
        return parts


class Operations:
    """Runs what clients ask for, on behalf of whom they are."""

    def __init__(
        self, schema: Schema, runtime: Runtime, allowance: Allowance, metrics: Metrics
    ) -> None:
        self._schema = schema
        self._core = schema._schema  # noqa: SLF001 - Strawberry has no other way to it
        self._documents = Documents(self._core)
        self._runtime = runtime
        self._allowance = allowance
        self._metrics = metrics

    def operation(self, actor: Actor, request: Request) -> Operation:
        """The context that one operation runs in."""
        return Operation(self._runtime, actor, request)

    def refuse(self, error: Exception, operation: Operation) -> Answer:
        """The answer where an operation doesn't even begin; told to the logs like any other."""
        answer = _refusal(error, operation)
        self._tell(operation, answer, None, perf_counter())
        return answer

    async def run(self, asked: Asked, operation: Operation, *, reads_only: bool = False) -> Answer:
        """A query or mutation, or the refusal of one. Raises NotAQuery where only these may run."""
        began = perf_counter()
        selected = None
        try:
            selected = self._select(asked, operation)
            if reads_only and selected.type is not OperationType.QUERY:
                raise NotAQuery
            if selected.type is OperationType.SUBSCRIPTION:
                raise BadInput("Subscriptions need a WebSocket (graphql-transport-ws).")
            executor = self._admitted(selected, asked, operation)
            result = executor.execute_operation()
            if executor.is_awaitable(result):
                result = await result
            answer = self._answer(cast("ExecutionResult", result), operation)
        except Rejected as rejected:
            answer = self._rejection(rejected, operation)
        except RequestError as error:
            answer = _refusal(error, operation)
        finally:
            await operation.rest()
        self._tell(operation, answer, selected, began)
        return answer

    async def stream(self, asked: Asked, operation: Operation) -> AsyncGenerator[Answer]:
        """The answers to an operation of any type; one that isn't executed ends it."""
        try:
            selected = self._select(asked, operation)
        except Rejected as rejected:
            answer = self._rejection(rejected, operation)
            self._tell(operation, answer, None, perf_counter())
            yield answer
            return
        if selected.type is not OperationType.SUBSCRIPTION:
            try:
                async with in_time():
                    answer = await self.run(asked, operation)
            except Unavailable as error:
                answer = self.refuse(error, operation)
            yield answer
            return
        async with aclosing(self._events(selected, asked, operation)) as events:
            async for answer in events:
                yield answer

    async def _events(
        self, selected: Selected, asked: Asked, operation: Operation
    ) -> AsyncGenerator[Answer]:
        began = perf_counter()
        last = Answer([])
        try:
            executor = self._admitted(selected, asked, operation)
            source = create_source_event_stream(executor)
            if executor.is_awaitable(source):
                source = await source
            if isinstance(source, ExecutionResult):
                last = replace(self._answer(source, operation), executed=False)
                yield last
                return
            results = map_source_to_response_event(executor, cast("AsyncIterable[Any]", source))
            async with aclosing(results):
                async for result in results:
                    # Clients that are slow to take it would hold all connections meanwhile.
                    await operation.rest()
                    yield Answer(shown(result.errors or (), operation.request), result.data)
        except Rejected as rejected:
            last = self._rejection(rejected, operation)
            yield last
        except Exception as error:  # noqa: BLE001 - shown as every error is: masked and logged
            last = _refusal(error, operation)
            yield last
        finally:
            await operation.rest()
            self._tell(operation, last, selected, began)

    def _select(self, asked: Asked, operation: Operation) -> Selected:
        return self._documents.select(
            asked.text, asked.operation_name, hide_suggestions=operation.actor == ANONYMOUS
        )

    def _admitted(self, selected: Selected, asked: Asked, operation: Operation) -> Executor[Any]:
        """The operation with its variables read and its cost paid. Raises Rejected, Throttled."""
        if errors := variable_errors(asked.variables):
            raise Rejected("TOO_COMPLEX", errors)
        executor = self._schema.execution_context_class.build(
            self._core,
            selected.document.ast,
            None,
            operation,
            dict(asked.variables),
            asked.operation_name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            # Strangers aren't helped to find out what there is.
            hide_suggestions=operation.actor == ANONYMOUS,
        )
        if isinstance(executor, list):
            raise Rejected(BadInput.code, executor)
        operation.cost = selected.estimate(self._core).cost(executor.variable_values)
        if errors := cost_errors(operation.cost):
            raise Rejected("TOO_COMPLEX", errors)
        self._charge(operation, operation.cost)
        return executor

    def _charge(self, operation: Operation, cost: int) -> None:
        charge = operation.charge = self._allowance.charge(
            operation.actor, operation.request.ip_address, cost, now=self._runtime.clock()
        )
        if not charge.allowed:
            raise Throttled(
                f"Too many requests: this costs {max(cost, 1)} points and "
                f"{charge.currently_available} are left; {charge.restore_rate} come back a second.",
                retry_after_seconds=charge.retry_after_seconds,
            )

    def _rejection(self, rejected: Rejected, operation: Operation) -> Answer:
        try:
            # What is refused had to be read, too.
            self._charge(operation, 0)
        except Throttled as error:
            return _refusal(error, operation)
        errors = shown(rejected.errors, operation.request, code=rejected.code)
        return Answer(errors, extensions=_extensions(operation, paid=0), executed=False)

    def _answer(self, result: ExecutionResult, operation: Operation) -> Answer:
        errors = shown(result.errors or (), operation.request)
        extensions = _extensions(operation, paid=operation.cost)
        # Nothing but "try again": then so says the status, which is what proxies go by.
        nothing_done = codes(errors) == [Unavailable.code] and not any((result.data or {}).values())
        return Answer(errors, result.data, extensions, executed=not nothing_done)

    def _tell(
        self, operation: Operation, answer: Answer, selected: Selected | None, began: float
    ) -> None:
        seconds = perf_counter() - began
        kind = selected.type.value if selected else "unknown"
        status = "refused" if not answer.executed else "partial" if answer.errors else "ok"
        self._metrics.count(kind, status, seconds)
        log.info(
            "operation",
            request=str(operation.request.id),
            name=selected.name[:MAX_NAME] if selected and selected.name else None,
            type=kind,
            status=status,
            codes=codes(answer.errors),
            cost=operation.cost,
            duration_ms=round(seconds * 1000, 1),
            tenant=str(operation.actor.tenant_id) if operation.actor.tenant_id else None,
        )


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Give the block up where it takes longer than anybody waits. Raises Unavailable."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except TimeoutError as error:
        raise Unavailable("This takes too long now; try again in a moment.") from error


class NotAQuery(Exception):
    """Only queries may be sent this way."""


def _refusal(error: Exception, operation: Operation) -> Answer:
    errors = refused(error, operation.request)
    return Answer(errors, extensions=_extensions(operation, paid=0), executed=False)


def _extensions(operation: Operation, *, paid: int) -> dict[str, Any]:
    parts: dict[str, Any] = {"requestId": str(operation.request.id)}
    if charge := operation.charge:
        parts["cost"] = {
            "requestedQueryCost": operation.cost,
            "actualQueryCost": paid,
            "throttleStatus": {
                "maximumAvailable": charge.maximum,
                "currentlyAvailable": charge.currently_available,
                "restoreRate": charge.restore_rate,
            },
        }
    return parts
