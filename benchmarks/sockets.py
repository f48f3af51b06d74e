"""Thousands of WebSockets that count and time the messages they receive."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from os import urandom
from struct import unpack_from
from typing import Final, cast

_OPENED_AT_ONCE: Final = 100
_TEXT: Final = 1
_CLOSE: Final = 8
_PING: Final = 9
_PONG: Final = 10
_TIMEOUT_SECONDS: Final = 120

Now = Callable[[], float]


@dataclass(slots=True)
class Crowd:
    """The sockets of one server, and when each received the messages that count.

    ``greeting`` are the messages that a socket sends first, ``is_counted`` selects messages.
    """

    url_path: str
    port: int
    greeting: Sequence[bytes]
    is_counted: Callable[[bytes], bool]
    arrivals: list[float] = field(default_factory=list)
    sample: bytes = b""
    _sockets: "list[_Socket]" = field(default_factory=list)
    _wanted: int = 0
    _is_there: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def size(self) -> int:
        return len(self._sockets)

    async def enter(self, number: int) -> None:
        """Opens so many sockets and sends the greeting. Raises TimeoutError, ConnectionError."""
        limit = asyncio.Semaphore(_OPENED_AT_ONCE)
        await asyncio.gather(*(self._open(limit) for _ in range(number)))

    async def hear(self, cause: Callable[[], Awaitable[None]]) -> list[float]:
        """Causes an event; returns after how many seconds each socket received it."""
        self.arrivals.clear()
        self._wanted = len(self._sockets)
        self._is_there.clear()
        began = asyncio.get_running_loop().time()
        await cause()
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await self._is_there.wait()
        return [arrival - began for arrival in self.arrivals]

    async def hear_again(self, cause: Callable[[], Awaitable[None]]) -> None:
        """Causes events until every socket has received one; new ones may miss the first."""
        heard: dict[_Socket, int] = {}
        for _ in range(_TIMEOUT_SECONDS):
            heard = {each: each.counted for each in self._sockets}
            await cause()
            await asyncio.sleep(1)
            if all(each.counted > before for each, before in heard.items()):
                return
        raise TimeoutError

    async def all_have_heard(self, number: int) -> None:
        """Waits until each socket has received so many. Raises TimeoutError."""
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            while any(each.counted < number for each in self._sockets):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def leave(self) -> None:
        for each in self._sockets:
            each.drop()

    def count(self, payload: bytes, now: float) -> None:
        self.sample = payload
        self.arrivals.append(now)
        if len(self.arrivals) == self._wanted:
            self._is_there.set()

    async def _open(self, limit: asyncio.Semaphore) -> None:
        loop = asyncio.get_running_loop()
        async with limit, asyncio.timeout(_TIMEOUT_SECONDS):
            make = partial(_Socket, self, loop.time)
            _, socket = await loop.create_connection(make, "127.0.0.1", self.port)
            self._sockets.append(socket)
            await socket.is_greeted


class _Socket(asyncio.Protocol):
    """A minimal client of RFC 6455: whole frames from the server, zero masks to it."""

    def __init__(self, crowd: Crowd, now: Now) -> None:
        self._crowd = crowd
        self._now = now
        self._buffer = b""
        self._is_open = False
        self._transport: asyncio.Transport | None = None
        self._to_send = list(crowd.greeting)
        self.counted = 0
        self.is_greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport doesn't inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        key = b64encode(urandom(16)).decode()
        self._transport.write(
            f"GET {self._crowd.url_path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._is_open:
            head, found, rest = buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = buffer
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._fail(ConnectionError(head.decode()))
                return
            self._is_open = True
            buffer = rest
            self._greet()
        start = 0
        while (end := _end_of_frame(buffer, start)) is not None:
            self._take(buffer[start] & 15, buffer, start, end)
            start = end
        self._buffer = buffer[start:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server closed a socket"))

    def drop(self) -> None:
        if self._transport:
            self._transport.abort()

    def _take(self, opcode: int, buffer: bytes, start: int, end: int) -> None:
        payload = buffer[start + _head_length(buffer, start) : end]
        if opcode == _TEXT and self._crowd.is_counted(payload):
            self.counted += 1
            self._crowd.count(payload, self._now())
        elif opcode == _TEXT:
            self._greet()
        elif opcode == _PING:
            self._send(payload, opcode=_PONG)
        elif opcode == _CLOSE:
            self._fail(ConnectionError(f"the server closed a socket: {payload!r}"))

    def _greet(self) -> None:
        """Sends the next message of the greeting; the one after waits for a reply."""
        if self._to_send:
            self._send(self._to_send.pop(0))
        if not self._to_send and not self.is_greeted.done():
            self.is_greeted.set_result(None)

    def _send(self, payload: bytes, *, opcode: int = _TEXT) -> None:
        assert self._transport is not None
        length = len(payload)
        size = bytes([128 | length]) if length < 126 else b"\xfe" + length.to_bytes(2)
        self._transport.write(bytes([128 | opcode]) + size + bytes(4) + payload)

    def _fail(self, error: Exception) -> None:
        if not self.is_greeted.done():
            self.is_greeted.set_exception(error)


def _head_length(buffer: bytes, start: int) -> int:
    return {126: 4, 127: 10}.get(buffer[start + 1], 2)


def _end_of_frame(buffer: bytes, start: int) -> int | None:
    """Returns the end of the frame that begins here; None if it is incomplete."""
    have = len(buffer) - start
    if have < 2 or have < _head_length(buffer, start):
        return None
    length = buffer[start + 1]
    if length == 126:
        (length,) = unpack_from(">H", buffer, start + 2)
    elif length == 127:
        (length,) = unpack_from(">Q", buffer, start + 2)
    end: int = start + _head_length(buffer, start) + length
    return end if end <= len(buffer) else None
