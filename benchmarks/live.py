"""Measures the cost of an event with thousands of subscribers: `python -m benchmarks.live`.

The same bytes are sent in turn to as many sockets of a plain broadcast, and of a stock Strawberry
subscription. CPU is that of the server process, including the change that causes the event.
"""

import argparse
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import httpx2
import orjson
import psutil
import uvloop

from benchmarks.data import Data, load
from benchmarks.database import SECRET, empty_database, environment
from benchmarks.sockets import Crowd
from kit.postgres.connection_urls import DatabaseUrls

LIVE: Final = """
    subscription Live($after: EventCursor) {
      bookingChanged(after: $after) {
        ... on BookingChanged {
          cursor type at
          booking {
            id reference version status startsAt endsAt partySize room { name } customer { name }
          }
        }
        ... on ResyncRequired { cursor reason }
      }
    }
"""
CHANGE: Final = """
    mutation Change($id: ID!, $version: Int!, $input: UpdateBookingInput!) {
      updateBooking(id: $id, version: $version, input: $input) { userErrors { message } }
    }
"""
CURSOR: Final = "{ bookings(first: 1) { eventCursor } }"
# An idle machine needs a second or two, a busy one much longer.
_TIMEOUT_SECONDS: Final = 120


@dataclass(slots=True)
class Target:
    """A server with its sockets; ``trigger`` causes an event for all of them."""

    process: psutil.Process
    crowd: Crowd
    trigger: Callable[[], Awaitable[None]]
    # The CPU time of the change itself, without subscribers.
    change_seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    lasted: float = 0.0

    async def take_turn(self, events: int) -> None:
        before = _cpu(self.process)
        for _ in range(events):
            latencies = await self.crowd.hear(self.trigger)
            self.latencies += latencies
            self.lasted += max(latencies)
        self.cpu_seconds += _cpu(self.process) - before

    def figures(self) -> dict[str, float]:
        cuts = quantiles(self.latencies, n=100)
        messages = len(self.latencies)
        return {
            "messages": messages,
            "cpu_us_per_message": round(self.cpu_seconds / messages * 1e6, 2),
            "change_us_of_it": round(self.change_seconds / self.crowd.size * 1e6, 2),
            "p50_ms": round(cuts[49] * 1000, 1),
            "p95_ms": round(cuts[94] * 1000, 1),
            "messages_per_second": round(messages / self.lasted),
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--subscribers", type=int, default=5_000)
    parser.add_argument("--stock-subscribers", type=int, default=500)
    parser.add_argument("--turns", type=int, default=5, help="of each target, alternating")
    parser.add_argument("--events", type=int, default=8, help="in a turn")
    parser.add_argument("--json", action="store_true", help="print the figures as one object")
    arguments = parser.parse_args()

    _allow_files(3 * arguments.subscribers + 1_000)
    with empty_database() as (urls, folder):
        figures = uvloop.run(_run(urls, folder, arguments))
    if arguments.json:
        print(orjson.dumps(figures).decode())
    else:
        _print(figures)


async def _run(
    urls: DatabaseUrls, folder: Path, arguments: argparse.Namespace
) -> dict[str, dict[str, float]]:
    data = await load(urls, SECRET.encode(), tenants=1, bookings=0)
    unlimited = environment(urls, folder, BOOM_RATE_LIMIT="off")
    with ExitStack() as stack:
        async with httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS) as http:

            def enter(factory: str) -> tuple[int, psutil.Process]:
                return stack.enter_context(served(factory, unlimited))

            ours = await _ours(
                enter("benchmarks.live_ours:create_app"), data, http, arguments.subscribers
            )
            stack.callback(ours.crowd.leave)
            text = ours.crowd.sample
            plain = await _peer(
                enter("benchmarks.live_targets:create_broadcast"),
                (),
                text,
                http,
                arguments.subscribers,
            )
            stack.callback(plain.crowd.leave)
            for _ in range(arguments.turns):
                await ours.take_turn(arguments.events)
                await plain.take_turn(arguments.events)
            stock = await _peer(
                enter("benchmarks.live_targets:create_stock"),
                _greeting(None),
                text,
                http,
                arguments.stock_subscribers,
            )
            stack.callback(stock.crowd.leave)
            await stock.take_turn(arguments.events)
    figures = {
        name: target.figures()
        for name, target in {"ours": ours, "broadcast": plain, "stock": stock}.items()
    }
    for of_target in figures.values():
        of_target["ratio"] = round(
            of_target["cpu_us_per_message"] / figures["broadcast"]["cpu_us_per_message"], 2
        )
    return figures


async def _ours(
    server: tuple[int, psutil.Process], data: Data, http: httpx2.AsyncClient, subscribers: int
) -> Target:
    port, process = server
    versions = count(1)
    headers = {"Authorization": f"Bearer {data.token}"}

    async def ask(query: str, variables: Mapping[str, object] | None = None) -> Any:
        body = {"query": query, "variables": variables}
        url = f"http://127.0.0.1:{port}/graphql"
        answer = (await http.post(url, json=body, headers=headers)).json()
        (value,) = answer["data"].values()
        return value

    async def trigger() -> None:
        version = next(versions)
        changed = {"partySize": 2 + version % 2}
        given = {"id": data.booking_node_id, "version": version, "input": changed}
        errors = (await ask(CHANGE, given))["userErrors"]
        if errors:
            raise SystemExit(f"The change was refused: {errors}")

    # The first few are slower than all others.
    await _cpu_of(process, trigger, times=10)
    change_seconds = await _cpu_of(process, trigger, times=40)
    cursor = (await ask(CURSOR))["eventCursor"]
    await trigger()
    crowd = Crowd("/graphql", port, _greeting(cursor, data.token), _is_event)
    await crowd.enter(subscribers)
    # Each is sent the one change that it missed, and is ready after that.
    await crowd.all_have_heard(1)
    return Target(process, crowd, trigger, change_seconds)


async def _peer(
    server: tuple[int, psutil.Process],
    greeting: tuple[bytes, ...],
    text: bytes,
    http: httpx2.AsyncClient,
    subscribers: int,
) -> Target:
    port, process = server

    async def trigger() -> None:
        await http.post(f"http://127.0.0.1:{port}/publish", content=text)

    crowd = Crowd("/graphql", port, greeting, _is_event)
    await crowd.enter(subscribers)
    await crowd.hear_again(trigger)
    return Target(process, crowd, trigger)


async def _cpu_of(
    process: psutil.Process, cause: Callable[[], Awaitable[None]], *, times: int
) -> float:
    """Returns the CPU seconds of each call."""
    before = _cpu(process)
    for _ in range(times):
        await cause()
    return (_cpu(process) - before) / times


def _greeting(cursor: str | None, token: str | None = None) -> tuple[bytes, ...]:
    credentials = {"authorization": f"Bearer {token}"} if token else {}
    # The stock server's scalar has another name.
    query = LIVE if cursor else LIVE.replace("EventCursor", "String")
    asked = {"query": query, "variables": {"after": cursor}}
    return (
        orjson.dumps({"type": "connection_init", "payload": credentials}),
        orjson.dumps({"id": "1", "type": "subscribe", "payload": asked}),
    )


def _is_event(payload: bytes) -> bool:
    if b'"error' in payload:
        raise SystemExit(f"A target failed: {payload.decode()}")
    return b"bookingChanged" in payload


@contextmanager
def served(
    factory: str, environment: Mapping[str, str], *, http: str = "httptools"
) -> Iterator[tuple[int, psutil.Process]]:
    """Runs one process of uvicorn, with the options of the product."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", factory, "--factory", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning", "--loop", "uvloop"]
    command += ["--http", http, "--no-server-header", "--ws", "websockets-sansio"]
    command += ["--ws-per-message-deflate", "false", "--ws-ping-interval", "10"]
    command += ["--ws-ping-timeout", "10"]
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield port, psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(10 * _TIMEOUT_SECONDS):
        if process.poll() is not None:
            raise SystemExit("A target ended before it served.")
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"A target didn't serve within {_TIMEOUT_SECONDS} s.")


def _allow_files(number: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number <= hard or hard == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number), hard))
    elif hard < number:
        raise SystemExit(f"This needs {number} open files; 'ulimit -Hn' says {hard}.")


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _print(figures: Mapping[str, Mapping[str, float]]) -> None:
    names = list(next(iter(figures.values())))
    print(f"{'':12}" + "".join(f"{name:>22}" for name in names))
    for target, of_target in figures.items():
        print(f"{target:12}" + "".join(f"{value:>22}" for value in of_target.values()))


if __name__ == "__main__":
    main()
