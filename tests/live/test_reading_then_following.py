"""A read and the events after its cursor have no gap between them."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest_asyncio

from kit.runtime import Runtime
from tests.support.client import Api, Live, Stream, live
from tests.support.desk import BookingClient
from tests.support.factories import Venue, make_venue

TUESDAY_MORNING: Final = datetime(2027, 3, 2, 9, tzinfo=UTC)
READERS: Final = 12
WRITERS: Final = 3
_TIMES: Final = 25
_PATIENCE_SECONDS: Final = 60

_READ: Final = """{ bookings(first: 200) {
  nodes { id version status }
  eventCursor
} }"""
_FOLLOW: Final = """subscription ($after: EventCursor) { bookingChanged(after: $after) {
  ... on BookingChanged { booking { id version status } }
  ... on ResyncRequired { reason }
} }"""

Books = dict[str, tuple[int, str]]
"""Each booking's version and status."""


@dataclass(slots=True)
class Reader:
    """One client: ``books`` are the bookings that it has read and received."""

    stream: Stream
    books: Books = field(default_factory=dict)

    async def until_as(self, books: Books) -> None:
        """Applies events until the state equals a read. Raises AssertionError."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while self.books != books:
                    event = (await self.stream.next())["bookingChanged"]
                    self.books |= _books([event["booking"]])
        except TimeoutError:
            assert self.books == books


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, rooms=WRITERS)


async def test_no_booking_falls_between_reading_and_following(
    api: Api, runtime: Runtime, server: str, venue: Venue
) -> None:
    desk = BookingClient(api, runtime, venue.staff)
    all_follow = asyncio.Event()
    writers = [_write(desk, venue, number, all_follow) for number in range(WRITERS)]
    async with live(server, token=venue.staff.token) as client:
        writing = asyncio.gather(*writers)
        readers = [await _begin(desk, client) for _ in range(READERS)]
        all_follow.set()
        await writing
        ((_, books),) = [await _read(desk)]

        assert len(books) > _TIMES
        for reader in readers:
            await reader.until_as(books)


async def _begin(desk: BookingClient, client: Live) -> Reader:
    cursor, books = await _read(desk)
    # Any time may pass until somebody subscribes.
    await asyncio.sleep(random.uniform(0, 0.05))
    return Reader(await client.subscribe(_FOLLOW, {"after": cursor}), books)


async def _read(desk: BookingClient) -> tuple[str, Books]:
    read = (await desk(_READ)).payload
    return read["eventCursor"], _books(read["nodes"])


def _books(bookings: list[Mapping[str, Any]]) -> Books:
    return {each["id"]: (each["version"], each["status"]) for each in bookings}


async def _write(desk: BookingClient, venue: Venue, number: int, all_follow: asyncio.Event) -> None:
    """Books a separate room repeatedly, the last time when all follow; cancels every other one."""
    for hours in range(_TIMES):
        if hours == _TIMES - 1:
            await all_follow.wait()
        start = TUESDAY_MORNING + timedelta(hours=hours)
        answer = await desk.create(venue.rooms[number], start)
        assert answer.refusals == []
        if hours % 2:
            await desk.cancel(answer.payload["booking"])
