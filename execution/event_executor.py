"""Executes the selection of a subscription on events, one by one or several together."""

from collections.abc import Sequence
from copy import copy
from typing import cast

import structlog
from graphql import ExecutionResult
from graphql.execution.execute import execute_subscription_event

from execution.error_formatting import format_errors, in_document_order
from execution.event_batches import EventBatch
from execution.executor import Executor
from execution.list_completion import NotCompletable
from execution.messages import GraphQLResponse, to_json
from kit.graphql.work_meter import Meter
from kit.operation_context import Operation

log = structlog.get_logger(__name__)


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
