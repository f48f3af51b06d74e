"""What becomes of mails that a mail server refuses, can't take now, or doesn't answer for."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope
from pydantic import SecretStr

from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.notifications.notices import deliveries
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BookingClient
from tests.support.factories import Venue, api_id, make_venue
from tests.support.work import run_due_jobs

TOMORROW: Final = MONDAY_MORNING + timedelta(days=1, hours=3)


class Server:
    """A mail server that answers to recipients and messages as it is told to."""

    def __init__(self) -> None:
        self.to_recipients = "250 Fine"
        self.hangs_up = False
        self.accepted = 0
        self.port = 0

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.to_recipients

    async def handle_DATA(self, server: Any, _session: Any, _envelope: Envelope) -> str:  # noqa: N802
        self.accepted += 1
        if self.hangs_up:
            server.transport.abort()
        return "250 Taken"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(server), "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


@pytest.fixture
def settings(settings: Settings, server: Server) -> Settings:
    url = SecretStr(f"smtp://127.0.0.1:{server.port}")
    return settings.model_copy(update={"smtp_url": url})


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)


async def book(desk: BookingClient, runtime: Runtime, venue: Venue, *, hours: int = 0) -> None:
    at = TOMORROW + timedelta(hours=hours)
    await desk.create(venue.rooms[0], at, customer={"id": api_id(venue.other_customer)})
    await run_due_jobs(runtime)


async def test_an_address_that_is_refused_is_not_tried_again(
    runtime: Runtime, server: Server, venue: Venue, desk: BookingClient
) -> None:
    server.to_recipients = "550 No such mailbox"
    await book(desk, runtime, venue)
    server.to_recipients = "250 Fine"
    await book(desk, runtime, venue, hours=2)

    assert await deliveries(desk) == [
        "BOOKING_CONFIRMED EMAIL FAILED BOUNCED",
        "BOOKING_CONFIRMED EMAIL SUPPRESSED BOUNCED",
    ]
    assert server.accepted == 0


async def test_what_cannot_be_taken_now_is_tried_again(
    runtime: Runtime, clock: StoppedClock, server: Server, venue: Venue, desk: BookingClient
) -> None:
    server.to_recipients = "451 Come back later"
    await book(desk, runtime, venue)
    assert await deliveries(desk) == ["BOOKING_CONFIRMED EMAIL QUEUED"]

    server.to_recipients = "250 Fine"
    clock.advance(seconds=15)
    await run_due_jobs(runtime)
    assert await deliveries(desk) == ["BOOKING_CONFIRMED EMAIL SENT"]
    assert server.accepted == 1


async def test_what_may_have_been_taken_is_not_sent_again(
    runtime: Runtime, clock: StoppedClock, server: Server, venue: Venue, desk: BookingClient
) -> None:
    server.hangs_up = True
    await book(desk, runtime, venue)
    clock.advance(hours=6)
    await run_due_jobs(runtime)

    assert await deliveries(desk, kinds=["BOOKING_CONFIRMED"]) == [
        "BOOKING_CONFIRMED EMAIL UNKNOWN"
    ]
    assert server.accepted == 1


async def test_after_twelve_attempts_it_gives_up(
    runtime: Runtime, clock: StoppedClock, server: Server, venue: Venue, desk: BookingClient
) -> None:
    server.to_recipients = "451 Come back later"
    await book(desk, runtime, venue)
    for _ in range(11):
        clock.advance(hours=1)
        await run_due_jobs(runtime)

    assert await deliveries(desk, kinds=["BOOKING_CONFIRMED"]) == [
        "BOOKING_CONFIRMED EMAIL FAILED GAVE_UP"
    ]
