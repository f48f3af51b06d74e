"""Expired holds are stored as expired, once, by any process."""

import asyncio
from datetime import timedelta
from typing import Any

from domain.bookings.lifecycle import Status
from jobs.expire_holds import expire_holds
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.bookings.bookings import Booking
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.factories import Venue, api_id, make_booking, make_venue

HISTORY = """
    query ($id: ID!) {
      booking(id: $id) { status history { nodes { type actor { kind name user { id } } } } }
    }
"""
IN_FIVE_MINUTES = MONDAY_MORNING + timedelta(minutes=5)
TOMORROW = MONDAY_MORNING + timedelta(days=1)


async def make_hold(runtime: Runtime, venue: Venue) -> Booking:
    return await make_booking(
        runtime, venue, TOMORROW, status=Status.HELD, hold_expires_at=IN_FIVE_MINUTES
    )


async def history(api: Api, venue: Venue, booking: Booking) -> Any:
    answer = await api(HISTORY, {"id": api_id(booking)}, token=venue.staff.token)
    return answer.payload["history"]["nodes"]


async def first_of_history(api: Api, venue: Venue, booking: Booking) -> Any:
    """Returns the first entry once there is one. Raises TimeoutError after five seconds."""
    async with asyncio.timeout(60):
        while True:
            if changes := await history(api, venue, booking):
                return changes
            await asyncio.sleep(0.1)


async def test_the_running_app_expires_a_hold_within_five_seconds(
    runtime: Runtime, api: Api, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    hold = await make_hold(runtime, venue)

    clock.advance(minutes=5)

    assert await first_of_history(api, venue, hold) == [
        {
            "type": "BOOKING_EXPIRED",
            "actor": {"kind": "SYSTEM", "name": "System", "user": None},
        }
    ]


async def test_many_processes_expire_a_hold_once(
    runtime: Runtime, api: Api, clock: StoppedClock, relay: Database
) -> None:
    venue = await make_venue(runtime)
    hold = await make_hold(runtime, venue)
    clock.advance(minutes=5)

    await asyncio.gather(*(expire_holds(runtime, relay) for _ in range(5)))

    assert [each["type"] for each in await history(api, venue, hold)] == ["BOOKING_EXPIRED"]


async def test_holds_of_every_tenant_are_expired(
    runtime: Runtime, api: Api, clock: StoppedClock, relay: Database
) -> None:
    first, second = await make_venue(runtime), await make_venue(runtime)
    holds = [await make_hold(runtime, first), await make_hold(runtime, second)]
    clock.advance(minutes=5)

    await expire_holds(runtime, relay)

    assert len(await history(api, first, holds[0])) == 1
    assert len(await history(api, second, holds[1])) == 1


async def test_a_hold_in_its_time_and_a_booking_are_left_alone(
    runtime: Runtime, api: Api, clock: StoppedClock, relay: Database
) -> None:
    venue = await make_venue(runtime)
    hold = await make_hold(runtime, venue)
    booking = await make_booking(runtime, venue, TOMORROW + timedelta(hours=2))
    clock.advance(minutes=4, seconds=59)

    await expire_holds(runtime, relay)

    assert await history(api, venue, hold) == []
    assert await history(api, venue, booking) == []
