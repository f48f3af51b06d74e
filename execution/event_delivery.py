"""Delivers the events of a subscription to its subscriber: first the replay, then live events."""

from typing import Any, Final

from execution.caller_rate_limit import RateLimiter
from execution.concurrency_limits import login_of
from execution.event_executor import EventExecutor
from execution.executor import Executor
from execution.payer import Payer
from execution.shared_subscriptions import SubscriptionKey, SubscriptionRegistry
from execution.subscriber import Subscriber
from kit.actor import Request
from kit.events.event_streams import EventStream
from kit.ids import new_id
from kit.operation_context import Operation
from kit.runtime import Runtime
from kit.security.network_addresses import network_of
from kit.security.token_bucket import Charge

EVENT_COST: Final = 3
"""Points of each live event, plus those of its selection: it is read, checked and sent."""


class EventDelivery:
    """Delivers events; subscribers who see the same share what is executed."""

    def __init__(self, runtime: Runtime, rate_limiter: RateLimiter) -> None:
        self._runtime = runtime
        self._rate_limiter = rate_limiter
        self._subscriptions = SubscriptionRegistry()

    async def deliver(
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
