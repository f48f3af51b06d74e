"""Concurrent holds of unverified people never exceed their limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import cycle

import httpx2
import pytest_asyncio

from app import build_app
from kit.runtime import Runtime
from kit.security.passwords import Passwords
from kit.settings import Settings
from tests.support.client import Api
from tests.support.factories import Venue, api_id, make_venue
from tests.support.serving import serving

HOLD = """
    mutation ($input: HoldAsGuestInput!) {
      holdAsGuest(input: $input) { userErrors { code } }
    }
"""
BOOK = """
    mutation ($input: BookAsGuestInput!) {
      bookAsGuest(input: $input) { userErrors { code } }
    }
"""


@pytest_asyncio.fixture
async def houses(settings: Settings, runtime: Runtime) -> AsyncIterator[list[str]]:
    """Two servers on one database, with allowances in force.

    Their clock goes as that of the other servers there, which would end these holds otherwise.
    """
    counting = settings.model_copy(update={"rate_limit": True})
    async with AsyncExitStack() as running:
        addresses = []
        for _ in range(2):
            app = build_app(
                counting,
                clock=runtime.clock,
                services={Passwords: Passwords.cheap()},
                with_graphiql=False,
            )
            await running.enter_async_context(app.router.lifespan_context(app))
            addresses.append(await running.enter_async_context(serving(app)))
        yield addresses


async def venue_with(runtime: Runtime, rooms: int) -> Venue:
    return await make_venue(runtime, rooms=rooms, min_notice_minutes=0)


async def ask(house: str, text: str, given: object, *, address: str) -> list[str]:
    """Returns the refusals of a single guest request from a loopback address."""
    # Nothing is encrypted here, and to read the machine's certificates takes long.
    transport = httpx2.AsyncHTTPTransport(local_address=address, verify=False)
    async with httpx2.AsyncClient(transport=transport, base_url=house, timeout=30) as http:
        return (await Api(http)(text, {"input": given})).refusals


def slot(venue: Venue, *, room: int, hour: int) -> dict[str, object]:
    return {
        "subdomain": venue.tenant.subdomain,
        "roomId": api_id(venue.rooms[room]),
        "start": {"at": f"2027-03-02T{hour:02}:00:00Z"},
        "durationMinutes": 60,
    }


async def test_many_from_one_address_hold_two_times(houses: list[str], runtime: Runtime) -> None:
    venue = await venue_with(runtime, 12)

    answers = await asyncio.gather(
        *(
            ask(house, HOLD, slot(venue, room=number, hour=number + 2), address="127.0.0.9")
            for number, house in zip(range(12), cycle(houses), strict=False)
        )
    )

    assert sorted(answers) == [[], [], *10 * [["QUOTA_EXCEEDED"]]]


async def test_many_from_as_many_addresses_hold_a_fifth_of_the_rooms(
    houses: list[str], runtime: Runtime
) -> None:
    venue = await venue_with(runtime, 12)

    answers = await asyncio.gather(
        *(
            ask(house, HOLD, slot(venue, room=number, hour=15), address=f"127.0.1.{number + 1}")
            for number, house in zip(range(12), cycle(houses), strict=False)
        )
    )

    assert sorted(answers) == [[], [], *10 * [["QUOTA_EXCEEDED"]]]


async def test_many_bookings_under_one_e_mail_address_wait_three_at_a_time(
    houses: list[str], runtime: Runtime
) -> None:
    venue = await venue_with(runtime, 12)
    customer = {"name": "Victim", "email": "victim@example.test"}

    answers = await asyncio.gather(
        *(
            ask(
                house,
                BOOK,
                {**slot(venue, room=number, hour=number + 2), "customer": customer},
                address=f"127.0.2.{number + 1}",
            )
            for number, house in zip(range(12), cycle(houses), strict=False)
        )
    )

    assert sorted(answers) == [[], [], [], *9 * [["QUOTA_EXCEEDED"]]]
