"""A room whose seats are booked: parties share it until no seat is left."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from kit.runtime import Runtime
from models.venue.rooms import Room
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id
from tests.support.guests import confirm, mailed
from tests.support.occupancy import OVERLAPS
from tests.support.statements import statements

TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
HALF_PAST = TEN + timedelta(minutes=30)
ELEVEN = TEN + timedelta(hours=1)
SEATS = """
    mutation ($id: ID!, $version: Int!, $input: UpdateRoomInput!) {
      updateRoom(id: $id, version: $version, input: $input) {
        room { version sharing seats }
        userErrors {
          code message path
          ... on BookingsDontFitError { conflicts { roomId startsAt endsAt } }
        }
      }
    }
"""
SLOTS = """
    query ($query: AvailabilityQuery!) { availability(query: $query) {
      slots { startsAt state remainingSeats reasons { code message rule freesAt } }
    } }
"""


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)


@pytest.fixture
def studio(venue: Venue) -> Room:
    return venue.rooms[0]


async def set_seats(desk: BookingClient, room: Room, seats: int | None, *, version: int = 1) -> Any:
    answer = await desk(SEATS, id=api_id(room), version=version, input={"seats": seats})
    return answer.payload


async def give_seats(desk: BookingClient, room: Room, seats: int) -> None:
    answer = await desk(SEATS, id=api_id(room), version=1, input={"capacity": 20, "seats": seats})
    assert answer.payload["room"] == {"version": 2, "sharing": "SEATS", "seats": seats}


async def remaining(desk: BookingClient, room: Room, **query: Any) -> list[tuple[str, str, int]]:
    """Returns the slots from ten to eleven."""
    given = {
        "roomIds": [api_id(room)],
        "from": "2027-03-02T10:00:00Z",
        "to": "2027-03-02T11:00:01Z",
        "durationMinutes": 60,
        "includeUnavailable": True,
        **query,
    }
    slots = (await desk(SLOTS, query=given)).payload["slots"]
    return [(each["startsAt"][11:16], each["state"], each["remainingSeats"]) for each in slots]


async def seats_of(desk: BookingClient, booking: Any) -> Any:
    answer = await desk("query ($id: ID!) { booking(id: $id) { seats } }", id=booking["id"])
    return answer.payload["seats"]


async def seat_numbers(owner: asyncpg.Connection, room: Room) -> list[list[int]]:
    rows = "SELECT seat_numbers FROM bookings WHERE room_id = $1 ORDER BY starts_at, created_at, id"
    return [each["seat_numbers"] for each in await owner.fetch(rows, room.id)]


async def test_a_class_fills_up_seat_by_seat(
    desk: BookingClient, venue: Venue, studio: Room, owner: asyncpg.Connection
) -> None:
    await give_seats(desk, studio, 5)

    three = made(await desk.create(studio, TEN, partySize=3))
    one = made(await desk.hold(studio, HALF_PAST))
    full = refused(await desk.create(studio, TEN, partySize=2))

    assert await seats_of(desk, three) == 3
    assert (full["code"], full["path"]) == ("SLOT_TAKEN", ["input", "start"])
    assert full["message"] == "Room 1 has 1 seat left at this time."
    assert await remaining(desk, studio, partySize=2) == [
        ("10:00", "BUSY", 1),
        ("10:30", "BUSY", 1),
        ("11:00", "FREE", 4),
    ]

    # The party grows by the last seat, and no further; then the hold is given up.
    made(await desk.update(three, partySize=4))
    more = refused(await desk.update({**three, "version": 2}, partySize=5))
    assert (more["code"], more["path"]) == ("SLOT_TAKEN", ["input", "partySize"])
    made(await desk.cancel(one))
    made(await desk.update({**three, "version": 2}, partySize=5))
    assert await remaining(desk, studio) == [
        ("10:00", "BUSY", 0),
        ("10:30", "BUSY", 0),
        ("11:00", "FREE", 5),
    ]

    # It shrinks, and moves partly onto its own time.
    smaller = made(await desk.update({**three, "version": 3}, partySize=2))
    later = moved(await desk.move(smaller, HALF_PAST))
    made(await desk.create(studio, TEN, partySize=3))
    assert [each[2] for each in await remaining(desk, studio)] == [0, 0, 3]

    # To a room that is booked as a whole, and back.
    elsewhere = moved(await desk.move(later, TEN, venue.rooms[1]))
    assert await seats_of(desk, elsewhere) is None
    assert refused(await desk.create(venue.rooms[1], TEN))["code"] == "SLOT_TAKEN"
    back = moved(await desk.move(elsewhere, TEN, studio))
    assert await seats_of(desk, back) == 2
    assert await owner.fetchval(OVERLAPS) == 0


async def test_a_slot_tells_how_many_seats_remain_and_until_when_there_are_too_few(
    desk: BookingClient, studio: Room
) -> None:
    await give_seats(desk, studio, 5)
    made(await desk.create(studio, TEN, partySize=3))

    too_many = (await desk.explain(studio, HALF_PAST, party=3)).payload
    too_large = (await desk.explain(studio, HALF_PAST, party=6)).payload

    assert (too_many["state"], too_many["remainingSeats"]) == ("BUSY", 2)
    assert too_many["reasons"] == [
        {
            "code": "SLOT_TAKEN",
            "message": "Room 1 has 2 seats left at this time.",
            "rule": {"seats": 5, "remainingSeats": 2},
            "freesAt": "2027-03-02T11:00:00Z",
        }
    ]
    assert (too_large["state"], too_large["remainingSeats"]) == ("BLOCKED", 2)
    assert [each["code"] for each in too_large["reasons"]] == ["CAPACITY_EXCEEDED"]


async def test_a_refused_party_is_offered_other_times_and_rooms(
    desk: BookingClient, venue: Venue, studio: Room
) -> None:
    await give_seats(desk, studio, 5)
    made(await desk.create(studio, TEN, partySize=3))
    input = {
        "roomId": api_id(studio),
        "start": {"at": "2027-03-02T10:00:00Z"},
        "durationMinutes": 60,
        "partySize": 3,
    }

    answer = await desk(
        """mutation ($input: CreateBookingInput!) { createBooking(input: $input) { userErrors {
          ... on SlotConflictError {
            remainingSeats conflicts { startsAt } alternatives { startsAt room { name } }
          } } } }""",
        input=input,
    )

    assert answer.payload["userErrors"] == [
        {
            "remainingSeats": 2,
            "conflicts": [{"startsAt": "2027-03-02T10:00:00Z"}],
            "alternatives": [
                {"startsAt": "2027-03-02T10:00:00Z", "room": {"name": "Room 2"}},
                {"startsAt": "2027-03-02T09:30:00Z", "room": {"name": "Room 2"}},
                {"startsAt": "2027-03-02T10:30:00Z", "room": {"name": "Room 2"}},
            ],
        }
    ]


async def test_a_hold_takes_its_seats_and_more_when_it_is_booked(
    desk: BookingClient, studio: Room, clock: StoppedClock
) -> None:
    await give_seats(desk, studio, 4)
    held = made(await desk.hold(studio, TEN, partySize=2))
    over = made(await desk.hold(studio, TEN))
    clock.advance(minutes=4)
    made(await desk.hold(studio, TEN, partySize=1))
    clock.advance(minutes=2)

    # Both first holds are over: their seats are free again, but for the hold of one.
    again = made(await desk.hold(studio, TEN, partySize=2))
    booked = made(await desk.convert(again, partySize=3))

    assert await seats_of(desk, booked) == 3
    assert refused(await desk.convert(held))["code"] == "HOLD_EXPIRED"
    assert (await desk.booking(over["id"]))["status"] == "EXPIRED"
    assert (await remaining(desk, studio))[0] == ("10:00", "BUSY", 0)


async def test_a_series_takes_seats_of_each_of_its_times(
    desk: BookingClient, studio: Room, owner: asyncpg.Connection
) -> None:
    await give_seats(desk, studio, 4)
    made(await desk.create(studio, TEN + timedelta(days=7), partySize=2))
    series = {"rrule": "FREQ=WEEKLY;COUNT=3"}

    refusal = refused(await desk.create(studio, TEN, partySize=3, recurrence=series))
    first = made(await desk.create(studio, TEN, partySize=2, recurrence=series))

    assert refusal["code"] == "SERIES_CONFLICT"
    later = made(await desk.move(first, HALF_PAST, scope="ALL"))
    assert [await seats_of(desk, each) for each in later] == [2, 2, 2]
    assert await seat_numbers(owner, studio) == [[0, 1], [0, 1], [2, 3], [0, 1]]
    assert await owner.fetchval(OVERLAPS) == 0


async def test_bookings_that_stand_are_seated_anew_or_refuse_the_change(
    desk: BookingClient, studio: Room, owner: asyncpg.Connection
) -> None:
    whole = made(await desk.create(studio, TEN, partySize=2))
    await give_seats(desk, studio, 5)
    made(await desk.create(studio, HALF_PAST, partySize=2))
    made(await desk.create(studio, ELEVEN, partySize=1))

    too_few = await set_seats(desk, studio, 3, version=2)
    as_a_whole = await set_seats(desk, studio, None, version=2)

    (clash,) = too_few["userErrors"]
    assert (clash["code"], clash["path"]) == ("SLOT_TAKEN", ["input", "seats"])
    assert clash["message"].startswith("1 booking of Room 1 wouldn't fit any more, the first 11:30")
    times = {"startsAt": "2027-03-02T10:30:00Z", "endsAt": "2027-03-02T11:30:00Z"}
    assert clash["conflicts"] == [{"roomId": api_id(studio), **times}]
    assert [each["code"] for each in as_a_whole["userErrors"]] == ["SLOT_TAKEN"]
    assert await seats_of(desk, whole) == 2

    fitting = await set_seats(desk, studio, 4, version=2)
    assert fitting["userErrors"] == []
    assert await seat_numbers(owner, studio) == [[0, 1], [2, 3], [0]]
    assert await owner.fetchval(OVERLAPS) == 0

    for booking in (await desk.bookings())[1:]:
        made(await desk.cancel(booking))
    assert (await set_seats(desk, studio, None, version=3))["room"]["sharing"] == "EXCLUSIVE"
    assert await seats_of(desk, whole) is None
    assert await owner.fetchval(OVERLAPS) == 0
    assert refused(await desk.create(studio, HALF_PAST))["code"] == "SLOT_TAKEN"


@pytest.mark.parametrize(
    ("seats", "message"),
    [
        (0, "A room has 1 to 500 seats."),
        (501, "A room has 1 to 500 seats."),
        (9, "A room has no more seats than its capacity, which is 4."),
    ],
)
async def test_the_number_of_seats_is_limited(
    desk: BookingClient, studio: Room, seats: int, message: str
) -> None:
    (refusal,) = (await set_seats(desk, studio, seats))["userErrors"]

    assert (refusal["code"], refusal["message"]) == ("INVALID", message)
    assert refusal["path"] == ["input", "seats"]


async def test_the_public_page_shows_seats(desk: BookingClient, venue: Venue, studio: Room) -> None:
    await give_seats(desk, studio, 5)
    made(await desk.create(studio, TEN, partySize=3))

    answer = await desk.api(
        """query ($subdomain: String!, $query: AvailabilityQuery!) {
          venue(subdomain: $subdomain) {
            rooms { nodes { name sharing seats } }
            availability(query: $query) {
              slots { remainingSeats } nextFreeSlot { startsAt remainingSeats }
            }
          }
        }""",
        {
            "subdomain": venue.tenant.subdomain,
            "query": {
                "roomIds": [api_id(room) for room in venue.rooms],
                "from": "2027-03-02T10:30:00Z",
                "to": "2027-03-02T11:30:00Z",
                "durationMinutes": 60,
            },
        },
    )

    assert answer.payload == {
        "rooms": {
            "nodes": [
                {"name": "Room 1", "sharing": "SEATS", "seats": 5},
                {"name": "Room 2", "sharing": "EXCLUSIVE", "seats": None},
            ]
        },
        "availability": {
            "slots": [{"remainingSeats": each} for each in (2, 5, None, None)],
            "nextFreeSlot": {"startsAt": "2027-03-02T10:30:00Z", "remainingSeats": 2},
        },
    }


async def test_a_booking_that_is_left_out_leaves_its_seats_to_its_own_party(
    desk: BookingClient, studio: Room
) -> None:
    await give_seats(desk, studio, 5)
    own = made(await desk.create(studio, TEN, partySize=3))
    made(await desk.create(studio, TEN, partySize=1))

    others = await remaining(desk, studio, excludeBookingId=own["id"])

    assert [each[2] for each in others] == [4, 4, 5]


async def test_a_room_with_seats_has_no_parts_and_is_none(
    desk: BookingClient, venue: Venue, studio: Room
) -> None:
    hall = venue.rooms[1]
    set_parts = """mutation ($id: ID!, $version: Int!, $parts: [ID!]!) {
      setRoomParts(id: $id, version: $version, partIds: $parts) { userErrors { code path message } }
    }"""
    await give_seats(desk, studio, 4)

    with_seats = await desk(set_parts, id=api_id(hall), version=1, parts=[api_id(studio)])
    of_seats = await desk(set_parts, id=api_id(studio), version=2, parts=[api_id(hall)])
    assert (await set_seats(desk, studio, None, version=2))["userErrors"] == []
    combined = await desk(set_parts, id=api_id(hall), version=1, parts=[api_id(studio)])
    assert combined.refusals == []
    part = await set_seats(desk, studio, 4, version=3)
    whole = await set_seats(desk, hall, 4, version=2)

    for refusal in (refused(with_seats), refused(of_seats)):
        assert (refusal["code"], refusal["path"]) == ("INVALID", ["partIds"])
    for answer in (part, whole):
        assert [(each["code"], each["path"]) for each in answer["userErrors"]] == [
            ("INVALID", ["input", "seats"])
        ]


async def test_a_booking_of_seats_is_one_statement(
    desk: BookingClient, venue: Venue, studio: Room, owner: asyncpg.Connection
) -> None:
    await give_seats(desk, studio, 5)
    first = made(await desk.create(studio, TEN, partySize=2))

    with statements(desk.runtime) as sent:
        made(await desk.create(studio, HALF_PAST, partySize=1))
        made(await desk.hold(studio, HALF_PAST, partySize=1))
        made(await desk.cancel(first))
        new = {"name": "Ada", "email": "ada@example.test"}
        made(await desk.create(studio, TEN, partySize=3, customer={"new": new}))

    assert sum("claim_seats" in each for each in sent) == 3
    assert not any(each.startswith("INSERT") for each in sent)
    assert await seat_numbers(owner, studio) == [[0, 1], [0, 1, 4], [2], [3]]


async def test_the_lowest_seats_that_are_free_are_taken(
    desk: BookingClient, studio: Room, owner: asyncpg.Connection
) -> None:
    draw = random.Random(1)
    await give_seats(desk, studio, 6)
    standing: dict[str, tuple[range, list[int], Any]] = {}
    for _ in range(30):
        if standing and draw.random() < 0.3:
            made(await desk.cancel(standing.pop(draw.choice(sorted(standing)))[2]))
        start, length, party = draw.randint(0, 5), draw.choice([1, 2, 3]), draw.randint(1, 3)
        wanted = range(start, start + length)
        taken = {
            number
            for time, numbers, _ in standing.values()
            if set(time) & set(wanted)
            for number in numbers
        }
        free = [number for number in range(6) if number not in taken]

        at = TEN + start * timedelta(minutes=30)
        answer = await desk.create(studio, at, minutes=30 * length, partySize=party)

        assert answer.refusals == ([] if len(free) >= party else ["SLOT_TAKEN"])
        if not answer.refusals:
            booking = made(answer)
            standing[booking["reference"]] = wanted, free[:party], booking
            numbers = "SELECT seat_numbers FROM bookings WHERE reference = $1"
            assert await owner.fetchval(numbers, booking["reference"]) == free[:party]


async def test_a_booking_of_several_rooms_keeps_seats_from_its_rooms(
    desk: BookingClient, venue: Venue, studio: Room
) -> None:
    other = venue.rooms[1]
    both = made(await desk.create(other, TEN, alsoRoomIds=[api_id(studio)]))

    clash = (await set_seats(desk, studio, 4))["userErrors"]
    made(await desk.cancel(both))
    await give_seats(desk, studio, 4)
    refusal = refused(await desk.create(other, TEN, alsoRoomIds=[api_id(studio)]))

    assert [(each["code"], each["path"]) for each in clash] == [("SLOT_TAKEN", ["input", "seats"])]
    assert len(clash[0]["conflicts"]) == 1
    assert (refusal["code"], refusal["path"]) == ("INVALID", ["input", "alsoRoomIds"])


async def test_guests_take_seats_too(
    desk: BookingClient, api: Api, runtime: Runtime, venue: Venue, studio: Room
) -> None:
    await give_seats(desk, studio, 3)
    book = """mutation ($input: BookAsGuestInput!) { bookAsGuest(input: $input) {
        token userErrors { code message } } }"""
    given = {
        "subdomain": venue.tenant.subdomain,
        "roomId": api_id(studio),
        "start": {"at": "2027-03-02T10:00:00Z"},
        "durationMinutes": 60,
        "partySize": 2,
        "customer": {"name": "Gus", "email": "gus@example.test"},
    }

    booked = await api(book, {"input": given})
    too_late = await api(book, {"input": given})
    confirmed = await confirm(api, mailed(runtime, booked.payload["token"]))

    assert too_late.payload["userErrors"] == [
        {"code": "SLOT_TAKEN", "message": "Room 1 has 1 seat left at this time."}
    ]
    assert confirmed.payload["booking"]["status"] == "CONFIRMED"
    assert (await remaining(desk, studio))[0] == ("10:00", "FREE", 1)


async def test_long_buffers_before_and_after_take_seats_together(
    desk: BookingClient, venue: Venue, studio: Room
) -> None:
    day = {"bufferBeforeMinutes": 1440, "bufferAfterMinutes": 1440}
    given = {"capacity": 20, "seats": 1, **day}
    assert (await desk(SEATS, id=api_id(studio), version=1, input=given)).refusals == []
    made(await desk.create(studio, TEN + timedelta(hours=44)))

    # Twice, as a venue's facts are kept from the first time on.
    shown = [await remaining(desk, studio, includeUnavailable=False) for _ in range(2)]

    assert shown == [[], []]
    assert (await desk.create(studio, TEN)).refusals == ["SLOT_TAKEN"]
