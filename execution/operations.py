"""Runs operations for any transport: validates, charges, executes and logs them."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import partial
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

import orjson
import structlog
from graphql import ExecutionResult, OperationType, VariableValues
from graphql.execution.execute import create_source_event_stream, execute_subscription_event
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable

from execution.admission import Admission
from execution.caller_rate_limit import RateLimiter
from execution.concurrency_limits import ConcurrencyLimits, login_of
from execution.deadline import within_deadline
from execution.document_cache import Documents, ParsedOperation, RequestRejected
from execution.error_formatting import (
    REFUSALS,
    FormattedError,
    codes,
    format_errors,
    format_failure,
    in_document_order,
)
from execution.event_batches import EventBatch
from execution.executor import Executor
from execution.list_completion import NotCompletable
from execution.metrics import AnswerPath, Metrics
from execution.payer import Payer
from execution.shared_subscriptions import SubscriptionKey, SubscriptionRegistry
from execution.subscriber import ClientDisconnected, ClientTooSlow, Subscriber
from kit.actor import Actor, Request
from kit.errors import BadInput, NotPersisted, RequestError, Throttled, Unavailable
from kit.events.event_streams import EventStream
from kit.graphql.compiler.plans import Plans, QueryPlan, UnmadePlan
from kit.graphql.query_limits import cost_errors, variable_weight
from kit.graphql.work_meter import Meter
from kit.ids import new_id
from kit.operation_context import Operation
from kit.postgres.failures import is_away, sqlstate
from kit.runtime import Runtime
from kit.security.network_addresses import network_of
from kit.security.token_bucket import Charge
from permissions.policy import may_for_every_row
from schema.core.scalars import IN_SQL

MAX_NAME: Final = 100

EVENT_COST: Final = 3
"""Points of each live event, plus those of its selection: it is read, checked and sent."""

SOCKET_COST: Final = 3
"""Points of the first message of a socket, for which a token is checked and then watched."""

REFUSED_CREDENTIALS_COST: Final = 10
"""Points of invalid credentials, because checking them takes work."""

# Looking up an enum's attribute takes longer than the rest of counting.
_COMPILED: Final = AnswerPath.COMPILED

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})

log = structlog.get_logger(__name__)


class GraphQLRequest(NamedTuple):
    """A GraphQL request; without its text if it has only the hash of a persisted query."""

    text: str
    operation_name: str | None = None
    variables: Mapping[str, Any] = _NONE
    is_hash: bool = False


class GraphQLResponse(NamedTuple):
    """A GraphQL response; unless ``executed``, nothing was run and there is no `data` key."""

    errors: list[FormattedError]
    data: dict[str, Any] | orjson.Fragment | None = None
    extensions: Mapping[str, Any] = _NONE
    executed: bool = True

    @property
    def payload(self) -> dict[str, Any]:
        """The response as clients read it."""
        parts: dict[str, Any] = {"errors": self.errors} if self.errors else {}
        if self.executed:
            parts["data"] = self.data
        if self.extensions:
            parts["extensions"] = self.extensions
        return parts


class Operations:
    """Runs the requests of clients as their actors."""

    def __init__(
        self,
        schema: Schema,
        runtime: Runtime,
        rate_limiter: RateLimiter,
        limits: ConcurrencyLimits,
        metrics: Metrics,
        *,
        compiled: bool = True,
    ) -> None:
        self._core = schema._schema  # noqa: SLF001 - Strawberry has no other way to it
        self._runtime = runtime
        self._rate_limiter = rate_limiter
        self._limits = limits
        self._admission = Admission(Documents(self._core), rate_limiter, runtime.clock)
        self._metrics = metrics
        self._subscriptions = SubscriptionRegistry()
        # Bound once: the lazy logger looks up its configuration at each call.
        self._log = log.bind()
        self._plans = Plans(self._core, IN_SQL, may_for_every_row) if compiled else None

    def operation(self, actor: Actor, request: Request) -> Operation:
        """Returns the context for one operation."""
        return Operation(self._runtime, actor, request)

    async def is_open(self, request: GraphQLRequest, operation: Operation) -> bool:
        """Returns whether a request needs no credentials. Raises Throttled."""
        try:
            return (await self._selected(request, operation)).is_open(self._core)
        except RequestRejected:
            return False

    def charge_refused_credentials(self, operation: Operation) -> None:
        """Charges the client's address. Raises Throttled."""
        self._admission.charge(operation, REFUSED_CREDENTIALS_COST)

    def charge_socket(self, operation: Operation) -> None:
        """Charges the caller of a new socket. Raises Throttled."""
        self._admission.charge(operation, SOCKET_COST)

    def refuse(self, error: Exception, operation: Operation) -> GraphQLResponse:
        """Returns the response for an operation that can't begin, and logs it like any other."""
        answer = _refusal(error, operation)
        self._record(operation, answer, None, perf_counter())
        return answer

    async def run(
        self, request: GraphQLRequest, operation: Operation, *, reads_only: bool = False
    ) -> GraphQLResponse:
        """Runs a query or mutation. Raises NotAQuery if ``reads_only`` and it isn't a query."""
        began = perf_counter()
        selected = None
        try:
            selected = self._known(request, operation)
            if selected is None:
                selected = await self._admission.selected(
                    request.text, request.operation_name, operation
                )
            if reads_only and selected.type is not OperationType.QUERY:
                raise NotAQuery
            if selected.type is OperationType.SUBSCRIPTION:
                raise BadInput(
                    "Subscriptions need a WebSocket (graphql-transport-ws) or text/event-stream."
                )
            variables = self._validate_and_charge(selected, request, operation)
            read = self._read(selected, variables, operation)
            if isinstance(read, UnmadePlan):
                read = await self._compiled(read, selected, operation)
            if not isinstance(read, QueryPlan):
                self._metrics.count_path(read)
                answer = await self._execute(selected, request, operation, read=None)
            elif read.is_whole:
                answer = await self._run_compiled(read, selected, request, operation)
            else:
                self._metrics.count_path(AnswerPath.IN_PART)
                answer = await self._execute(selected, request, operation, read=read)
        except RequestRejected as rejected:
            answer = self._rejection(rejected, operation)
        except RequestError as error:
            answer = _refusal(error, operation)
        finally:
            await operation.close()
        self._record(operation, answer, selected, began)
        return answer

    def _read(
        self, selected: ParsedOperation, variables: VariableValues, operation: Operation
    ) -> QueryPlan | UnmadePlan | AnswerPath:
        """Returns the plan of the compilable part, or why the operation runs field by field."""
        if selected.type is not OperationType.QUERY:
            return AnswerPath.MUTATION
        if self._plans is None:
            return AnswerPath.OFF
        try:
            read = self._plans.read(
                selected.normalize(), variables, operation.actor, self._runtime.clock()
            )
        except Exception as error:  # noqa: BLE001 - the fields themselves report it
            return _without_plan(error, selected, operation)
        if read is not None:
            return read
        has_tenant = operation.actor.tenant_id is not None
        return AnswerPath.NOT_COMPILABLE if has_tenant else AnswerPath.ANONYMOUS

    async def _compiled(
        self, unmade: UnmadePlan, selected: ParsedOperation, operation: Operation
    ) -> QueryPlan | AnswerPath:
        """Compiles a plan, with the same result as ``_read``. Raises Throttled."""
        assert self._plans is not None
        try:
            made = await self._admission.made(unmade, selected, operation)
            return self._plans.keep(made).read() or AnswerPath.NOT_COMPILABLE
        except Throttled:
            raise
        except Exception as error:  # noqa: BLE001 - the fields themselves report it
            return _without_plan(error, selected, operation)

    async def _run_compiled(
        self,
        read: QueryPlan,
        selected: ParsedOperation,
        request: GraphQLRequest,
        operation: Operation,
    ) -> GraphQLResponse:
        """Runs an operation that is one statement, in one round trip."""
        try:
            row = await self._runtime.database.text(
                read.plan.sql, read.values, owner=operation.actor.tenant_id
            )
        except Exception as error:  # noqa: BLE001 - formatted like all errors: masked and logged
            if is_away(error):
                self._metrics.count_path(AnswerPath.AWAY)
                return await self._execute(selected, request, operation, read=read, failed=error)
            self._metrics.count_path(AnswerPath.READ_FAILED)
            _warn("read.failed", error, selected, operation)
            return await self._execute(selected, request, operation, read=None)
        self._metrics.count_path(_COMPILED)
        return GraphQLResponse([], read.data(row), _extensions(operation))

    async def _execute(
        self,
        selected: ParsedOperation,
        request: GraphQLRequest,
        operation: Operation,
        *,
        read: QueryPlan | None,
        failed: Exception | None = None,
    ) -> GraphQLResponse:
        """Executes field by field, except the fields in ``read``, which may have ``failed``."""
        executor = self._executor(selected, request, operation)
        if read is not None:
            executor.keys = read.plan.keys
            executor.reading = partial(_compiled_fields, read, operation, failed)
        result = executor.execute_operation()
        if executor.is_awaitable(result):
            result = await result
        return self._answer(cast("ExecutionResult", result), operation)

    async def stream(
        self,
        request: GraphQLRequest,
        operation: Operation,
        subscriber: Subscriber,
        *,
        reads_only: bool = False,
    ) -> GraphQLResponse | None:
        """Sends the responses of an operation of any type; returns a refusal instead.

        Raises ClientDisconnected and ClientTooSlow.
        """
        try:
            selected = await self._selected(request, operation)
            if selected.type is OperationType.SUBSCRIPTION:
                return await self._subscribe(selected, request, operation, subscriber)
            if reads_only and selected.type is OperationType.MUTATION:
                return self.refuse(BadInput("Send mutations by POST, not GET."), operation)
            with within_deadline():
                answer = await self.run(request, operation)
            if not answer.executed:
                return answer
            await subscriber.send(to_json(answer))
        except RequestRejected as rejected:
            answer = self._rejection(rejected, operation)
            self._record(operation, answer, None, perf_counter())
            return answer
        except (ClientDisconnected, ClientTooSlow):
            raise
        except Exception as error:  # noqa: BLE001 - formatted like all errors: masked and logged
            return self.refuse(error, operation)
        return None

    async def _subscribe(
        self,
        selected: ParsedOperation,
        request: GraphQLRequest,
        operation: Operation,
        subscriber: Subscriber,
    ) -> GraphQLResponse | None:
        began = perf_counter()
        last = GraphQLResponse([])
        try:
            self._validate_and_charge(selected, request, operation)
            executor = self._executor(selected, request, operation)
            self._metrics.count_path(AnswerPath.SUBSCRIPTION)
            # Once more each time that the client's actor changes.
            while True:
                stream = create_source_event_stream(executor)
                if executor.is_awaitable(stream):
                    stream = await stream
                if isinstance(stream, ExecutionResult):
                    last = self._answer(stream, operation)._replace(executed=False)
                    return last
                question = SubscriptionKey.of(
                    selected, request.text, request.variables, operation.actor
                )
                address = operation.request.ip_address
                with self._limits.question(operation.actor, address, question):
                    await self._deliver(
                        question, cast("EventStream[Any]", stream), executor, subscriber
                    )
                executor = self._executor(selected, request, operation)
        except RequestRejected as rejected:
            last = self._rejection(rejected, operation)
            return last
        except (ClientDisconnected, ClientTooSlow):
            raise
        except Exception as error:  # noqa: BLE001 - formatted like all errors: masked and logged
            last = _refusal(error, operation)
            return last
        finally:
            await operation.close()
            self._record(operation, last, selected, began)

    async def _deliver(
        self,
        question: SubscriptionKey,
        stream: EventStream[Any],
        executor: Executor,
        subscriber: Subscriber,
    ) -> None:
        """Sends the replay, then live events, until the subscriber is detached."""

        def perform() -> EventExecutor:
            return EventExecutor(
                executor,
                Operation(self._runtime, question.visibility_key, Request(new_id())),
                price,
            )

        operation = stream.operation
        price = EVENT_COST + operation.cost
        payer = self._payer(operation)
        after = subscriber.cursor or stream.after
        async with self._subscriptions.subscribe(
            question,
            subscriber,
            payer,
            stream.source,
            perform,
            price=price,
        ) as shared:
            while not subscriber.is_detached:
                replay = await shared.replay(after)
                if replay.excess:
                    payer.take(replay.excess)
                await subscriber.send_replay(replay.messages, replay.sort_key, replay.cursor)
                after = replay.cursor
                # Messages that were dropped meanwhile can be read from the log again.
                if replay.is_all and not subscriber.take_overflow():
                    break
            await subscriber.run(shared.gap_event)

    def _payer(self, operation: Operation) -> Payer:
        actor, address = operation.actor, operation.request.ip_address

        def charge(points: int) -> Charge:
            return self._rate_limiter.charge(actor, address, points, now=self._runtime.clock())

        def take(points: int) -> Charge:
            return self._rate_limiter.take(actor, address, points, now=self._runtime.clock())

        return Payer(login_of(actor, address), network_of(address), charge, take)

    async def _selected(self, request: GraphQLRequest, operation: Operation) -> ParsedOperation:
        """Returns the requested operation. Raises RequestRejected, NotPersisted, Throttled."""
        return self._known(request, operation) or await self._admission.selected(
            request.text, request.operation_name, operation
        )

    def _known(self, request: GraphQLRequest, operation: Operation) -> ParsedOperation | None:
        # Not a coroutine: one more for every operation costs half a percent of a small one.
        if request.is_hash:
            raise NotPersisted
        return self._admission.known(request.text, request.operation_name, operation)

    def _validate_and_charge(
        self, selected: ParsedOperation, request: GraphQLRequest, operation: Operation
    ) -> VariableValues:
        """Coerces the variables and charges the cost. Raises RequestRejected, Throttled."""
        points, errors = variable_weight(request.variables)
        if errors:
            raise RequestRejected("TOO_COMPLEX", errors)
        if points:
            self._admission.charge(operation, points)
        variables = selected.variables(self._core).read(
            request.variables, hide_suggestions=operation.actor.kind is None
        )
        if isinstance(variables, list):
            raise RequestRejected(BadInput.code, variables)
        operation.cost = selected.estimate(self._core).cost(variables)
        if errors := cost_errors(operation.cost):
            raise RequestRejected("TOO_COMPLEX", errors)
        self._admission.charge(operation, operation.cost)
        return variables

    def _executor(
        self, selected: ParsedOperation, request: GraphQLRequest, operation: Operation
    ) -> Executor:
        """Raises RequestRejected for variables that the operation doesn't take."""
        executor = Executor.build(
            self._core,
            selected.document.ast,
            None,
            operation,
            dict(request.variables),
            request.operation_name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            # Suggestions would help anonymous callers to explore the schema.
            hide_suggestions=operation.actor.kind is None,
        )
        if isinstance(executor, list):
            raise RequestRejected(BadInput.code, executor)
        execution = cast("Executor", executor)
        execution.meter = Meter(operation.cost, partial(self._admission.charge_excess, operation))
        execution.beside = lambda work: self._admission.beside(work, operation)
        if selected.type is not OperationType.QUERY and self._plans is not None:
            execution.plans, execution.outline = self._plans, selected.normalize()
        return execution

    def _rejection(self, rejected: RequestRejected, operation: Operation) -> GraphQLResponse:
        try:
            # Refused requests cost parsing too; a new document has been charged already.
            if operation.charge is None:
                self._admission.charge(operation, 1)
        except Throttled as error:
            return _refusal(error, operation)
        errors = format_errors(rejected.errors, operation.request, code=rejected.code)
        return GraphQLResponse(errors, extensions=_extensions(operation), executed=False)

    def _answer(self, result: ExecutionResult, operation: Operation) -> GraphQLResponse:
        errors = format_errors(in_document_order(result), operation.request)
        extensions = _extensions(operation)
        # If the only error is "try again", the status says so too: proxies act on the status.
        nothing_done = codes(errors) == [Unavailable.code] and not any((result.data or {}).values())
        return GraphQLResponse(errors, result.data, extensions, executed=not nothing_done)

    def _record(
        self,
        operation: Operation,
        answer: GraphQLResponse,
        selected: ParsedOperation | None,
        began: float,
    ) -> None:
        seconds = perf_counter() - began
        kind = selected.kind if selected else "unknown"
        status = "refused" if not answer.executed else "partial" if answer.errors else "ok"
        self._metrics.count(kind, status, seconds)
        self._log.info(
            "operation",
            request=operation.request_id,
            name=selected.name[:MAX_NAME] if selected and selected.name else None,
            type=kind,
            status=status,
            codes=codes(answer.errors) if answer.errors else [],
            cost=operation.cost,
            duration_ms=round(seconds * 1000, 1),
            tenant=operation.actor.tenant_id,
        )


def _without_plan(error: Exception, selected: ParsedOperation, operation: Operation) -> AnswerPath:
    """Returns why there is no plan, after this error in compiling it or binding its values."""
    if isinstance(error, REFUSALS):
        return AnswerPath.ARGUMENTS_REFUSED
    _warn("plan.failed", error, selected, operation)
    return AnswerPath.PLAN_FAILED


def _warn(event: str, error: Exception, selected: ParsedOperation, operation: Operation) -> None:
    """Logs why an operation runs field by field; without values, which are personal data."""
    log.warning(
        event,
        request=operation.request_id,
        name=selected.name[:MAX_NAME] if selected.name else None,
        fields=selected.root_names(),
        reason=type(error).__name__,
        sqlstate=sqlstate(error),
    )


class NotAQuery(Exception):
    """The operation isn't a query, and only queries may be sent this way."""


async def _compiled_fields(
    read: QueryPlan, operation: Operation, failed: Exception | None
) -> Mapping[str, orjson.Fragment | None]:
    """Reads the compiled root fields from the snapshot that the other fields read."""
    if failed is not None:
        raise failed
    return read.fragments(await operation.scope.fetch_raw(read.plan.sql, read.values))


class EventExecutor:
    """Executes a selection set on events, in an operation whose ``cost`` is that of each event."""

    def __init__(self, executor: Executor, operation: Operation, price: int) -> None:
        self.operation = operation
        self.excess = 0
        operation.cost = price
        self._executor = copy(executor)
        self._executor.context_value = operation

    async def answers(self, events: Sequence[object]) -> list[str]:
        """Returns the JSON of several events, whose rows are read together where that is possible.

        ``excess`` is that of all of them.
        """
        self.excess = 0
        answers: list[str | None] = [None] * len(events)
        if len(events) > 1 and self._executor.plans is not None:
            try:
                answers = await self._together(events)
            except Exception as error:  # noqa: BLE001 - the executions report what fails
                if not isinstance(error, NotCompletable):
                    log.info("events.not_batched", reason=type(error).__name__)
            await self.operation.release()
        return [
            await self._alone(event) if answer is None else answer
            for event, answer in zip(events, answers, strict=True)
        ]

    async def answer(self, event: object) -> str:
        self.excess = 0
        return await self._alone(event)

    async def _together(self, events: Sequence[object]) -> list[str | None]:
        executor = cast("Executor", self._executor.build_per_event_executor(None))
        executor.meter = Meter(self.operation.cost * len(events), self._exceed)
        return await EventBatch(executor).answers(events)

    async def _alone(self, event: object) -> str:
        executor = cast("Executor", self._executor.build_per_event_executor(event))
        executor.meter = Meter(self.operation.cost, self._exceed)
        result = execute_subscription_event(executor)
        if self._executor.is_awaitable(result):
            result = await result
        # Released before sending: slow clients would otherwise hold all connections.
        await self.operation.release()
        executed = cast("ExecutionResult", result)
        errors = format_errors(in_document_order(executed), self.operation.request)
        return to_json(GraphQLResponse(errors, executed.data))

    def _exceed(self, points: int) -> None:
        self.excess += points


def to_json(answer: GraphQLResponse) -> str:
    """Returns the response as JSON text."""
    return orjson.dumps(answer.payload).decode()


def _refusal(error: Exception, operation: Operation) -> GraphQLResponse:
    errors = format_failure(error, operation.request)
    return GraphQLResponse(errors, extensions=_extensions(operation), executed=False)


def _extensions(operation: Operation) -> dict[str, Any]:
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
