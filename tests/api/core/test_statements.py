"""The number of statements of the main queries and mutations doesn't depend on the data.

These are of what is answered field by field; what is compiled takes one.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from kit.runtime import Runtime
from kit.settings import Settings
from resolvers.bookings import new_bookings
from tests.support.client import Api
from tests.support.desk import BookingClient, made
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.statements import statements

MONDAY = datetime(2027, 3, 8, tzinfo=UTC)

WEEK = """{
  bookings(first: 250, filter: {
    overlaps: {gte: "2027-03-08T00:00:00Z", lt: "2027-03-15T00:00:00Z"}
  }) {
    nodes {
      id reference status startsAt endsAt partySize
      local { start } price { total { amount } }
      room { name color } customer { name email }
    }
  }
}"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings of an app without compiled reads."""
    return settings.model_copy(update={"compiled": False})


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest_asyncio.fixture
async def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    """A client whose credentials are already cached."""
    desk = BookingClient(api, runtime, venue.staff)
    await desk("{ viewer { id } }")
    return desk


async def fill(runtime: Runtime, venue: Venue, bookings: int) -> None:
    """Makes bookings one after another in the venue's first two rooms."""
    for number in range(bookings):
        await make_booking(
            runtime,
            venue,
            MONDAY + timedelta(hours=number // 2),
            room=venue.rooms[number % 2],
            customer=(venue.customer, venue.other_customer)[number % 3 % 2],
        )


async def counted(desk: BookingClient, text: str, **variables: Any) -> int:
    with statements(desk.runtime) as sent:
        answer = await desk(text, **variables)
    assert answer.data
    return len(sent)


@pytest.mark.parametrize("bookings", [1, 100])
async def test_a_week_with_rooms_and_customers(
    desk: BookingClient, runtime: Runtime, venue: Venue, bookings: int
) -> None:
    await fill(runtime, venue, bookings)

    assert await counted(desk, WEEK) == 4


async def test_one_booking_by_its_id(desk: BookingClient, runtime: Runtime, venue: Venue) -> None:
    booking = await make_booking(runtime, venue, MONDAY)

    number = await counted(
        desk,
        """query ($id: ID!) { booking(id: $id) {
             reference status startsAt room { name } customer { name } } }""",
        id=api_id(booking),
    )

    assert number == 3


@pytest.mark.parametrize("rooms", [2, 50])
async def test_the_bookings_of_rooms_take_one_statement(
    api: Api, runtime: Runtime, rooms: int
) -> None:
    venue = await make_venue(runtime, rooms=rooms)
    desk = BookingClient(api, runtime, venue.staff)
    await desk("{ viewer { id } }")
    await fill(runtime, venue, 30)

    number = await counted(
        desk,
        """{ rooms(first: 50) { nodes { name
               bookings(first: 20) { nodes { reference } pageInfo { hasNextPage } } } } }""",
    )

    assert number == 2


@pytest.mark.parametrize("rooms", [2, 50])
async def test_their_customers_take_one_more(api: Api, runtime: Runtime, rooms: int) -> None:
    venue = await make_venue(runtime, rooms=rooms)
    desk = BookingClient(api, runtime, venue.staff)
    await desk("{ viewer { id } }")
    await fill(runtime, venue, 30)

    number = await counted(
        desk,
        """{ rooms(first: 50) { nodes {
               bookings(first: 20) { totalCount nodes { customer { name } } } } } }""",
    )

    assert number == 4


@pytest.mark.parametrize(("rooms", "days"), [(1, 1), (1, 31), (6, 31), (20, 1)])
async def test_availability_whatever_the_rooms_and_days(
    api: Api, runtime: Runtime, rooms: int, days: int
) -> None:
    venue = await make_venue(runtime, rooms=max(rooms, 2))
    desk = BookingClient(api, runtime, venue.staff)
    await desk("{ viewer { id } }")
    await fill(runtime, venue, 30)

    async def counted_slots() -> int:
        with statements(runtime) as sent:
            answer = await desk.available(
                MONDAY,
                MONDAY + timedelta(days=days),
                roomIds=[api_id(each) for each in venue.rooms[:rooms]],
            )
        assert answer["slots"]
        return len(sent)

    # The first one reads the facts that are kept.
    assert [await counted_slots() for _ in range(3)] == [2, 1, 1]


async def test_explaining_a_slot(desk: BookingClient, venue: Venue) -> None:
    with statements(desk.runtime) as sent:
        await desk.explain(venue.rooms[0], MONDAY)

    assert len(sent) == 2


async def test_creating_a_booking(desk: BookingClient, venue: Venue) -> None:
    await desk.create(venue.rooms[1], MONDAY)
    with statements(desk.runtime) as sent:
        made(
            await desk(
                """mutation ($room: ID!) {
                     createBooking(input: {roomId: $room, start: {at: "2027-03-08T10:00:00Z"},
                                           durationMinutes: 60}) {
                       booking { id status } userErrors { code } } }""",
                room=api_id(venue.rooms[0]),
            )
        )

    assert verbs(sent) == ["WITH"]


async def test_creating_a_booking_of_which_other_rows_are_told(
    desk: BookingClient, venue: Venue
) -> None:
    await desk.create(venue.rooms[1], MONDAY)

    with statements(desk.runtime) as sent:
        made(await desk.create(venue.rooms[0], MONDAY, customer={"id": api_id(venue.customer)}))

    assert verbs(sent)[0] == "WITH"
    assert set(verbs(sent)[1:]) == {"SELECT"}


async def test_a_booking_that_is_decided_step_by_step(
    desk: BookingClient, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_bookings, "TRIES", 0)
    made(await desk.create(venue.rooms[1], MONDAY))

    with statements(desk.runtime) as sent:
        made(await desk.create(venue.rooms[0], MONDAY, customer={"new": {"name": "Somebody"}}))

    # The locks, what decides, and what is stored; then what the selection shows.
    assert verbs(sent) == [*3 * ["SELECT"], *3 * ["INSERT"], "WITH", *3 * ["SELECT"]]


def verbs(sent: list[str]) -> list[str]:
    """Returns the verb of each statement; single reads and log inserts begin with WITH."""
    return [each.split()[0] for each in sent]
