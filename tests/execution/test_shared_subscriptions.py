"""Shared subscriptions: how a tenant's executions take turns, and who is charged."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast
from uuid import UUID

import pytest

from execution.payer import Payer
from execution.shared_subscriptions import SubscriptionKey, SubscriptionRegistry
from execution.subscriber import Subscriber
from kit.actor import Actor, ActorKind, Request
from kit.eager import PendingCoroutine
from kit.events.event_cursors import EventCursor
from kit.events.event_streams import StreamItem
from kit.ids import new_id
from kit.operation_context import Operation
from kit.runtime import Runtime
from kit.security.token_bucket import Charge

PATIENCE_SECONDS = 60
HOME = "192.0.2.1"
# Nothing here opens a scope.
RUNTIME = cast("Runtime", None)


class Happenings:
    """Events that a test triggers; without subscribers it skips them, as sources of the log do."""

    def __init__(self) -> None:
        self.happened: asyncio.Queue[int] = asyncio.Queue()
        self.read: list[int] = []

    @asynccontextmanager
    async def live(self, operation: Operation) -> AsyncIterator[AsyncGenerator[StreamItem[int]]]:
        yield self._steps(operation)

    async def _steps(self, operation: Operation) -> AsyncGenerator[StreamItem[int]]:
        while True:
            number = await self.happened.get()
            if operation.pace.wanted.is_set():
                self.read.append(number)
                yield StreamItem((number,), EventCursor(str(number)), number)
            else:
                yield StreamItem((number,), EventCursor(str(number)), None)

    async def replay(
        self,
        operation: Operation,  # noqa: ARG002
        after: EventCursor | None,  # noqa: ARG002
    ) -> AsyncGenerator[Sequence[StreamItem[int]]]:
        yield [StreamItem((0,), EventCursor("0"), None)]

    def gap_event(self, cursor: EventCursor) -> int:
        return -int(cursor)


class Answering:
    """Counts a tenant's running executions, and their maximum."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.done = 0
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def __call__(self, event: object) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        await self.may_go_on.wait()
        self.running -= 1
        self.done += 1
        return str(event)


class Performer:
    def __init__(self, answering: Answering, excess: int) -> None:
        self.operation = Operation(RUNTIME, Actor(None), Request(new_id()))
        self.excess = excess
        self._answering = answering

    async def answer(self, event: object) -> str:
        return await self._answering(event)

    async def answers(self, events: Sequence[object]) -> list[str]:
        return [await self._answering(event) for event in events]


class Outlet:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def offer(self, payload: str) -> PendingCoroutine | None:
        self.sent.append(payload)
        return None


class Purse:
    def __init__(self, points: int) -> None:
        self.points = points

    def charge(self, points: int) -> Charge:
        is_there = self.points >= points
        self.points -= points if is_there else 0
        return Charge(is_there, self.points, 4_000, 100, 0)

    def take(self, points: int) -> Charge:
        self.points -= points
        return Charge(self.points >= 0, self.points, 4_000, 100, 0)


def question(tenant_id: UUID, text: str) -> SubscriptionKey:
    return SubscriptionKey(text, None, b"{}", Actor(ActorKind.USER, tenant_id))


@asynccontextmanager
async def asking(
    audiences: SubscriptionRegistry,
    asked: SubscriptionKey,
    source: Happenings,
    answering: Answering,
    *,
    purse: Purse | None = None,
    price: int = 1,
    excess: int = 0,
) -> AsyncIterator[Outlet]:
    """Subscribes for the duration of the block."""
    outlet = Outlet()
    subscriber = Subscriber(outlet)
    purse = purse or Purse(1_000_000)
    payer = Payer("login", HOME, purse.charge, purse.take)
    async with audiences.subscribe(
        asked, subscriber, payer, source, lambda: Performer(answering, excess), price=price
    ) as audience:
        passing = asyncio.create_task(subscriber.run(audience.gap_event))
        await asyncio.sleep(0)
        yield outlet
        passing.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_two_questions_of_a_tenant_are_answered_at_a_time() -> None:
    audiences, tenant, answering = SubscriptionRegistry(), new_id(), Answering()
    sources = [Happenings() for _ in range(20)]
    async with AsyncExitStack() as stack:
        for number, source in enumerate(sources):
            await stack.enter_async_context(
                asking(audiences, question(tenant, f"{number}"), source, answering)
            )

        for source in sources:
            source.happened.put_nowait(1)
        await until(lambda: answering.done == 20)

    assert answering.most == 2


async def test_a_tenant_never_waits_for_another() -> None:
    audiences, slow, quick = SubscriptionRegistry(), Answering(), Answering()
    busy, quiet = new_id(), new_id()
    sources, own = [Happenings() for _ in range(5)], Happenings()
    async with AsyncExitStack() as stack:
        for number, source in enumerate(sources):
            await stack.enter_async_context(
                asking(audiences, question(busy, f"{number}"), source, slow)
            )
        waiting = await stack.enter_async_context(
            asking(audiences, question(quiet, "0"), own, quick)
        )
        slow.may_go_on.clear()
        for source in sources:
            source.happened.put_nowait(1)
        await until(lambda: slow.running == 2)

        own.happened.put_nowait(1)
        await until(lambda: waiting.sent == ["1"])
        slow.may_go_on.set()


async def test_an_event_is_paid_for_once_by_all_sockets_of_a_login() -> None:
    audiences, answering, source, purse = (
        SubscriptionRegistry(),
        Answering(),
        Happenings(),
        Purse(100),
    )
    asked = question(new_id(), "same")
    async with AsyncExitStack() as stack:
        outlets = [
            await stack.enter_async_context(
                asking(audiences, asked, source, answering, purse=purse, price=7)
            )
            for _ in range(3)
        ]
        source.happened.put_nowait(1)
        await until(lambda: [outlet.sent for outlet in outlets] == [["1"]] * 3)

    assert purse.points == 93


async def test_what_an_answer_takes_beyond_the_price_is_paid_by_those_who_get_it() -> None:
    audiences, answering, source, purse = (
        SubscriptionRegistry(),
        Answering(),
        Happenings(),
        Purse(10),
    )
    asked = question(new_id(), "long")
    async with (
        asking(audiences, asked, source, answering, purse=purse, price=7, excess=40) as outlet,
        asking(audiences, asked, source, answering, purse=purse, price=7, excess=40) as other,
    ):
        source.happened.put_nowait(1)
        await until(lambda: [outlet.sent, other.sent] == [["1"], ["1"]])

    assert purse.points == -37


async def test_each_socket_beyond_the_price_costs_a_point() -> None:
    audiences, answering, source, purse = (
        SubscriptionRegistry(),
        Answering(),
        Happenings(),
        Purse(100),
    )
    asked = question(new_id(), "same")
    async with AsyncExitStack() as stack:
        outlets = [
            await stack.enter_async_context(
                asking(audiences, asked, source, answering, purse=purse, price=1)
            )
            for _ in range(9)
        ]
        source.happened.put_nowait(1)
        await until(lambda: [outlet.sent for outlet in outlets] == [["1"]] * 9)

    assert purse.points == 91


async def test_what_nobody_can_pay_for_is_neither_read_nor_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("execution.subscriber.PAUSE_SECONDS", 0.01)
    audiences, answering, source, purse = (
        SubscriptionRegistry(),
        Answering(),
        Happenings(),
        Purse(6),
    )
    asked = question(new_id(), "dear")
    async with asking(audiences, asked, source, answering, purse=purse, price=3) as outlet:
        for number in range(1, 10):
            source.happened.put_nowait(number)
        await until(lambda: source.happened.empty())

        # The third was read before it was known that it couldn't be paid for.
        assert (outlet.sent, source.read, answering.done) == (["1", "2"], [1, 2, 3], 2)
        purse.points = 6
        await until(lambda: len(outlet.sent) == 3)
        source.happened.put_nowait(10)
        await until(lambda: len(outlet.sent) == 4)

    assert outlet.sent == ["1", "2", "-9", "10"]
