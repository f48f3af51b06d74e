"""Measures how an attack from one address affects others: `python -m benchmarks.attacks`.

An anonymous client at another address reads a venue's public page before and during an attack. The
server runs as in production, with all limits. Linux only, where all of 127/8 is local.
"""

import argparse
import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import asyncpg
import httpx2
import orjson
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from benchmarks.data import Data, load
from benchmarks.database import SECRET, empty_database, environment
from benchmarks.live import CHANGE, served
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.security.tokens import Tokens
from web.server.connection_limits import BoundedProtocol, Connections

ATTACKER: Final = "127.0.0.2"
STRANGER: Final = "127.0.0.3"
PAGE: Final = '{ venue(subdomain: "bench-0") { name timeZone } }'
TRACK: Final = "mutation ($input: TrackEventsInput!) { trackEvents(input: $input) { counted } }"
LOGINS: Final = 4
ASKED: Final = 2_000
_READS: Final = 150
_BETWEEN_SECONDS: Final = 0.02

protocol = partial(BoundedProtocol, connections=Connections(of_address=100))
"""How the product speaks HTTP."""


@dataclass(frozen=True, slots=True)
class Target:
    """The attacked server."""

    port: int
    data: Data
    tokens: list[str]


Attack = Callable[[Target], AbstractAsyncContextManager[None]]


def main() -> None:
    argparse.ArgumentParser(prog="python -m benchmarks.attacks", description=__doc__).parse_args()
    with empty_database() as (urls, folder):
        uvloop.run(_run(urls, folder))


async def _run(urls: DatabaseUrls, folder: Path) -> None:
    data = await load(urls, SECRET.encode(), tenants=1, bookings=0)
    tokens = [data.token, *[await _log_in(urls, data) for _ in range(LOGINS)]]
    with ExitStack() as stack:
        port, _ = stack.enter_context(
            served(
                "benchmarks.live_ours:create_app",
                environment(urls, folder),
                http="benchmarks.attacks:protocol",
            )
        )
        target = Target(port, data, tokens)
        # In a separate process, which the attackers here can't slow down.
        pool = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
        read = partial(asyncio.get_running_loop().run_in_executor, pool, p95, port)
        await read()
        change = partial(
            asyncio.get_running_loop().run_in_executor,
            pool,
            p95_of_changes,
            port,
            data.token,
            data.booking_node_id,
        )
        for attack in ATTACKS:
            await _compare(attack.__name__, attack(target), read)
        await _compare("... beside bookings", floods_of_events(target), change)


async def _compare(
    name: str, attack: AbstractAsyncContextManager[None], measure: Callable[[], Awaitable[float]]
) -> None:
    before = await measure()
    async with attack:
        during = await measure()
    print(
        f"{name:<20} p95 {before:6.1f} ms before, {during:6.1f} ms during: "
        f"{during / before:.1f} times",
        flush=True,
    )
    await asyncio.sleep(2)


async def _log_in(urls: DatabaseUrls, data: Data) -> str:
    """Returns the access token of another session of the owner."""
    connection = await asyncpg.connect(urls.owner)
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT set_config('app.tenant', $1, true)", str(data.tenant_id)
            )
            user, session = await connection.fetchval("SELECT id FROM users"), new_id()
            await connection.execute(
                "INSERT INTO sessions (tenant_id, id, user_id, created_at) VALUES ($1,$2,$3,now())",
                *(data.tenant_id, session, user),
            )
    finally:
        await connection.close()
    token, _ = Tokens(SECRET.encode()).sign(
        tenant_id=data.tenant_id, user_id=user, session_id=session, now=datetime.now(UTC)
    )
    return token


def p95(port: int) -> float:
    """Returns the anonymous client's p95 latency in milliseconds."""
    return quantiles(asyncio.run(_read(port)), n=20)[18] * 1000


def p95_of_changes(port: int, token: str, booking_id: str) -> float:
    """Returns the p95 latency of changes of a booking in milliseconds."""
    return quantiles(asyncio.run(_change_often(port, token, booking_id)), n=20)[18] * 1000


async def _read(port: int) -> list[float]:
    """Returns how long each response took, in seconds."""
    taken = []
    async with _client(port, STRANGER) as http:
        for _ in range(_READS):
            taken.append(await _seconds(http, {"query": PAGE}))
            await asyncio.sleep(_BETWEEN_SECONDS)
    return taken


async def _change_often(port: int, token: str, booking_id: str) -> list[float]:
    headers = {"Authorization": f"Bearer {token}"}
    taken = []
    async with _client(port, STRANGER) as http:
        query = "query ($id: ID!) { booking(id: $id) { version } }"
        given = {"query": query, "variables": {"id": booking_id}}
        answer = await http.post("/graphql", json=given, headers=headers)
        version = answer.json()["data"]["booking"]["version"]
        for number in range(version, version + _READS):
            sizes = {"partySize": 2 + number % 2}
            change = {"id": booking_id, "version": number, "input": sizes}
            body = {"query": CHANGE, "variables": change}
            taken.append(await _seconds(http, body, headers=headers))
            await asyncio.sleep(_BETWEEN_SECONDS)
    return taken


async def _seconds(
    http: httpx2.AsyncClient, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> float:
    began = time.perf_counter()
    answer = await http.post("/graphql", json=body, headers=headers)
    taken = time.perf_counter() - began
    if "errors" in answer.json():
        raise SystemExit(f"The stranger was refused: {answer.text}")
    return taken


def _client(port: int, address: str) -> httpx2.AsyncClient:
    transport = httpx2.AsyncHTTPTransport(local_address=address)
    return httpx2.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}", timeout=120)


# ---------------------------------------------------------------------- attacks


@asynccontextmanager
async def live_questions(target: Target) -> AsyncIterator[None]:
    """Four logins ask 500 differently aliased subscriptions each, and bookings change."""
    sockets = [
        await _socket(target, token) for token in target.tokens[1:] for _ in range(LOGINS + 1)
    ]
    each = ASKED // len(sockets)
    for number, open in enumerate(sockets):
        for question in range(each):
            text = (
                f"subscription {{ n{number}_{question}: bookingChanged {{ ... on BookingChanged "
                "{ booking { reference room { name } customer { name } } } } }"
            )
            await _send(open, {"id": f"{question}", "type": "subscribe", "payload": _asked(text)})
            await asyncio.sleep(0.011)
    reading = [asyncio.create_task(_drain(open)) for open in sockets]
    async with _running(_change(target)):
        yield
    for open, task in zip(sockets, reading, strict=True):
        await open.close()
        await task


@asynccontextmanager
async def idle_connections(target: Target) -> AsyncIterator[None]:
    """1,500 connections that send nothing, reopened when they are closed."""
    async with _running(*(_say(target, b"") for _ in range(1_500))):
        yield


@asynccontextmanager
async def slow_heads(target: Target) -> AsyncIterator[None]:
    """200 requests whose heads never end."""
    head = b"POST /graphql HTTP/1.1\r\nHost: x\r\n"
    async with _running(*(_say(target, head, b"X-Slow: x\r\n") for _ in range(200))):
        yield


@asynccontextmanager
async def large_heads(target: Target) -> AsyncIterator[None]:
    """Four clients that send large heads without a pause."""
    head = b"POST /graphql HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 40_000
    async with _running(*(_say(target, head) for _ in range(4))):
        yield


@asynccontextmanager
async def wrong_tokens(target: Target) -> AsyncIterator[None]:
    """Four clients that guess tokens without a pause."""

    async def guess() -> None:
        async with _client(target.port, ATTACKER) as http:
            while True:
                headers = {"Authorization": f"Bearer {new_id()}"}
                await http.post("/graphql", json=_asked("{ viewer { id } }"), headers=headers)

    async with _running(*(guess() for _ in range(4))):
        yield


@asynccontextmanager
async def unknown_documents(target: Target) -> AsyncIterator[None]:
    """Four clients that send 200 spreads of small fragments, with a new name each time."""
    fragments = "".join(f"fragment F{n} on Query {{ __typename }}" for n in range(200))
    spreads = "".join(f"...F{n}" for n in range(200))

    async def ask() -> None:
        async with _client(target.port, ATTACKER) as http:
            while True:
                name = f"N{new_id().hex}"
                text = f"query {name} {{ {spreads} }} {fragments}"
                await http.post("/graphql", json=_asked(text))

    async with _running(*(ask() for _ in range(4))):
        yield


@asynccontextmanager
async def known_documents(target: Target) -> AsyncIterator[None]:
    """Sixteen clients that send the same small query without a pause."""

    async def ask() -> None:
        async with _client(target.port, ATTACKER) as http:
            while True:
                await http.post("/graphql", json=_asked("{ __typename }"))

    async with _running(*(ask() for _ in range(16))):
        yield


@asynccontextmanager
async def floods_of_messages(target: Target) -> AsyncIterator[None]:
    """Four sockets that send small frames without a pause, reopened when they are closed."""

    async def flood() -> None:
        while True:
            with suppress(OSError, ConnectionClosed, InvalidStatus):
                open = await _socket(target, target.tokens[1])
                while True:
                    await open.send('{"type":"ping"}')

    async with _running(*(flood() for _ in range(4))):
        yield


@asynccontextmanager
async def floods_of_events(target: Target) -> AsyncIterator[None]:
    """Sixteen clients that report 100 visitors' events at once without a pause."""

    events = [{"id": new_id().hex, "action": "VIEWED"} for _ in range(100)]
    given = {"input": {"subdomain": "bench-0", "events": events}}
    body = orjson.dumps({"query": TRACK, "variables": given})

    async def report() -> None:
        headers = {"Content-Type": "application/json"}
        async with _client(target.port, ATTACKER) as http:
            while True:
                await http.post("/graphql", content=body, headers=headers)

    async with _running(*(report() for _ in range(16))):
        yield


ATTACKS: Final[tuple[Attack, ...]] = (
    live_questions,
    idle_connections,
    slow_heads,
    large_heads,
    wrong_tokens,
    unknown_documents,
    known_documents,
    floods_of_messages,
    floods_of_events,
)


@asynccontextmanager
async def _running(*attackers: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(attacker) for attacker in attackers]
    await asyncio.sleep(1)
    for task in tasks:
        if task.done():
            task.result()
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _change(target: Target) -> None:
    """Changes a booking ten times a second."""
    headers = {"Authorization": f"Bearer {target.data.token}"}
    async with _client(target.port, ATTACKER) as http:
        version = 1
        while True:
            given = {
                "id": target.data.booking_node_id,
                "version": version,
                "input": {"partySize": 2 + version % 2},
            }
            answer = await http.post(
                "/graphql", json={"query": CHANGE, "variables": given}, headers=headers
            )
            version += "errors" not in answer.json()
            await asyncio.sleep(0.1)


async def _say(target: Target, first: bytes, again: bytes = b"") -> None:
    """Sends bytes on a connection, then more each second; reconnects when it is closed."""
    while True:
        # uvloop's transports raise RuntimeError if the other side has closed.
        with suppress(OSError, RuntimeError):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", target.port, local_addr=(ATTACKER, 0)
            )
            writer.write(first)
            is_open = True
            while is_open:
                try:
                    async with asyncio.timeout(1):
                        is_open = await reader.read(1_000) != b""
                except TimeoutError:
                    writer.write(again)
            writer.close()
        await asyncio.sleep(1)


async def _socket(target: Target, token: str) -> ClientConnection:
    open = await connect(
        f"ws://127.0.0.1:{target.port}/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        compression=None,
        local_addr=(ATTACKER, 0),
    )
    await _send(open, {"type": "connection_init", "payload": {"authorization": token}})
    await open.recv()
    return open


async def _send(open: ClientConnection, message: Mapping[str, object]) -> None:
    await open.send(orjson.dumps(message).decode())


async def _drain(open: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        async for _ in open:
            pass


def _asked(text: str) -> dict[str, object]:
    return {"query": text}


if __name__ == "__main__":
    if not hasattr(socket, "SO_BINDTODEVICE"):
        raise SystemExit("Only on Linux, where all of 127/8 is this machine's.")
    main()
