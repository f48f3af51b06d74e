"""Measures webhooks beside endpoints that hang: `python -m benchmarks.webhooks`.

Each of many venues has an endpoint on this machine; some of them never answer. Events are written
to the log at an even rate, to one venue after the other in a random order, and a worker of its own
process sends them. Prints the time from an event's commit until its webhook has come, for the
endpoints that answer. Nothing else follows these events, and their objects aren't found.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import quantiles
from time import perf_counter
from typing import IO, Any, Final
from uuid import UUID

import asyncpg
import orjson
import psutil

from benchmarks.database import SECRET, add_tenant, empty_database, environment
from domain.webhooks.signatures import new_secret
from kit.events.notify_bus import CHANNEL
from kit.ids import new_id
from kit.security.encryption import Cipher
from resolvers.webhooks.endpoints import use_of
from schema.core.global_ids import read_id

START_SECONDS: Final = 60
END_SECONDS: Final = 30
"""How long after the last event its webhook is waited for."""
WARM_UP_SECONDS: Final = 3.0
_INSERT_ENDPOINT: Final = """
    INSERT INTO webhook_endpoints (tenant_id, id, url, event_types, secret, owner_id, version,
        created_at, updated_at)
    VALUES ($1, $2, $3, '["ROOM_UPDATED"]', $4, $5, 1, $6, $6)
"""
_INSERT_ENTRY: Final = """
    INSERT INTO log (tenant_id, type, at, actor_kind, request_id, subject_type, subject_id)
    VALUES ($1, 'ROOM_UPDATED', $2, 'SYSTEM', $3, 'Room', $3)
"""


class Receiver:
    """Notes when the webhook of each object came; what is sent to /hang isn't answered."""

    def __init__(self) -> None:
        self.came: dict[UUID, float] = {}
        self.hung = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().lower().split("\r\n")
                length = next(each for each in lines if each.startswith("content-length:"))
                body = await reader.readexactly(int(length.partition(":")[2]))
                if "/hang" in lines[0]:
                    self.hung += 1
                    await reader.read()
                    return
                subject = read_id(orjson.loads(body)["data"]["subjectId"])[1]
                self.came.setdefault(subject, perf_counter())
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhooks", description=__doc__)
    parser.add_argument("--endpoints", type=int, default=1_000)
    parser.add_argument("--hanging", type=int, default=50)
    parser.add_argument("--rate", type=int, default=100, help="events a second")
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    with empty_database() as (urls, folder):
        settings = environment(urls, folder, BOOM_OUTBOUND_LOOPBACK="1")
        asyncio.run(measure(given, urls.owner, settings))


async def measure(given: argparse.Namespace, url: str, settings: Mapping[str, str]) -> None:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, backlog=1_000)
    here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    connection = await asyncpg.connect(url)
    paths = ["/hang"] * given.hanging + ["/"] * (given.endpoints - given.hanging)
    venues = [await add_venue(connection, number, here + path) for number, path in enumerate(paths)]
    hanging = frozenset(venues[: given.hanging])
    with worker(settings) as process:
        await until_begun(connection)
        await write(connection, venues, rate=given.rate, seconds=WARM_UP_SECONDS)
        before, began = process.cpu_times(), perf_counter()
        written = await write(connection, venues, rate=given.rate, seconds=given.seconds)
        after, took = process.cpu_times(), perf_counter() - began
        wanted = {id: at for id, (tenant, at) in written.items() if tenant not in hanging}
        await until_received(receiver, wanted)
    await connection.close()
    server.close()
    busy = (after.user + after.system - before.user - before.system) / took
    report(given, receiver, wanted, rate=len(written) / took, busy=busy)


async def add_venue(connection: Any, number: int, url: str) -> UUID:
    now, id = datetime.now(UTC), new_id()
    async with connection.transaction():
        tenant, user, _ = await add_tenant(connection, "venue", number, now)
        secret = Cipher(SECRET.encode()).encrypt(new_secret(), use=use_of(id))
        # Otherwise the owner has no access.
        await connection.execute("UPDATE users SET password_hash = '-' WHERE id = $1", user)
        await connection.execute(_INSERT_ENDPOINT, tenant, id, url, secret, user, now)
    return tenant


async def write(
    connection: Any, venues: Sequence[UUID], *, rate: int, seconds: float
) -> Mapping[UUID, tuple[UUID, float]]:
    """Writes events at an even rate; returns the venue and the commit of each, by its object."""
    written: dict[UUID, tuple[UUID, float]] = {}
    order = random.sample(venues, len(venues))
    began = perf_counter()
    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(began + number / rate - perf_counter(), 0))
        tenant, id = order[number % len(order)], new_id()
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
            await connection.execute(_INSERT_ENTRY, tenant, datetime.now(UTC), id)
            await connection.execute(f"NOTIFY {CHANNEL}, '{tenant.hex}'")
        written[id] = tenant, perf_counter()
    return written


async def until_received(receiver: Receiver, wanted: Mapping[UUID, float]) -> None:
    deadline = perf_counter() + END_SECONDS
    while not wanted.keys() <= receiver.came.keys() and perf_counter() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def until_begun(connection: Any) -> None:
    async with asyncio.timeout(START_SECONDS):
        begun = "SELECT EXISTS (SELECT FROM event_handler_starts WHERE handler = 'webhooks')"
        while not await connection.fetchval(begun):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


def report(
    given: argparse.Namespace,
    receiver: Receiver,
    wanted: Mapping[UUID, float],
    *,
    rate: float,
    busy: float,
) -> None:
    took = sorted(receiver.came[id] - at for id, at in wanted.items() if id in receiver.came)
    if len(took) < 2:
        raise SystemExit(f"only {len(took)} of {len(wanted)} webhooks came")
    parts = quantiles(took, n=100)
    print(
        f"{given.endpoints:,} endpoints, {given.hanging} of which hang ({receiver.hung} requests); "
        f"{rate:.0f} events/s\n"
        f"healthy ones: {len(took):,} of {len(wanted):,} webhooks came; from commit to receipt "
        f"p50 {parts[49] * 1000:.0f} ms, p95 {parts[94] * 1000:.0f} ms, "
        f"slowest {took[-1] * 1000:.0f} ms\n"
        f"the worker used {busy:.0%} of a core"
    )


@contextmanager
def worker(settings: Mapping[str, str]) -> Iterator[Any]:
    """Runs a worker in a process of its own."""
    with tempfile.TemporaryFile() as output:
        process = psutil.Popen(
            [sys.executable, "-m", "commands.worker"],
            env={**os.environ, **settings},
            stdout=output,
            stderr=output,
        )
        try:
            yield process
            if process.poll() is not None:
                raise SystemExit(f"the worker has ended: {end_of(output)}")
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def end_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read()[-2_000:].decode()


if __name__ == "__main__":
    main()
