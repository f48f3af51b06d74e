"""One client of a live field: what it is sent, in order, and what it is too slow for."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from execution.payer import Payer
from kit.eager import PendingCoroutine
from kit.events.event_cursors import EventCursor
from kit.events.event_streams import Mark

SEND_TIMEOUT_SECONDS: Final = 20
"""For how long a client may take nothing before it is left."""

QUEUE_LENGTH: Final = 1_000
QUEUE_CHARACTERS: Final = 1_000_000

REST_SECONDS: Final = 5
"""How long a client is told nothing, at least, whose bucket is empty.

Refetching costs points, too: a client that is told at once couldn't pay for it.
"""


class ClientDisconnected(Exception):
    """The client has left."""


class ClientTooSlow(Exception):
    """The client has read nothing for too long."""


class MessageSink(Protocol):
    """Where a client's answers go."""

    def offer(self, payload: str) -> PendingCoroutine | None:
        """Send an answer, JSON; gives what is left to await where the client is slow.

        Both raise OSError or RuntimeError once the client has left.
        """
        ...


class Place(Protocol):
    """How far a client was told, or would have been."""

    @property
    def mark(self) -> Mark: ...

    @property
    def cursor(self) -> EventCursor: ...


@dataclass(frozen=True, slots=True)
class Message:
    """An answer that many get; its text is one object for all of them."""

    mark: Mark
    cursor: EventCursor
    payload: str


class Subscriber:
    """Takes what its audience is told, at once or from a queue, and passes it on to its client.

    The queue is bounded in number and in characters. When it is full, or the client can't pay for
    what comes, it is emptied, and the client learns how much it lost as soon as it takes something
    again and can pay for it.
    """

    # Thousands of them are gone through for each event: the less there is of each, the better.
    __slots__ = (
        "_characters",
        "_failure",
        "_has_left",
        "_is_free",
        "_lost",
        "_outlet",
        "_payer",
        "_pending",
        "_price",
        "_queue",
        "_woken",
        "cursor",
        "mark",
    )

    def __init__(self, outlet: MessageSink) -> None:
        self._outlet = outlet
        self._queue: deque[Message] = deque()
        self._characters = 0
        self._lost: Place | None = None
        self._payer: Payer | None = None
        self._price = 0
        self._pending: PendingCoroutine | None = None
        self._failure: Exception | None = None
        # Nothing is queued, missed or on its way: what comes may be sent by whoever brings it.
        self._is_free = False
        self._has_left = True
        self._woken = asyncio.Event()
        self.mark: Mark = ()
        self.cursor: EventCursor | None = None

    # ------------------------------------------------------------------ for its audience

    @property
    def has_left(self) -> bool:
        return self._has_left

    @property
    def is_behind(self) -> bool:
        """Has it lost something, of which its client isn't told yet?"""
        return self._lost is not None

    def enter(self, payer: Payer, price: int) -> None:
        """Be told from now on; it is queued until ``pass_on``. An event costs ``price`` points."""
        self.leave()
        self._payer, self._price = payer, price
        self._has_left = False
        self._failure = None
        self._woken.clear()

    def hear(self, said: Message) -> None:
        """Take what everybody in the audience is told. Doesn't wait, and doesn't raise."""
        if not self._is_free:
            if not self._has_left:
                self._keep(said)
        elif said.mark > self.mark:
            self.mark, self.cursor = said.mark, said.cursor
            try:
                pending = self._outlet.offer(said.payload)
            except (OSError, RuntimeError):
                self.fail(ClientDisconnected())
                return
            if pending is not None:
                self._pending = pending
                self._is_free = False
                self._woken.set()

    def lose(self, place: Place) -> None:
        """Take nothing of all up to a place."""
        if self._has_left:
            return
        self._forget()
        self._lost = place
        if self._is_free:
            self._is_free = False
            self._woken.set()

    def leave(self) -> None:
        """Be told nothing any more: ``pass_on`` ends, and what is queued is forgotten."""
        self._is_free = False
        self._has_left = True
        self._forget()
        self._woken.set()

    def fail(self, error: Exception) -> None:
        """Be told nothing any more: ``pass_on`` raises this error."""
        self.leave()
        self._failure = error

    def _keep(self, said: Message) -> None:
        self._queue.append(said)
        self._characters += len(said.payload)
        if len(self._queue) > QUEUE_LENGTH or self._characters > QUEUE_CHARACTERS:
            self.lose(said)

    def _forget(self) -> None:
        self._queue.clear()
        self._characters = 0
        self._lost = None

    # ------------------------------------------------------------------ for its client

    async def send(self, payload: str) -> None:
        """Send an answer of its own. Raises ClientDisconnected, ClientTooSlow."""
        try:
            pending = self._outlet.offer(payload)
        except (OSError, RuntimeError) as error:
            raise ClientDisconnected from error
        await _finished(pending)

    async def catch_up(
        self, missed: Sequence[Message], mark: Mark, cursor: EventCursor | None
    ) -> None:
        """Send what was missed, which leads up to a mark. Stops where it has left meanwhile."""
        await self._pay(len(missed))
        for said in missed:
            if self._has_left:
                return
            self.mark, self.cursor = said.mark, said.cursor
            await self.send(said.payload)
        self.mark, self.cursor = mark, cursor

    def forgive(self) -> bool:
        """Was something dropped of the queue? It isn't told again."""
        lost, self._lost = self._lost, None
        return lost is not None

    async def pass_on(self, gap: Callable[[EventCursor], Awaitable[str]]) -> None:
        """Send what is queued, and what comes, until it has left.

        Raises ClientDisconnected and ClientTooSlow.

        ``gap`` makes the answer that says that all up to a cursor was dropped.
        """
        try:
            while not self._has_left:
                await self._drain(gap)
                self._is_free = not self._has_left
                await self._woken.wait()
                self._woken.clear()
            await self._finish()
        finally:
            if self._pending is not None:
                self._pending.close()
        if self._failure is not None:
            raise self._failure

    async def _drain(self, gap: Callable[[EventCursor], Awaitable[str]]) -> None:
        await self._finish()
        while self._queue or self._lost:
            if self._lost:
                await self._pay(1)
                # More was lost meanwhile; what comes from now on is queued again.
                if lost := self._lost:
                    self._lost = None
                    self.mark, self.cursor = lost.mark, lost.cursor
                    await self.send(await gap(lost.cursor))
                continue
            said = self._queue.popleft()
            self._characters -= len(said.payload)
            if said.mark > self.mark:
                self.mark, self.cursor = said.mark, said.cursor
                await self.send(said.payload)

    async def _pay(self, events: int) -> None:
        """Wait until this many events are paid for, or it has left."""
        while events and not self._has_left and self._payer is not None:
            charge = self._payer.charge(events * self._price)
            if charge.allowed:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(max(charge.retry_after_seconds, REST_SECONDS)):
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
