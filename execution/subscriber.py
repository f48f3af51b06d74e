"""Sends events to one client of a subscription, with a bounded queue for slow clients."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from execution.payer import Payer
from kit.eager import PendingCoroutine
from kit.events.event_cursors import EventCursor
from kit.events.event_streams import SortKey

SEND_TIMEOUT_SECONDS: Final = 20
"""How long a client may read nothing before it is disconnected."""

QUEUE_LENGTH: Final = 1_000
QUEUE_CHARACTERS: Final = 1_000_000

PAUSE_SECONDS: Final = 5
"""How long, at least, a client with an empty bucket is sent nothing.

Refetching costs points too: a client that had to refetch at once couldn't pay for it.
"""


class ClientDisconnected(Exception):
    """The client has disconnected."""


class ClientTooSlow(Exception):
    """The client has read nothing for too long."""


class MessageSink(Protocol):
    """Sends messages to a client."""

    def offer(self, payload: str) -> PendingCoroutine | None:
        """Sends JSON; returns the rest of the write to await if the client is slow.

        Both raise OSError or RuntimeError once the client has disconnected.
        """
        ...


class Place(Protocol):
    """A position in a stream."""

    @property
    def sort_key(self) -> SortKey: ...

    @property
    def cursor(self) -> EventCursor: ...


@dataclass(frozen=True, slots=True)
class Message:
    """An event as JSON; many subscribers share one text."""

    sort_key: SortKey
    cursor: EventCursor
    payload: str


class Subscriber:
    """Sends the messages of a shared subscription to one client, directly or from a queue.

    The queue is bounded in number and in characters. If it is full, or the client can't pay for
    an event, it is cleared, and the client is sent a gap event as soon as it reads and can pay
    again.
    """

    # Each event is delivered to thousands of them, so each must be small and quick.
    __slots__ = (
        "_characters",
        "_failure",
        "_is_detached",
        "_is_free",
        "_overflow",
        "_payer",
        "_pending",
        "_price",
        "_queue",
        "_sink",
        "_woken",
        "cursor",
        "sort_key",
    )

    def __init__(self, sink: MessageSink) -> None:
        self._sink = sink
        self._queue: deque[Message] = deque()
        self._characters = 0
        self._overflow: Place | None = None
        self._payer: Payer | None = None
        self._price = 0
        self._pending: PendingCoroutine | None = None
        self._failure: Exception | None = None
        # True while nothing is queued or being sent: `deliver` may then send directly.
        self._is_free = False
        self._is_detached = True
        self._woken = asyncio.Event()
        self.sort_key: SortKey = ()
        self.cursor: EventCursor | None = None

    # ------------------------------------------------------------------ for the shared subscription

    @property
    def is_detached(self) -> bool:
        return self._is_detached

    @property
    def is_behind(self) -> bool:
        """Whether it has dropped messages without having sent the gap event yet."""
        return self._overflow is not None

    def attach(self, payer: Payer, price: int) -> None:
        """Begins to take messages, queued until ``run``. An event costs ``price`` points."""
        self.detach()
        self._payer, self._price = payer, price
        self._is_detached = False
        self._failure = None
        self._woken.clear()

    def deliver(self, message: Message) -> None:
        """Sends or queues a message. Doesn't wait, and doesn't raise."""
        if not self._is_free:
            if not self._is_detached:
                self._keep(message)
        elif message.sort_key > self.sort_key:
            self.sort_key, self.cursor = message.sort_key, message.cursor
            try:
                pending = self._sink.offer(message.payload)
            except (OSError, RuntimeError):
                self.fail(ClientDisconnected())
                return
            if pending is not None:
                self._pending = pending
                self._is_free = False
                self._woken.set()

    def drop_until(self, place: Place) -> None:
        """Drops all messages up to a position."""
        if self._is_detached:
            return
        self._clear()
        self._overflow = place
        if self._is_free:
            self._is_free = False
            self._woken.set()

    def detach(self) -> None:
        """Takes no more messages and clears the queue; ``run`` returns."""
        self._is_free = False
        self._is_detached = True
        self._clear()
        self._woken.set()

    def fail(self, error: Exception) -> None:
        """Takes no more messages; ``run`` raises this error."""
        self.detach()
        self._failure = error

    def _keep(self, message: Message) -> None:
        self._queue.append(message)
        self._characters += len(message.payload)
        if len(self._queue) > QUEUE_LENGTH or self._characters > QUEUE_CHARACTERS:
            self.drop_until(message)

    def _clear(self) -> None:
        self._queue.clear()
        self._characters = 0
        self._overflow = None

    # ------------------------------------------------------------------ for the client

    async def send(self, payload: str) -> None:
        """Sends JSON to this client only. Raises ClientDisconnected, ClientTooSlow."""
        try:
            pending = self._sink.offer(payload)
        except (OSError, RuntimeError) as error:
            raise ClientDisconnected from error
        await _finished(pending)

    async def send_replay(
        self, replay: Sequence[Message], sort_key: SortKey, cursor: EventCursor | None
    ) -> None:
        """Sends the messages of a replay, which ends at a sort key. Stops if it is detached."""
        await self._pay(len(replay))
        for message in replay:
            if self._is_detached:
                return
            self.sort_key, self.cursor = message.sort_key, message.cursor
            await self.send(message.payload)
        self.sort_key, self.cursor = sort_key, cursor

    def take_overflow(self) -> bool:
        """Returns whether messages were dropped, and resets that."""
        overflow, self._overflow = self._overflow, None
        return overflow is not None

    async def run(self, gap_event: Callable[[EventCursor], Awaitable[str]]) -> None:
        """Sends queued and new messages until it is detached.

        Raises ClientDisconnected and ClientTooSlow.

        ``gap_event`` makes the answer that says that all up to a cursor was dropped.
        """
        try:
            while not self._is_detached:
                await self._drain(gap_event)
                self._is_free = not self._is_detached
                await self._woken.wait()
                self._woken.clear()
            await self._finish()
        finally:
            if self._pending is not None:
                self._pending.close()
        if self._failure is not None:
            raise self._failure

    async def _drain(self, gap_event: Callable[[EventCursor], Awaitable[str]]) -> None:
        await self._finish()
        while self._queue or self._overflow:
            if self._overflow:
                await self._pay(1)
                # More may have been dropped meanwhile; new messages are queued again from here.
                if overflow := self._overflow:
                    self._overflow = None
                    self.sort_key, self.cursor = overflow.sort_key, overflow.cursor
                    await self.send(await gap_event(overflow.cursor))
                continue
            message = self._queue.popleft()
            self._characters -= len(message.payload)
            if message.sort_key > self.sort_key:
                self.sort_key, self.cursor = message.sort_key, message.cursor
                await self.send(message.payload)

    async def _pay(self, events: int) -> None:
        """Waits until this many events are paid for, or it is detached."""
        while events and not self._is_detached and self._payer is not None:
            charge = self._payer.charge(events * self._price)
            if charge.allowed:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(max(charge.retry_after_seconds, PAUSE_SECONDS)):
                    await self._woken.wait()

    async def _finish(self) -> None:
        pending, self._pending = self._pending, None
        await _finished(pending)


async def _finished(pending: PendingCoroutine | None) -> None:
    if pending is None:
        return
    try:
        async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
            await pending
    except TimeoutError as error:
        raise ClientTooSlow from error
    except (OSError, RuntimeError) as error:
        raise ClientDisconnected from error
