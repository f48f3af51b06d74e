"""Pushes of bookings, from the registered browser to its push service and back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import http_ece
import orjson
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.notifications.notices import deliveries
from tests.api.notifications.test_push_subscriptions import REGISTER, endpoints
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.desk import BookingClient
from tests.support.factories import api_id, make_venue
from tests.support.inboxes import browser_keys
from tests.support.serving import serving
from tests.support.work import run_due_jobs

TOMORROW: Final = MONDAY_MORNING + timedelta(days=1, hours=3)


class PushService:
    """Takes pushes, until the browser is gone."""

    def __init__(self) -> None:
        self.address = ""
        self.bodies: list[bytes] = []
        self.is_gone = False

    async def take(self, http: Request) -> Response:
        if self.is_gone:
            return Response(status_code=410)
        self.bodies.append(await http.body())
        return Response(status_code=201)


@pytest_asyncio.fixture
async def service() -> AsyncIterator[PushService]:
    found = PushService()
    async with serving(Starlette(routes=[Route("/abc", found.take, methods=["POST"])])) as address:
        found.address = f"{address}/abc"
        yield found


@pytest.fixture
def settings(settings: Settings) -> Settings:
    contact = {"push_contact": "mailto:ops@example.com"}
    return settings.model_copy(update={"outbound_loopback": True, **contact})


async def test_a_browser_shows_a_booking_and_is_forgotten_once_it_is_gone(
    api: Api, runtime: Runtime, service: PushService
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)
    desk = BookingClient(api, runtime, venue.manager)
    guest = BookingClient(api, runtime, venue.guest)
    private_key, secret, keys = browser_keys()
    registered = await guest(REGISTER, input={"endpoint": service.address, **keys})
    assert registered.refusals == []
    customer = {"id": api_id(venue.customer)}

    booked = await desk.create(venue.rooms[0], TOMORROW, customer=customer)
    await run_due_jobs(runtime)

    (body,) = service.bodies
    read = http_ece.decrypt(body, private_key=private_key, auth_secret=secret, version="aes128gcm")
    shown = orjson.loads(read)
    assert shown["kind"] == "BOOKING_CONFIRMED"
    assert shown["title"] == f"Confirmed at {venue.tenant.name}"
    assert booked.payload["booking"]["room"]["name"] in shown["body"]
    assert await deliveries(desk, channels=["PUSH"]) == ["BOOKING_CONFIRMED PUSH SENT"]

    service.is_gone = True
    await desk.create(venue.rooms[1], TOMORROW, customer=customer)
    await run_due_jobs(runtime)

    assert await deliveries(desk, channels=["PUSH"]) == [
        "BOOKING_CONFIRMED PUSH FAILED REFUSED",
        "BOOKING_CONFIRMED PUSH SENT",
    ]
    assert await endpoints(runtime, venue.guest) == []
