"""Runs operations for any transport: validates, charges, executes and logs them."""

from collections.abc import Mapping
from functools import partial
from time import perf_counter
from typing import Any, Final, cast

import orjson
import structlog
from graphql import (
    ExecutionResult,
    OperationType,
    VariableValues,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.execute import create_source_event_stream
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable

from execution.admission import Admission
from execution.caller_rate_limit import RateLimiter
from execution.concurrency_limits import ConcurrencyLimits
from execution.deadline import within_deadline
from execution.document_cache import Documents, ParsedOperation, RequestRejected
from execution.error_formatting import REFUSALS, codes, format_errors, in_document_order
from execution.event_delivery import EventDelivery
from execution.executor import Executor
from execution.messages import (
    GraphQLRequest,
    GraphQLResponse,
    extensions_of,
    refusal,
    to_json,
)
from execution.metrics import AnswerPath, Metrics
from execution.shared_subscriptions import SubscriptionKey
from execution.subscriber import ClientDisconnected, ClientTooSlow, Subscriber
from kit.actor import Actor, Request
from kit.errors import BadInput, NotPersisted, RequestError, Throttled, Unavailable
from kit.events.event_streams import EventStream
from kit.graphql.compiler.plans import Plans, QueryPlan, UnmadePlan
from kit.graphql.query_limits import cost_errors, variable_weight
from kit.graphql.work_meter import Meter
from kit.operation_context import Operation
from kit.postgres.failures import is_away, sqlstate
from kit.runtime import Runtime
from permissions.policy import may_for_every_row
from schema.core.scalars import IN_SQL

SOCKET_COST: Final = 3
"""Points of the first message of a socket, for which a token is checked and then watched."""

REFUSED_CREDENTIALS_COST: Final = 10
"""Points of invalid credentials, because checking them takes work."""

# Looking up an enum's attribute takes longer than the rest of counting.
_COMPILED: Final = AnswerPath.COMPILED

log = structlog.get_logger(__name__)


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
        self._limits = limits
        self._admission = Admission(Documents(self._core), rate_limiter, runtime.clock)
        self._metrics = metrics
        self._delivery = EventDelivery(runtime, rate_limiter)
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
        answer = refusal(error, operation)
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
                answer = None
                if read is AnswerPath.MUTATION:
                    answer = await self._mutated(selected, variables, operation)
                if answer is None:
                    answer = await self._execute(selected, variables, operation, read=None)
            elif read.is_whole:
                answer = await self._run_compiled(read, selected, variables, operation)
            else:
                self._metrics.count_path(AnswerPath.IN_PART)
                answer = await self._execute(selected, variables, operation, read=read)
        except RequestRejected as rejected:
            answer = self._rejection(rejected, operation)
        except RequestError as error:
            answer = refusal(error, operation)
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
        variables: VariableValues,
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
                return await self._execute(selected, variables, operation, read=read, failed=error)
            self._metrics.count_path(AnswerPath.READ_FAILED)
            _warn("read.failed", error, selected, operation)
            return await self._execute(selected, variables, operation, read=None)
        self._metrics.count_path(_COMPILED)
        return GraphQLResponse([], read.data(row), extensions_of(operation))

    async def _mutated(
        self, selected: ParsedOperation, variables: VariableValues, operation: Operation
    ) -> GraphQLResponse | None:
        """Runs an operation of one mutation; returns None if the document has to be executed."""
        if self._plans is None:
            return None
        known = selected.mutation(self._core, variables)
        call = known.call(variables, operation.actor) if known is not None else None
        if known is None or call is None:
            return None
        data = await known.run(call, variables, operation, self._plans)
        return None if data is None else GraphQLResponse([], data, extensions_of(operation))

    async def _execute(
        self,
        selected: ParsedOperation,
        variables: VariableValues,
        operation: Operation,
        *,
        read: QueryPlan | None,
        failed: Exception | None = None,
    ) -> GraphQLResponse:
        """Executes field by field, except the fields in ``read``, which may have ``failed``."""
        executor = self._executor(selected, variables, operation)
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
            with within_deadline() as deadline:
                operation.extend_deadline = deadline.extend
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
            variables = self._validate_and_charge(selected, request, operation)
            executor = self._executor(selected, variables, operation)
            self._metrics.count_path(AnswerPath.SUBSCRIPTION)
            # Once more each time that the client's actor changes.
            while True:
                stream = create_source_event_stream(executor)
                if executor.is_awaitable(stream):
                    stream = await stream
                if isinstance(stream, ExecutionResult):
                    last = self._answer(stream, operation)._replace(executed=False)
                    return last
                events = cast("EventStream[Any]", stream)
                question = SubscriptionKey.of(
                    selected,
                    request.text,
                    request.variables,
                    operation.actor,
                    is_personal=events.is_personal,
                )
                address = operation.request.ip_address
                with self._limits.question(operation.actor, address, question):
                    await self._delivery.deliver(question, events, executor, subscriber)
                executor = self._executor(selected, variables, operation)
        except RequestRejected as rejected:
            last = self._rejection(rejected, operation)
            return last
        except (ClientDisconnected, ClientTooSlow):
            raise
        except Exception as error:  # noqa: BLE001 - formatted like all errors: masked and logged
            last = refusal(error, operation)
            return last
        finally:
            await operation.close()
            self._record(operation, last, selected, began)

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
        if selected.type is OperationType.MUTATION:
            operation.charge_excess = partial(self._admission.charge_excess, operation)
        return variables

    def _executor(
        self, selected: ParsedOperation, variables: VariableValues, operation: Operation
    ) -> Executor:
        fragments = selected.document.fragments
        # Not by `Executor.build`, which would coerce the variables again.
        execution = Executor(
            self._core,
            fragments,
            {name: FragmentDetails(each) for name, each in fragments.items()},
            None,
            operation,
            selected.operation,
            variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=optimized_is_awaitable,
            # Suggestions would help anonymous callers to explore the schema.
            hide_suggestions=operation.actor.kind is None,
        )
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
            return refusal(error, operation)
        errors = format_errors(rejected.errors, operation.request, code=rejected.code)
        return GraphQLResponse(errors, extensions=extensions_of(operation), executed=False)

    def _answer(self, result: ExecutionResult, operation: Operation) -> GraphQLResponse:
        errors = format_errors(in_document_order(result), operation.request)
        extensions = extensions_of(operation)
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
        if operation.refused:
            self._metrics.count_refusals(operation.refused)
        self._log.info(
            "operation",
            request=operation.request_id,
            name=selected.log_name if selected else None,
            type=kind,
            status=status,
            codes=[*operation.refused, *(codes(answer.errors) if answer.errors else [])],
            cost=operation.cost,
            # `round` with digits takes as long as all the rest.
            duration_ms=int(seconds * 10_000 + 0.5) / 10,
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
        name=selected.log_name,
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
