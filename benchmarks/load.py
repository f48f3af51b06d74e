"""A load over HTTP: some clients, each on a connection of its own, for a bounded time."""

import asyncio
import time
from dataclasses import dataclass
from statistics import quantiles
from typing import Self

import psutil


@dataclass(frozen=True, slots=True)
class Call:
    """One request, ready to be sent again and again."""

    port: int
    raw: bytes

    @classmethod
    def get(cls, port: int, path: str) -> Self:
        return cls(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    @classmethod
    def post(cls, port: int, path: str, body: bytes, token: str) -> Self:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return cls(port, head.encode() + body)


@dataclass(frozen=True, slots=True)
class Measured:
    """One round against one target."""

    rps: float
    p50_ms: float
    p95_ms: float
    cpu_us_per_request: float


async def answer_of(call: Call) -> bytes:
    """The body of one answer. Raises RuntimeError unless it is 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", call.port)
    try:
        return await _exchange(reader, writer, call.raw)
    finally:
        writer.close()


async def measure(call: Call, server: psutil.Process, *, clients: int, seconds: float) -> Measured:
    """Send the call from so many clients for so long; CPU is that of the server's process."""
    latencies: list[float] = []
    before, began = _cpu(server), time.perf_counter()
    await asyncio.gather(*(_client(call, began + seconds, latencies) for _ in range(clients)))
    lasted, spent = time.perf_counter() - began, _cpu(server) - before
    cuts = quantiles(latencies, n=100)
    return Measured(
        rps=len(latencies) / lasted,
        p50_ms=cuts[49] * 1000,
        p95_ms=cuts[94] * 1000,
        cpu_us_per_request=spent / len(latencies) * 1e6,
    )


async def _client(call: Call, until: float, latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", call.port)
    try:
        while (sent := time.perf_counter()) < until:
            await _exchange(reader, writer, call.raw)
            latencies.append(time.perf_counter() - sent)
    finally:
        writer.close()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes
) -> bytes:
    writer.write(raw)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{head.decode()}{body.decode()}")
    return body


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
