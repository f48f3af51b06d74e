"""The way of an operation, whatever brings it: weighed, charged, run, told to the logs."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any, Final, cast

import orjson
import structlog
from graphql import ExecutionResult, OperationType, VariableValues
from graphql.execution import Executor as AnyExecutor
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
from execution.executor import Executor
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
"""Points of each live event, beside what is selected of it: it is looked up, checked and sent."""

SOCKET_COST: Final = 3
"""Points of the first message of a socket: a login is looked up and watched for it."""

REFUSED_CREDENTIALS_COST: Final = 10
"""Points; what is known to be wrong is found out by work all the same."""

# An enum's attribute takes longer to look up than all the rest of counting.
_COMPILED: Final = AnswerPath.COMPILED

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client wants to have done; without its text where that is named by a hash alone."""

    text: str
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    is_hash: bool = False


@dataclass(frozen=True, slots=True)
class GraphQLResponse:
    """What came of it. Without ``executed`` nothing was run, and there is no data at all."""

    errors: list[FormattedError]
    data: dict[str, Any] | orjson.Fragment | None = None
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
        self._audiences = SubscriptionRegistry()
        # Bound once: the lazy one looks for its configuration at each line.
        self._log = log.bind()
        self._plans = Plans(self._core, IN_SQL, may_for_every_row) if compiled else None

    def operation(self, actor: Actor, request: Request) -> Operation:
        """The context that one operation runs in."""
        return Operation(self._runtime, actor, request)

    async def is_open(self, asked: GraphQLRequest, operation: Operation) -> bool:
        """Whether what is asked answers everybody alike, whatever the credentials.

        Raises Throttled.
        """
        try:
            return (await self._selected(asked, operation)).is_open(self._core)
        except RequestRejected:
            return False

    def charge_refused_credentials(self, operation: Operation) -> None:
        """Charge the address that they came from. Raises Throttled."""
        self._admission.charge(operation, REFUSED_CREDENTIALS_COST)

    def charge_socket(self, operation: Operation) -> None:
        """Charge whoever a socket turned out to be of. Raises Throttled."""
        self._admission.charge(operation, SOCKET_COST)

    def refuse(self, error: Exception, operation: Operation) -> GraphQLResponse:
        """The answer where an operation doesn't even begin; told to the logs like any other."""
        answer = _refusal(error, operation)
        self._tell(operation, answer, None, perf_counter())
        return answer

    async def run(
        self, asked: GraphQLRequest, operation: Operation, *, reads_only: bool = False
    ) -> GraphQLResponse:
        """A query or mutation, or the refusal of one. Raises NotAQuery where only these may run."""
        began = perf_counter()
        selected = None
        try:
            selected = self._known(asked, operation)
            if selected is None:
                selected = await self._admission.selected(
                    asked.text, asked.operation_name, operation
                )
            if reads_only and selected.type is not OperationType.QUERY:
                raise NotAQuery
            if selected.type is OperationType.SUBSCRIPTION:
                raise BadInput(
                    "Subscriptions need a WebSocket (graphql-transport-ws) or text/event-stream."
                )
            variables = self._admitted(selected, asked, operation)
            read = self._read(selected, variables, operation)
            if isinstance(read, UnmadePlan):
                read = await self._made(read, selected, operation)
            if not isinstance(read, QueryPlan):
                self._metrics.count_path(read)
                answer = await self._execute(selected, asked, operation, read=None)
            elif read.is_whole:
                answer = await self._read_at_once(read, selected, asked, operation)
            else:
                self._metrics.count_path(AnswerPath.IN_PART)
                answer = await self._execute(selected, asked, operation, read=read)
        except RequestRejected as rejected:
            answer = self._rejection(rejected, operation)
        except RequestError as error:
            answer = _refusal(error, operation)
        finally:
            await operation.rest()
        self._tell(operation, answer, selected, began)
        return answer

    def _read(
        self, selected: ParsedOperation, variables: VariableValues, operation: Operation
    ) -> QueryPlan | UnmadePlan | AnswerPath:
        """How what can be read at once is read, or why it is answered field by field."""
        if selected.type is not OperationType.QUERY:
            return AnswerPath.MUTATION
        if self._plans is None:
            return AnswerPath.OFF
        try:
            read = self._plans.read(
                selected.normalize(), variables, operation.actor, self._runtime.clock()
            )
        except Exception as error:  # noqa: BLE001 - told, as ever, by the fields themselves
            return _without_plan(error, selected, operation)
        if read is not None:
            return read
        has_tenant = operation.actor.tenant_id is not None
        return AnswerPath.NOT_COMPILABLE if has_tenant else AnswerPath.ANONYMOUS

    async def _made(
        self, unmade: UnmadePlan, selected: ParsedOperation, operation: Operation
    ) -> QueryPlan | AnswerPath:
        """The same, once its statement is made. Raises Throttled."""
        assert self._plans is not None
        try:
            made = await self._admission.made(unmade, selected, operation)
            return self._plans.keep(made).read() or AnswerPath.NOT_COMPILABLE
        except Throttled:
            raise
        except Exception as error:  # noqa: BLE001 - told, as ever, by the fields themselves
            return _without_plan(error, selected, operation)

    async def _read_at_once(
        self,
        read: QueryPlan,
        selected: ParsedOperation,
        asked: GraphQLRequest,
        operation: Operation,
    ) -> GraphQLResponse:
        """An answer that is one statement's, in one round trip."""
        try:
            row = await self._runtime.database.text(
                read.plan.sql, read.values, owner=operation.actor.tenant_id
            )
        except Exception as error:  # noqa: BLE001 - shown as every error is: masked and logged
            if is_away(error):
                self._metrics.count_path(AnswerPath.AWAY)
                return await self._execute(selected, asked, operation, read=read, failed=error)
            self._metrics.count_path(AnswerPath.READ_FAILED)
            _warn("read.failed", error, selected, operation)
            return await self._execute(selected, asked, operation, read=None)
        self._metrics.count_path(_COMPILED)
        return GraphQLResponse([], read.data(row), _extensions(operation))

    async def _execute(
        self,
        selected: ParsedOperation,
        asked: GraphQLRequest,
        operation: Operation,
        *,
        read: QueryPlan | None,
        failed: Exception | None = None,
    ) -> GraphQLResponse:
        """Field by field, but for what is read at once or has ``failed`` to be."""
        executor = self._executor(selected, asked, operation)
        executor.beside = lambda work: self._admission.beside(work, operation)
        if read is not None:
            executor.keys = read.plan.keys
            executor.reading = partial(_reading, read, operation, failed)
        result = executor.execute_operation()
        if executor.is_awaitable(result):
            result = await result
        return self._answer(cast("ExecutionResult", result), operation)

    async def stream(
        self,
        asked: GraphQLRequest,
        operation: Operation,
        subscriber: Subscriber,
        *,
        reads_only: bool = False,
    ) -> GraphQLResponse | None:
        """Send the answers to an operation of any type; gives one that isn't executed instead.

        Raises ClientDisconnected and ClientTooSlow, which are the client's.
        """
        try:
            selected = await self._selected(asked, operation)
            if selected.type is OperationType.SUBSCRIPTION:
                return await self._follow(selected, asked, operation, subscriber)
            if reads_only and selected.type is OperationType.MUTATION:
                return self.refuse(BadInput("Mutations may not be sent by GET."), operation)
            async with within_deadline():
                answer = await self.run(asked, operation)
            if not answer.executed:
                return answer
            await subscriber.send(to_json(answer))
        except RequestRejected as rejected:
            answer = self._rejection(rejected, operation)
            self._tell(operation, answer, None, perf_counter())
            return answer
        except (ClientDisconnected, ClientTooSlow):
            raise
        except Exception as error:  # noqa: BLE001 - shown as every error is: masked and logged
            return self.refuse(error, operation)
        return None

    async def _follow(
        self,
        selected: ParsedOperation,
        asked: GraphQLRequest,
        operation: Operation,
        subscriber: Subscriber,
    ) -> GraphQLResponse | None:
        began = perf_counter()
        last = GraphQLResponse([])
        try:
            self._admitted(selected, asked, operation)
            executor = self._executor(selected, asked, operation)
            self._metrics.count_path(AnswerPath.SUBSCRIPTION)
            # Once more for each time that the caller becomes somebody else.
            while True:
                following = create_source_event_stream(executor)
                if executor.is_awaitable(following):
                    following = await following
                if isinstance(following, ExecutionResult):
                    last = replace(self._answer(following, operation), executed=False)
                    return last
                question = SubscriptionKey.of(
                    selected, asked.text, asked.variables, operation.actor
                )
                address = operation.request.ip_address
                with self._limits.question(operation.actor, address, question):
                    await self._hear(
                        question, cast("EventStream[Any]", following), executor, subscriber
                    )
                executor = self._executor(selected, asked, operation)
        except RequestRejected as rejected:
            last = self._rejection(rejected, operation)
            return last
        except (ClientDisconnected, ClientTooSlow):
            raise
        except Exception as error:  # noqa: BLE001 - shown as every error is: masked and logged
            last = _refusal(error, operation)
            return last
        finally:
            await operation.rest()
            self._tell(operation, last, selected, began)

    async def _hear(
        self,
        question: SubscriptionKey,
        following: EventStream[Any],
        executor: AnyExecutor[Any],
        subscriber: Subscriber,
    ) -> None:
        """Send what was missed, then what the audience is told, until the subscriber leaves it."""

        def perform() -> EventExecutor:
            return EventExecutor(
                executor,
                Operation(self._runtime, question.visibility_key, Request(new_id())),
                price,
            )

        operation = following.operation
        price = EVENT_COST + operation.cost
        payer = self._payer(operation)
        after = subscriber.cursor or following.after
        async with self._audiences.joined(
            question,
            subscriber,
            payer,
            following.source,
            perform,
            price=price,
        ) as audience:
            while not subscriber.has_left:
                missed = await audience.missed(after)
                if missed.excess:
                    payer.take(missed.excess)
                await subscriber.catch_up(missed.said, missed.mark, missed.cursor)
                after = missed.cursor
                # What was dropped of the queue meanwhile stands in the log as well.
                if missed.is_all and not subscriber.forgive():
                    break
            await subscriber.pass_on(audience.gap)

    def _payer(self, operation: Operation) -> Payer:
        actor, address = operation.actor, operation.request.ip_address

        def charge(points: int) -> Charge:
            return self._rate_limiter.charge(actor, address, points, now=self._runtime.clock())

        def take(points: int) -> Charge:
            return self._rate_limiter.take(actor, address, points, now=self._runtime.clock())

        return Payer(login_of(actor, address), network_of(address), charge, take)

    async def _selected(self, asked: GraphQLRequest, operation: Operation) -> ParsedOperation:
        """The operation that is asked for. Raises RequestRejected, NotPersisted, Throttled."""
        return self._known(asked, operation) or await self._admission.selected(
            asked.text, asked.operation_name, operation
        )

    def _known(self, asked: GraphQLRequest, operation: Operation) -> ParsedOperation | None:
        # A coroutine more on the way of every operation costs half a percent of a small one.
        if asked.is_hash:
            raise NotPersisted
        return self._admission.known(asked.text, asked.operation_name, operation)

    def _admitted(
        self, selected: ParsedOperation, asked: GraphQLRequest, operation: Operation
    ) -> VariableValues:
        """Read the variables and take the cost. Raises RequestRejected, Throttled."""
        points, errors = variable_weight(asked.variables)
        if errors:
            raise RequestRejected("TOO_COMPLEX", errors)
        if points:
            self._admission.charge(operation, points)
        variables = selected.variables(self._core).read(
            asked.variables, hide_suggestions=operation.actor.kind is None
        )
        if isinstance(variables, list):
            raise RequestRejected(BadInput.code, variables)
        operation.cost = selected.estimate(self._core).cost(variables)
        if errors := cost_errors(operation.cost):
            raise RequestRejected("TOO_COMPLEX", errors)
        self._admission.charge(operation, operation.cost)
        return variables

    def _executor(
        self, selected: ParsedOperation, asked: GraphQLRequest, operation: Operation
    ) -> Executor:
        """Raises RequestRejected for variables that the operation doesn't take."""
        executor = Executor.build(
            self._core,
            selected.document.ast,
            None,
            operation,
            dict(asked.variables),
            asked.operation_name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            # Strangers aren't helped to find out what there is.
            hide_suggestions=operation.actor.kind is None,
        )
        if isinstance(executor, list):
            raise RequestRejected(BadInput.code, executor)
        execution = cast("Executor", executor)
        execution.meter = Meter(operation.cost, partial(self._admission.charge_excess, operation))
        if selected.type is not OperationType.QUERY and self._plans is not None:
            execution.plans, execution.outline = self._plans, selected.normalize()
        return execution

    def _rejection(self, rejected: RequestRejected, operation: Operation) -> GraphQLResponse:
        try:
            # What is refused had to be read, too; a document that wasn't known is paid for.
            if operation.charge is None:
                self._admission.charge(operation, 1)
        except Throttled as error:
            return _refusal(error, operation)
        errors = format_errors(rejected.errors, operation.request, code=rejected.code)
        return GraphQLResponse(errors, extensions=_extensions(operation), executed=False)

    def _answer(self, result: ExecutionResult, operation: Operation) -> GraphQLResponse:
        errors = format_errors(in_document_order(result), operation.request)
        extensions = _extensions(operation)
        # Nothing but "try again": then so says the status, which is what proxies go by.
        nothing_done = codes(errors) == [Unavailable.code] and not any((result.data or {}).values())
        return GraphQLResponse(errors, result.data, extensions, executed=not nothing_done)

    def _tell(
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
    """Why an operation has no plan whose making, or binding, failed with this error."""
    if isinstance(error, REFUSALS):
        return AnswerPath.ARGUMENTS_REFUSED
    _warn("plan.failed", error, selected, operation)
    return AnswerPath.PLAN_FAILED


def _warn(event: str, error: Exception, selected: ParsedOperation, operation: Operation) -> None:
    """Log why an operation is answered field by field; without values, which are people's."""
    log.warning(
        event,
        request=operation.request_id,
        name=selected.name[:MAX_NAME] if selected.name else None,
        fields=selected.root_names(),
        reason=type(error).__name__,
        sqlstate=sqlstate(error),
    )


class NotAQuery(Exception):
    """Only queries may be sent this way."""


async def _reading(
    read: QueryPlan, operation: Operation, failed: Exception | None
) -> Mapping[str, orjson.Fragment | None]:
    """The root fields that are read at once, from the snapshot that the others read."""
    if failed is not None:
        raise failed
    return read.fragments(await operation.scope.fetch_raw(read.plan.sql, read.values))


class EventExecutor:
    """Runs a selection set on events, for an operation of its own, whose ``cost`` is of each."""

    def __init__(self, executor: AnyExecutor[Any], operation: Operation, price: int) -> None:
        self.operation = operation
        self.excess = 0
        operation.cost = price
        self._executor = copy(executor)
        self._executor.context_value = operation

    async def answer(self, event: object) -> str:
        self.excess = 0
        executor = cast("Executor", self._executor.build_per_event_executor(event))
        executor.meter = Meter(self.operation.cost, self._exceed)
        result = execute_subscription_event(executor)
        if self._executor.is_awaitable(result):
            result = await result
        # Clients that are slow to take it would hold all connections meanwhile.
        await self.operation.rest()
        executed = cast("ExecutionResult", result)
        errors = format_errors(in_document_order(executed), self.operation.request)
        return to_json(GraphQLResponse(errors, executed.data))

    def _exceed(self, points: int) -> None:
        self.excess += points


def to_json(answer: GraphQLResponse) -> str:
    """The JSON that clients read."""
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
