"""Generates HTTP load: clients with a connection each, for a bounded time."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from statistics import quantiles
from typing import Final, Self, cast

import psutil

ANSWER_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Call:
    """Prepared requests to one port; each response must contain ``sign`` in its body."""

    port: int
    requests: Iterator[bytes]
    sign: bytes = b""

    @classmethod
    def get(cls, port: int, path: str) -> Self:
        """Repeats one GET request."""
        return cls(port, repeat(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()))

    @classmethod
    def post(
        cls, port: int, path: str, bodies: Iterator[bytes], *, token: str = "", sign: bytes = b""
    ) -> Self:
        """Posts one JSON body per request."""
        login = f"Authorization: Bearer {token}\r\n" if token else ""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{login}"
        ).encode()
        requests = (b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body) for body in bodies)
        return cls(port, requests, sign)


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of one round against one target."""

    rps: float
    p50_ms: float
    p95_ms: float
    cpu_us_per_request: float


class BadAnswer(Exception):
    """A target responded with an error, or with something else than expected."""


async def answer_of(call: Call) -> bytes:
    """Returns the body of one response. Raises BadAnswer and OSError."""
    client = await _connected(call, until=0, keeps_bodies=True)
    await asyncio.wait_for(client.done, ANSWER_SECONDS)
    return client.body


async def answers_at_once(calls: Sequence[Call]) -> list[tuple[bytes, float]]:
    """Sends a request of each call at once; returns their bodies and how many seconds each took."""
    began = time.perf_counter()
    each = [await _connected(call, until=began, keeps_bodies=True) for call in calls]
    async with asyncio.timeout(ANSWER_SECONDS):
        await asyncio.gather(*(client.done for client in each))
    return [(client.body, client.latencies[0]) for client in each]


async def measure(call: Call, server: psutil.Process, *, clients: int, seconds: float) -> Measured:
    """Sends requests from so many clients for so long; CPU is that of the server process."""
    before, began = cpu_of(server), time.perf_counter()
    each = [await _connected(call, until=began + seconds) for _ in range(clients)]
    async with asyncio.timeout(seconds + ANSWER_SECONDS):
        await asyncio.gather(*(client.done for client in each))
    lasted, spent = time.perf_counter() - began, cpu_of(server) - before
    latencies = [latency for client in each for latency in client.latencies]
    cuts = quantiles(latencies, n=100) if len(latencies) > 1 else latencies * 99
    return Measured(
        rps=len(latencies) / lasted,
        p50_ms=cuts[49] * 1000,
        p95_ms=cuts[94] * 1000,
        cpu_us_per_request=spent / len(latencies) * 1e6,
    )


async def _connected(call: Call, *, until: float, keeps_bodies: bool = False) -> "_Client":
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: _Client(call, until, keeps_bodies=keeps_bodies), "127.0.0.1", call.port
    )
    return client


class _Client(asyncio.Protocol):
    """Sends the next request when the last one is answered. So cheap that it isn't what is slow:
    of an answer it reads the status, the length and, where one is wanted, the sign.
    """

    def __init__(self, call: Call, until: float, *, keeps_bodies: bool) -> None:
        self.latencies: list[float] = []
        self.body = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._call = call
        self._until = until
        self._keeps = keeps_bodies or bool(call.sign)
        self._received: list[bytes] = []
        # Of the body; None before the head is complete.
        self._missing: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        if self._missing is None:
            self._begin(b"".join([*self._received, data]))
        else:
            self._missing -= len(data)
            if self._keeps:
                self._received.append(data)
        if self._missing == 0 and not self.done.done():
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(BadAnswer(f"the connection was closed: {exc}"))

    def _begin(self, data: bytes) -> None:
        head, end, body = data.partition(b"\r\n\r\n")
        if not end:
            self._received = [data]
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail(data)
            return
        self._missing = _length(head) - len(body)
        self._received = [body] if self._keeps else []

    def _end(self) -> None:
        now = time.perf_counter()
        self.latencies.append(now - self._sent)
        if self._keeps:
            self.body = b"".join(self._received)
            if self._call.sign not in self.body:
                self._fail(self.body)
                return
        self._received = []
        self._missing = None
        if now < self._until:
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._call.requests))

    def _fail(self, data: bytes) -> None:
        self.done.set_exception(BadAnswer(data[:2000].decode(errors="replace")))
        self._transport.abort()


def _length(head: bytes) -> int:
    at = head.find(b"ontent-")
    while at >= 0:
        name, _, rest = head[at:].partition(b":")
        if name.lower() == b"ontent-length":
            return int(rest.split(b"\r\n", 1)[0])
        at = head.find(b"ontent-", at + 1)
    raise BadAnswer(f"no Content-Length:\n{head.decode(errors='replace')}")


def cpu_of(process: psutil.Process) -> float:
    """Returns the seconds of processor time that a process has used."""
    times = process.cpu_times()
    return times.user + times.system
