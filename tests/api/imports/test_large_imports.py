"""Imports of 10,000 rows: how long they take, and what others notice."""

import asyncio
import time
from datetime import timedelta
from typing import Final

import pytest

from kit.runtime import Runtime
from tests.api.imports.importing import counts, prepare, read
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, api_id, make_venue
from tests.support.work import run_due_jobs

ROWS: Final = 10_000
BOOK: Final = """
    mutation ($input: CreateBookingInput!) {
      createBooking(input: $input) { booking { id } userErrors { code message } }
    }
"""


def customers() -> str:
    lines = [f"Guest {each},guest{each}@example.com,+49 30 {each:07}" for each in range(ROWS)]
    return "\n".join(["Name,Email,Phone", *lines])


def bookings(rooms: int) -> str:
    """Returns bookings of half an hour, one after the other in each of the rooms."""
    lines = []
    for each in range(ROWS):
        start = MONDAY_MORNING + timedelta(days=1, minutes=30 * (each // rooms))
        who = f"Guest {each},guest{each}@example.com"
        lines.append(f"N-{each},Room {each % rooms + 1},{start.isoformat()},30,{who}")
    return "\n".join(["Reference,Room,Start,Duration,Name,Email", *lines])


async def timed(api: Api, runtime: Runtime, venue: Venue, kind: str, file: str) -> float:
    """Returns the seconds from the upload of a file to the end of its import."""
    made = (await prepare(api, venue.owner, kind)).payload
    began = time.perf_counter()
    response = await api.http.put(made["uploadUrl"], content=file.encode())
    assert response.status_code == 204
    await run_due_jobs(runtime, seconds=900)
    took = time.perf_counter() - began
    done = await read(api, venue.owner, made["import"]["id"])
    assert counts(done) == (ROWS, 0, 0, 0), done
    return took


@pytest.mark.soak
async def test_ten_thousand_customers_take_less_than_a_minute(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    took = await timed(api, runtime, venue, "CUSTOMERS", customers())

    print(f"{ROWS} customers: {took:.1f} s")  # noqa: T201 - the figure
    assert took < 60


@pytest.mark.soak
async def test_ten_thousand_bookings_take_less_than_a_minute(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=20, max_advance_days=1_000)
    waits: list[float] = []

    async def book_now_and_then() -> None:
        first = MONDAY_MORNING + timedelta(days=500)
        while True:
            start = first + timedelta(hours=len(waits))
            wish = {
                "roomId": api_id(venue.rooms[0]),
                "start": {"at": start.isoformat()},
                "durationMinutes": 60,
            }
            began = time.perf_counter()
            answer = await api(BOOK, {"input": wish}, token=venue.owner.token)
            waits.append(time.perf_counter() - began)
            assert answer.refusals == []
            await asyncio.sleep(0.25)

    booking = asyncio.create_task(book_now_and_then())
    took = await timed(api, runtime, venue, "BOOKINGS", bookings(20))
    booking.cancel()

    waits.sort()
    median, worst = waits[len(waits) // 2], waits[-1]
    print(f"{ROWS} bookings: {took:.1f} s; others waited {median:.3f} s, at most {worst:.3f} s")  # noqa: T201
    assert took < 60
    assert median < 0.5
