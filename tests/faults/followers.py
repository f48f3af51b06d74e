"""Subscribers that reconnect after every fault, after their last cursor."""

import asyncio
import random
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from websockets.exceptions import WebSocketException

from kit.events.event_cursors import EventCursor
from tests.faults.changes import Wanted
from tests.support.client import Stream, live

EVENTS: Final = """subscription ($rooms: [ID!], $types: [EventType!], $after: EventCursor) {
  bookingChanged(roomIds: $rooms, types: $types, after: $after) {
    ... on BookingChanged { cursor }
    ... on ResyncRequired { reason }
  }
}"""
_LONGEST_AWAY_SECONDS: Final = 0.3
_PATIENCE_SECONDS: Final = 300


@dataclass(slots=True)
class Follower:
    """One client; ``cursors`` and ``moments`` are those of the events that it received.

    ``cuts`` are those that the test made, ``connections`` how often it was let in.
    """

    address: str
    token: str
    wanted: Wanted
    after: EventCursor
    draw: random.Random
    cursors: list[EventCursor] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    cuts: int = 0
    connections: int = 0
    follows: asyncio.Event = field(default_factory=asyncio.Event)
    _cut: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Receives events and reconnects after each cut, until cancelled."""
        while True:
            try:
                await self._be_connected()
            except (OSError, WebSocketException, AssertionError):
                # The server can't look at tokens, or isn't there.
                await asyncio.sleep(0.05)
            else:
                await asyncio.sleep(self.draw.uniform(0, _LONGEST_AWAY_SECONDS))

    async def cut(self, *, after_seconds: float) -> None:
        """Cuts the connection some time after subscribing, without closing it."""
        await self.follows.wait()
        await asyncio.sleep(after_seconds)
        self.follows.clear()
        self.cuts += 1
        self._cut.set()

    def silent_after(self, moment: float) -> float:
        """Returns how many seconds after a moment the next event arrived."""
        return next(each for each in self.moments if each > moment) - moment

    async def has(self, number: int) -> None:
        """Waits until it has a number of events. Raises TimeoutError."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(self.cursors) < number:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)

    async def _be_connected(self) -> None:
        self._cut.clear()
        async with live(self.address, token=self.token) as client:
            self.connections += 1
            after = self.cursors[-1] if self.cursors else self.after
            stream = await client.subscribe(EVENTS, {**self.wanted.variables, "after": after})
            self.follows.set()
            taking = asyncio.create_task(self._take(stream))
            ended = asyncio.create_task(client.socket.wait_closed())
            cut = asyncio.create_task(self._cut.wait())
            try:
                await asyncio.wait({taking, ended, cut}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                client.socket.transport.abort()
                for task in (taking, ended, cut):
                    task.cancel()
                await asyncio.wait({taking, ended, cut})
            if not taking.cancelled():
                taking.result()

    async def _take(self, stream: Stream) -> None:
        while True:
            event = (await stream.next(within=3600))["bookingChanged"]
            assert "cursor" in event, event
            self.cursors.append(event["cursor"])
            self.moments.append(monotonic())
