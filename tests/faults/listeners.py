"""Subscribers to new bookings, some of which stop reading."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from tests.faults.postgres_faults import App
from tests.support.client import Live, Stream, live

_NOW: Final = "{ bookings { eventCursor } }"
_NEW: Final = """subscription ($after: EventCursor) {
  bookingChanged(types: [BOOKING_CREATED], after: $after) {
    ... on BookingChanged { booking { id } }
    ... on ResyncRequired { reason }
  }
}"""
_ECHO_BYTES: Final = 240_000
_ECHOES: Final = 30
_AT_ONCE: Final = 20
_LATEST_SECONDS: Final = 60


class Listener:
    """A socket with one subscription to new bookings."""

    def __init__(self, client: Live, stream: Stream) -> None:
        self._client = client
        self._stream = stream

    async def hears(self, bookings: Collection[str]) -> list[str]:
        """Returns the received ids, once there are enough or no more come."""
        heard: list[str] = []
        while len(heard) < len(bookings):
            try:
                answer = await self._stream.next(within=_LATEST_SECONDS)
            except TimeoutError:
                break
            heard.append(answer["bookingChanged"]["booking"]["id"])
        assert self._stream.messages.empty()
        return heard

    async def stall(self) -> None:
        """Stops reading, and requests more than socket buffers can hold."""
        self._client.socket.transport.pause_reading()
        ping = {"type": "ping", "payload": {"echo": "x" * _ECHO_BYTES}}
        # The server stops to listen once it has so much to say.
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                for _ in range(_ECHOES):
                    await self._client.send(ping)

    def vanish(self) -> None:
        """Drops the connection without closing it."""
        self._client.socket.transport.abort()


@asynccontextmanager
async def listening(app: App, token: str) -> AsyncIterator[Listener]:
    """Subscribes to all new bookings."""
    async with live(app.address, token=token) as client:
        now = await (await client.subscribe(_NOW)).next()
        after = {"after": now["bookings"]["eventCursor"]}
        yield Listener(client, await client.subscribe(_NEW, after))


@asynccontextmanager
async def crowd(app: App, token: str, *, number: int) -> AsyncIterator[list[Listener]]:
    """Opens a number of listeners, which later disconnect without closing."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def enter(stack: AsyncExitStack) -> Listener:
        async with limit:
            listener = await stack.enter_async_context(listening(app, token))
        stack.callback(listener.vanish)
        return listener

    async with AsyncExitStack() as stack:
        yield await asyncio.gather(*(enter(stack) for _ in range(number)))
