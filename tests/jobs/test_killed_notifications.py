"""Killed workers send no notification twice, and leave none without a result."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope

from domain.bookings.lifecycle import Status
from domain.core.log_events import Event, EventType
from jobs.event_handlers import EVENT_HANDLERS
from jobs.event_reader import begin
from jobs.notifications import find_due_notices
from kit.actor import Request
from kit.events.notify_bus import CHANNEL
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.customers.customers import Customer
from resolvers.core.transactions import perform
from tests.jobs.worker_processes import Start, Workers, product, quick
from tests.support.factories import Venue, make_booking, make_venue

PATIENCE_SECONDS: Final = 500
"""A worker of the product takes half a minute to start on a machine that does much else."""

_MESSAGE_ID: Final = re.compile(rb"(?im)^message-id:\s*<([0-9a-f]{32})\.")
# As many deliveries as are to be, once all are done; before that less, or none that are done.
_DONE: Final = """
    SELECT count(*) FILTER (WHERE state IN ('sent', 'unknown')) FROM notification_deliveries
"""
_STATES: Final = "SELECT id, kind, state FROM notification_deliveries WHERE channel = 'EMAIL'"


class SlowServer:
    """A mail server that takes a moment to say that it has accepted a message."""

    def __init__(self) -> None:
        self.ids: Counter[str] = Counter()
        self.is_receiving = 0
        self.port = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        found = _MESSAGE_ID.search(content)
        assert found is not None
        self.ids[found[1].decode()] += 1
        self.is_receiving += 1
        await asyncio.sleep(0.05)
        self.is_receiving -= 1
        return "250 Taken"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SlowServer]:
    slow = SlowServer()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(slow), "127.0.0.1", 0)
    slow.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield slow


async def _customers(runtime: Runtime, venue: Venue, number: int) -> list[Customer]:
    async def make(scope: Scope) -> list[Customer]:
        await scope.lock()
        emails = [f"{n}@{venue.tenant.subdomain}.test" for n in range(number)]
        return [
            scope.add(
                Customer(
                    tenant_id=venue.tenant.id,
                    name=email,
                    email=email,
                    email_key=email,
                    created_at=scope.now(),
                )
            )
            for email in emails
        ]

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


async def _log_bookings(runtime: Runtime, venue: Venue, bookings: list[Booking]) -> None:
    async def change(scope: Scope) -> None:
        await scope.lock()
        for each in bookings:
            after = {"status": Status.CONFIRMED.value}
            scope.emit(Event(EventType.BOOKING_CREATED, "Booking", each.id, after=after))

    await perform(runtime, venue.owner.actor, Request(new_id()), change)


async def check_killing(
    start: Start,
    runtime: Runtime,
    database: DatabaseUrls,
    admin: asyncpg.Connection,
    server: SlowServer,
    folder: Path,
    *,
    bookings: int,
    kills: int,
) -> Counter[str]:
    """Kills workers while they send, and returns the states of all deliveries."""
    venue = await make_venue(runtime)
    relay = Database(database.relay.sqlalchemy, pool_size=1)
    for handler in EVENT_HANDLERS:
        await begin(relay, handler)
    first = runtime.clock() + timedelta(days=1, minutes=1)
    made = [
        await make_booking(runtime, venue, first + timedelta(minutes=n), minutes=1, customer=each)
        for n, each in enumerate(await _customers(runtime, venue, bookings))
    ]
    # All reminders are due at once, as after hours without a worker.
    await admin.execute("INSERT INTO notification_clock VALUES (1, $1)", runtime.clock())
    later = timedelta(minutes=bookings + 2)
    ahead = Runtime(
        runtime.database,
        lambda: runtime.clock() + later,
        runtime.write_log,
        notify_log=runtime.notify_log,
        services=runtime.services,
    )
    workers = Workers(start, database, folder, BOOM_SMTP_URL=f"smtp://127.0.0.1:{server.port}")
    deadline = monotonic() + PATIENCE_SECONDS
    try:
        workers.start()
        workers.start()
        await _log_bookings(runtime, venue, made)
        await find_due_notices(ahead, relay)
        await admin.execute(f"NOTIFY {CHANNEL}, '{venue.tenant.id.hex}'")
        for number in range(1, kills + 1):
            while server.ids.total() < 2 * bookings * number // (kills + 1) or (
                not server.is_receiving
            ):
                assert monotonic() < deadline, workers.printed
                workers.check()
                await asyncio.sleep(0.002)
            workers.kill(oldest=True)
            workers.start()
        while await admin.fetchval(_DONE) < 2 * bookings:
            assert monotonic() < deadline, workers.printed
            await asyncio.sleep(0.05)
    finally:
        workers.end()
        await relay.close()

    rows = await admin.fetch(_STATES)
    assert max(server.ids.values()) == 1, "a mail came twice"
    assert {each["kind"] for each in rows} == {"BOOKING_CONFIRMED", "BOOKING_REMINDER"}
    states = Counter(each["state"] for each in rows)
    assert states.keys() <= {"sent", "unknown"} and states.total() == 2 * bookings
    lost = [
        each["id"] for each in rows if each["state"] == "sent" and not server.ids[each["id"].hex]
    ]
    assert lost == [], "what is SENT has arrived"
    return states


async def test_killed_workers_send_each_notification_at_most_once(
    present: Runtime,
    database: DatabaseUrls,
    admin: asyncpg.Connection,
    server: SlowServer,
    tmp_path: Path,
) -> None:
    states = await check_killing(
        quick, present, database, admin, server, tmp_path, bookings=8, kills=1
    )

    # Each worker sends up to four at once.
    assert states["unknown"] <= 4


@pytest.mark.soak
async def test_killed_workers_of_the_product_send_each_notification_at_most_once(
    present: Runtime,
    database: DatabaseUrls,
    admin: asyncpg.Connection,
    server: SlowServer,
    tmp_path: Path,
) -> None:
    states = await check_killing(
        product, present, database, admin, server, tmp_path, bookings=200, kills=8
    )

    assert states["unknown"] <= 8 * 4
