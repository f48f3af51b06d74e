"""The queue of a slow subscriber: in order, bounded, and with shared messages."""

import asyncio
import tracemalloc
from itertools import pairwise

import pytest

from execution.payer import Payer
from execution.subscriber import (
    QUEUE_CHARACTERS,
    QUEUE_LENGTH,
    SEND_TIMEOUT_SECONDS,
    ClientDisconnected,
    ClientTooSlow,
    Message,
    Subscriber,
)
from kit.eager import PendingCoroutine, start_eagerly
from kit.events.event_cursors import EventCursor
from kit.security.token_bucket import Charge
from web.graphql.sse import HEARTBEAT_SECONDS

PATIENCE_SECONDS = 60


class Client:
    """A client that reads messages while it is ``reading``."""

    def __init__(self) -> None:
        self.reading = asyncio.Event()
        self.taken: list[str] = []
        self.is_gone = False

    def offer(self, payload: str) -> PendingCoroutine | None:
        return start_eagerly(self._take(payload))

    async def _take(self, payload: str) -> None:
        await self.reading.wait()
        if self.is_gone:
            raise ConnectionResetError
        self.taken.append(payload)


class Purse:
    """A token bucket that is full or empty."""

    def __init__(self) -> None:
        self.is_empty = False
        self.taken = 0

    @property
    def payer(self) -> Payer:
        return Payer("login", "192.0.2.1", self._charge, self._charge)

    def _charge(self, points: int) -> Charge:
        if not self.is_empty:
            self.taken += points
        return Charge(not self.is_empty, 0, 4_000, 100, 1 if self.is_empty else 0)


def message(number: int, payload: str | None = None) -> Message:
    return Message((number,), EventCursor(str(number)), payload or str(number))


async def gap_event(cursor: EventCursor) -> str:
    return f"gap_event up to {cursor}"


async def received(client: Client, number: int) -> list[str]:
    """Returns the first messages that the client has received, once there are enough."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(client.taken) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    return client.taken[:number]


def passing_on(client: Client) -> tuple[Subscriber, asyncio.Task[None]]:
    subscriber = Subscriber(client)
    subscriber.attach(Purse().payer, price=3)
    return subscriber, asyncio.create_task(subscriber.run(gap_event))


def test_clients_are_left_and_shown_signs_of_life_in_time() -> None:
    assert SEND_TIMEOUT_SECONDS <= 30
    assert HEARTBEAT_SECONDS == 15


async def test_a_client_that_is_slow_now_and_then_gets_all_in_order() -> None:
    client = Client()
    subscriber, task = passing_on(client)

    for number in range(1, 501):
        (client.reading.clear if number % 7 == 0 else client.reading.set)()
        subscriber.deliver(message(number))
        if number % 3 == 0:
            await asyncio.sleep(0)
    client.reading.set()

    assert await received(client, 500) == [str(number) for number in range(1, 501)]
    task.cancel()


@pytest.mark.parametrize(
    ("payload", "kept"), [("x", QUEUE_LENGTH), ("x" * 10_000, QUEUE_CHARACTERS // 10_000)]
)
async def test_no_more_is_kept_than_its_bound(payload: str, kept: int) -> None:
    client = Client()
    subscriber, task = passing_on(client)
    await asyncio.sleep(0)
    lengths = []

    for number in range(1, 5_001):
        subscriber.deliver(message(number, payload))
        lengths.append(len(subscriber._queue))
        await asyncio.sleep(0)

    assert max(lengths) == kept
    client.reading.set()
    answers = await received(client, 2)
    # The first was on its way already.
    assert answers[0] == payload
    lost = int(answers[1].removeprefix("gap_event up to "))
    assert (await received(client, 2 + 5_000 - lost))[2:] == [payload] * (5_000 - lost)
    task.cancel()


async def test_after_a_gap_nothing_is_missing_and_nothing_comes_twice() -> None:
    client = Client()
    subscriber, task = passing_on(client)
    await asyncio.sleep(0)
    for number in range(1, 3 * QUEUE_LENGTH):
        subscriber.deliver(message(number))
    client.reading.set()
    await received(client, 2)
    for number in range(3 * QUEUE_LENGTH, 3 * QUEUE_LENGTH + 10):
        subscriber.deliver(message(number))

    async with asyncio.timeout(PATIENCE_SECONDS):
        while client.taken[-1] != str(3 * QUEUE_LENGTH + 9):  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    first, missing, *rest = client.taken
    assert first == "1"
    numbers = [int(missing.removeprefix("gap_event up to ")), *(int(each) for each in rest)]
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))
    task.cancel()


async def test_what_many_wait_for_is_kept_once() -> None:
    crowd = [passing_on(Client()) for _ in range(200)]
    await asyncio.sleep(0)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(900):
            event = message(number + 1, f"{number:04}" * 250)
            for subscriber, _ in crowd:
                subscriber.deliver(event)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # A copy for each would take 180 MB.
    assert after - before < 8_000_000
    assert all(len(subscriber._queue) == 899 for subscriber, _ in crowd)
    for _, task in crowd:
        task.cancel()


async def test_one_that_takes_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution.subscriber.SEND_TIMEOUT_SECONDS", 0.05)
    subscriber, task = passing_on(Client())
    await asyncio.sleep(0)

    subscriber.deliver(message(1))

    with pytest.raises(ClientTooSlow):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


async def test_one_that_is_gone_is_left() -> None:
    client = Client()
    client.is_gone = True
    client.reading.set()
    subscriber, task = passing_on(client)
    await asyncio.sleep(0)

    subscriber.deliver(message(1))

    with pytest.raises(ClientDisconnected):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


async def test_one_that_cannot_pay_is_told_of_the_gap_once_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("execution.subscriber.PAUSE_SECONDS", 0.01)
    client, purse = Client(), Purse()
    client.reading.set()
    subscriber = Subscriber(client)
    subscriber.attach(purse.payer, price=3)
    task = asyncio.create_task(subscriber.run(gap_event))
    await asyncio.sleep(0)
    subscriber.deliver(message(1))

    purse.is_empty = True
    subscriber.drop_until(message(2))
    subscriber.drop_until(message(3))
    await asyncio.sleep(0.05)
    assert (client.taken, subscriber.is_behind) == (["1"], True)
    purse.is_empty = False

    assert await received(client, 2) == ["1", "gap_event up to 3"]
    assert (purse.taken, subscriber.is_behind) == (3, False)
    subscriber.deliver(message(4))
    assert await received(client, 3) == ["1", "gap_event up to 3", "4"]
    task.cancel()


async def test_what_was_missed_is_paid_for_before_it_is_sent() -> None:
    client, purse = Client(), Purse()
    client.reading.set()
    subscriber = Subscriber(client)
    subscriber.attach(purse.payer, price=3)

    await subscriber.send_replay([message(1), message(2)], (2,), EventCursor("2"))

    assert (client.taken, purse.taken) == (["1", "2"], 6)


async def test_one_that_leaves_waits_for_no_points() -> None:
    purse = Purse()
    purse.is_empty = True
    subscriber = Subscriber(Client())
    subscriber.attach(purse.payer, price=3)
    subscriber.drop_until(message(1))
    task = asyncio.create_task(subscriber.run(gap_event))
    await asyncio.sleep(0)

    subscriber.detach()

    async with asyncio.timeout(4):
        await task
