"""Many cancellations at once, and many who wait for their times."""

import asyncio
from datetime import timedelta
from time import monotonic

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from tests.races.conftest import Say
from tests.races.racers import at_once, racers
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import api_id, make_booking, make_venue
from tests.support.waitlist import make_queue, offered

CANCEL = """mutation ($id: ID!) { cancelBooking(id: $id, version: 1) {
  bookings { id } userErrors { code } } }"""
PATIENCE_SECONDS = 300
# Only these hours are open, and all of them are booked.
HOURS = range(8, 18)


async def test_of_200_who_wait_exactly_one_is_offered_each_of_50_cancelled_times(
    servers: tuple[str, str], runtime: Runtime, say: Say
) -> None:
    opened = dict.fromkeys(Weekday, ((HOURS[0] * 60, HOURS[-1] * 60 + 60),))
    venue = await make_venue(runtime, rooms=5, time_zone="UTC", hours=opened)
    day = (MONDAY_MORNING + timedelta(days=2)).replace(hour=0)
    starts = [day + timedelta(hours=hour) for hour in HOURS]
    booked = [
        await make_booking(runtime, venue, start, room=room)
        for start in starts
        for room in venue.rooms
    ]
    any_time = (starts[0], starts[-1])
    # Each fourth waits for one start: two for each time that is taken.
    wishes = [
        (starts[number // 4 % 10],) * 2 if number % 4 == 0 else any_time for number in range(200)
    ]
    await make_queue(runtime, venue, wishes)

    async with racers(runtime, servers, [venue.staff, venue.manager], count=50) as crowd:
        began = monotonic()
        answers = await at_once(
            racer.client.ask(CANCEL, {"id": api_id(booking)})
            for racer, booking in zip(crowd, booked, strict=True)
        )
        cancelled = monotonic()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len((got := await offered(runtime, venue)).slots) < 50:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        say(
            f"50 cancellations took {cancelled - began:.1f} s, "
            f"all were offered {monotonic() - cancelled:.1f} s later"
        )

    assert [each.refusals for each in answers] == [[]] * 50
    every_slot = {(room.id, start) for room in venue.rooms for start in starts}
    assert sorted(got.slots) == sorted(got.held) == sorted(every_slot)
    assert got.are_right
    assert (got.overlaps, got.logged) == (0, 50)
