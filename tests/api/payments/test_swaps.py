"""Swaps of two bookings: both exchange their places, or none does."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BOOKING, REFUSAL, BookingClient, made, refused
from tests.support.factories import Venue, api_id, make_venue

TEN = MONDAY_MORNING + timedelta(days=1, hours=1)
HOUR = timedelta(hours=1)
SWAP = f"""mutation (
  $firstId: ID!, $firstVersion: Int!, $secondId: ID!, $secondVersion: Int!,
  $dryRun: Boolean! = false
) {{
  swapBookings(
    firstId: $firstId, firstVersion: $firstVersion,
    secondId: $secondId, secondVersion: $secondVersion, dryRun: $dryRun
  ) {{ first {{ ...Booked }} second {{ ...Booked }} userErrors {{ ...Refused }} }}
}} {BOOKING} {REFUSAL}"""


async def swap(desk: BookingClient, first: Any, second: Any, **given: Any) -> Answer:
    return await desk(
        SWAP,
        firstId=first["id"],
        firstVersion=first["version"],
        secondId=second["id"],
        secondVersion=second["version"],
        **given,
    )


def place(booking: Any) -> tuple[str, str, str]:
    return booking["room"]["name"], booking["startsAt"][11:16], booking["endsAt"][11:16]


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def staff(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


async def places_of(desk: BookingClient, *bookings: Any) -> list[tuple[str, str, str]]:
    return [place(await desk.booking(each["id"])) for each in bookings]


async def test_two_bookings_exchange_their_places(staff: BookingClient, venue: Venue) -> None:
    one, other = venue.rooms
    first = made(await staff.create(one, TEN, minutes=60))
    second = made(await staff.create(other, TEN + HOUR / 2, minutes=90))

    dry = (await swap(staff, first, second, dryRun=True)).payload
    swapped = (await swap(staff, first, second)).payload

    assert swapped["userErrors"] == []
    assert place(swapped["first"]) == ("Room 2", "10:30", "11:30")
    assert place(swapped["second"]) == ("Room 1", "10:00", "11:30")
    assert [place(dry["first"]), place(dry["second"])] == await places_of(staff, first, second)
    assert [each["type"] for each in await staff.history(first)] == [
        "BOOKING_CREATED", "BOOKING_RESCHEDULED",
    ]  # fmt: skip


async def test_bookings_of_one_room_exchange_their_times(
    staff: BookingClient, venue: Venue
) -> None:
    first = made(await staff.create(venue.rooms[0], TEN))
    second = made(await staff.create(venue.rooms[0], TEN + 3 * HOUR, minutes=120))

    swapped = (await swap(staff, first, second)).payload

    assert swapped["userErrors"] == []
    assert place(swapped["first"]) == ("Room 1", "13:00", "14:00")
    assert place(swapped["second"]) == ("Room 1", "10:00", "12:00")


async def test_what_they_were_before_stays_known(
    staff: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    first = made(await staff.create(venue.rooms[0], TEN))
    second = made(await staff.create(venue.rooms[1], TEN))
    clock.advance(minutes=1)
    await swap(staff, first, second)

    then = await staff(
        f"""query ($asOf: DateTime!) {{
              bookings(asOf: $asOf) {{ nodes {{ ...Booked }} }} }} {BOOKING}""",
        asOf=first["createdAt"],
    )

    found = {each["id"]: each for each in then.payload["nodes"]}
    assert {each["status"] for each in found.values()} == {"CONFIRMED"}
    assert [place(found[each["id"]]) for each in (first, second)] == [place(first), place(second)]


@pytest.mark.parametrize(
    ("starts", "minutes", "who"),
    [
        # The longer one would run into the shorter one, or into a third.
        ((0, 1), (60, 120), "secondId"),
        ((0, 4), (60, 240), "secondId"),
    ],
    ids=["each other", "a third"],
)
async def test_what_clashes_after_the_swap_is_refused_whole(
    staff: BookingClient,
    venue: Venue,
    starts: tuple[int, int],
    minutes: tuple[int, int],
    who: str,
) -> None:
    room = venue.rooms[0]
    first, second = [
        made(await staff.create(room, TEN + hours * HOUR, minutes=length))
        for hours, length in zip(starts, minutes, strict=True)
    ]
    await staff.create(room, TEN + 3 * HOUR)

    answer = refused(await swap(staff, first, second))

    assert (answer["code"], answer["path"]) == ("SLOT_TAKEN", [who])
    assert await places_of(staff, first, second) == [place(first), place(second)]


async def test_each_is_decided_by_the_rules_of_its_new_room(
    staff: BookingClient, venue: Venue
) -> None:
    first = made(await staff.create(venue.rooms[0], TEN, partySize=2))
    second = made(await staff.create(venue.rooms[1], TEN))
    await BookingClient(staff.api, staff.runtime, venue.owner)(
        """mutation ($id: ID!) { updateRoom(id: $id, version: 1, input: { capacity: 1 }) {
             userErrors { code } } }""",
        id=api_id(venue.rooms[1]),
    )

    answer = refused(await swap(staff, first, second))

    assert (answer["code"], answer["path"]) == ("CAPACITY_EXCEEDED", ["firstId"])


async def test_both_have_to_be_bookings_as_they_were_read(
    staff: BookingClient, venue: Venue, runtime: Runtime, api: Api
) -> None:
    first = made(await staff.create(venue.rooms[0], TEN))
    second = made(await staff.create(venue.rooms[1], TEN))
    hold = made(await staff.hold(venue.rooms[1], TEN + 5 * HOUR))
    both = made(
        await staff.create(venue.rooms[0], TEN + 8 * HOUR, alsoRoomIds=[api_id(venue.rooms[1])])
    )
    elsewhere = await make_venue(runtime)
    foreign = made(await BookingClient(api, runtime, elsewhere.staff).create(
        elsewhere.rooms[0], TEN
    ))  # fmt: skip

    answers = [
        refused(await swap(staff, first, {**second, "version": 7})),
        refused(await swap(staff, {**first, "version": 7}, second)),
        refused(await swap(staff, first, foreign)),
        refused(await swap(staff, first, first)),
        refused(await swap(staff, hold, first)),
        refused(await swap(staff, first, both)),
    ]

    assert [(each["code"], each["path"]) for each in answers] == [
        ("STALE_VERSION", ["secondVersion"]),
        ("STALE_VERSION", ["firstVersion"]),
        ("NOT_FOUND", ["secondId"]),
        ("INVALID", ["secondId"]),
        ("INVALID_TRANSITION", ["firstId"]),
        ("INVALID", ["secondId"]),
    ]
    assert await places_of(staff, first, second) == [place(first), place(second)]
