"""Availability over the API: slots of a period, the next free slot, and filters."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.bookings.lifecycle import Status
from domain.venue.hours import Weekday
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved
from tests.support.factories import Venue, api_id, make_booking, make_venue

# 10:00 to 13:00 in Berlin, a Tuesday.
NINE = datetime(2027, 3, 2, 9, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)
ELEVEN = NINE + timedelta(hours=2)
NOON = NINE + timedelta(hours=3)
MORNINGS = {day: [(10 * 60, 13 * 60)] for day in Weekday}


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, hours=MORNINGS)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


def starts(answer: Any, *, room: str | None = None) -> list[str]:
    """Returns when the slots start, as HH:MM in UTC."""
    return [
        each["startsAt"][11:16]
        for each in answer["slots"]
        if room is None or each["room"]["name"] == room
    ]


async def test_a_free_slot_tells_all_about_itself(desk: BookingClient, venue: Venue) -> None:
    answer = await desk.available(NINE, TEN, roomIds=[api_id(venue.rooms[0])], durationMinutes=90)

    assert answer["slots"][0] == {
        "room": {"id": api_id(venue.rooms[0]), "name": "Room 1"},
        "startsAt": "2027-03-02T09:00:00Z",
        "endsAt": "2027-03-02T10:30:00Z",
        "state": "FREE",
        "remainingSeats": None,
        "price": {"amount": "60.00", "currencyCode": "EUR"},
        "reasons": [],
    }
    assert answer["computedAt"] == "2027-03-01T09:00:00Z"
    assert answer["cursor"]


async def test_slots_lie_within_opening_hours(desk: BookingClient) -> None:
    answer = await desk.available("2027-03-02T00:00:00Z", "2027-03-03T00:00:00Z")

    assert starts(answer, room="Room 1") == ["09:00", "09:30", "10:00", "10:30", "11:00"]
    assert starts(answer, room="Room 2") == starts(answer, room="Room 1")


async def test_slots_start_within_the_time_asked_for(desk: BookingClient) -> None:
    answer = await desk.available("2027-03-02T09:10:00Z", TEN + timedelta(minutes=30))

    assert starts(answer, room="Room 1") == ["09:30", "10:00"]


async def test_taken_time_is_left_out(desk: BookingClient, venue: Venue) -> None:
    made(await desk.create(venue.rooms[0], TEN))

    answer = await desk.available(NINE, NOON)

    assert starts(answer, room="Room 1") == ["09:00", "11:00"]
    assert starts(answer, room="Room 2") == ["09:00", "09:30", "10:00", "10:30", "11:00"]


async def test_what_is_not_free_is_listed_with_its_reasons_on_demand(
    desk: BookingClient, venue: Venue
) -> None:
    made(await desk.create(venue.rooms[0], TEN))

    answer = await desk.available(
        NINE, NOON, roomIds=[api_id(venue.rooms[0])], includeUnavailable=True
    )

    listed = [
        (each["startsAt"][11:16], each["state"], [reason["code"] for reason in each["reasons"]])
        for each in answer["slots"]
    ]
    assert listed == [
        ("09:00", "FREE", []),
        ("09:30", "BUSY", ["SLOT_TAKEN"]),
        ("10:00", "BUSY", ["SLOT_TAKEN"]),
        ("10:30", "BUSY", ["SLOT_TAKEN"]),
        ("11:00", "FREE", []),
    ]


async def test_a_slot_that_a_rule_refuses_is_blocked(desk: BookingClient, venue: Venue) -> None:
    made(await desk.create(venue.rooms[0], NINE))

    answer = await desk.available(
        NINE, TEN, roomIds=[api_id(venue.rooms[0])], partySize=5, includeUnavailable=True
    )

    first, second = answer["slots"]
    assert (first["state"], second["state"]) == ("BLOCKED", "BLOCKED")
    assert [each["code"] for each in first["reasons"]] == ["CAPACITY_EXCEEDED", "SLOT_TAKEN"]


async def test_only_rooms_that_hold_the_party_are_free(desk: BookingClient) -> None:
    answer = await desk.available(NINE, NOON, partySize=5)

    assert {each["room"]["name"] for each in answer["slots"]} == {"Room 2"}


async def test_a_room_out_of_use_is_asked_for_by_name_or_not_at_all(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    archived = api_id(venue.rooms[0])
    await BookingClient(api, runtime, venue.owner)(
        "mutation ($id: ID!) { archiveRoom(id: $id, version: 1) { userErrors { code } } }",
        id=archived,
    )

    all_rooms = await desk.available(NINE, TEN, includeUnavailable=True)
    named = await desk.available(NINE, TEN, roomIds=[archived], includeUnavailable=True)

    assert {each["room"]["name"] for each in all_rooms["slots"]} == {"Room 2"}
    assert [each["reasons"][0]["code"] for each in named["slots"]] == 2 * ["ROOM_ARCHIVED"]


async def test_rooms_that_are_not_there_have_no_slots(
    runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    theirs = (await make_venue(runtime)).rooms[0]
    unknown = ["nonsense", "Um9vbTowMTk0MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE="]

    answer = await desk.available(NINE, NOON, roomIds=[*unknown, api_id(theirs)])

    assert (answer["slots"], answer["nextFreeSlot"]) == ([], None)


async def test_a_hold_that_ran_out_leaves_its_slot_free(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    made(await desk.hold(venue.rooms[0], NINE))
    held = await desk.available(NINE, TEN, roomIds=[api_id(venue.rooms[0])])
    clock.advance(minutes=5)

    answer = await desk.available(NINE, TEN, roomIds=[api_id(venue.rooms[0])])

    assert (starts(held), starts(answer)) == ([], ["09:00", "09:30"])


async def test_a_booking_to_be_moved_is_not_in_its_own_way(
    desk: BookingClient, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    room = [api_id(venue.rooms[0])]

    answer = await desk.available(NINE, NOON, roomIds=room, excludeBookingId=booking["id"])

    assert starts(answer) == ["09:00", "09:30", "10:00", "10:30", "11:00"]
    after = moved(await desk.move(booking, TEN + timedelta(minutes=30)))
    assert after["startsAt"] == "2027-03-02T10:30:00Z"


# ------------------------------------------------------------------------------ for whom


async def test_guests_are_shown_what_guests_get(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=1)
    guest, staff = (
        BookingClient(api, runtime, venue.guest),
        BookingClient(api, runtime, venue.staff),
    )
    now, soon = "2027-03-01T09:00:00Z", "2027-03-01T10:30:00Z"

    for_guests = await guest.available(now, soon)
    for_staff = await staff.available(now, soon)

    assert starts(for_guests) == ["10:00"]
    assert starts(for_staff) == ["09:00", "09:30", "10:00"]


# ------------------------------------------------------------------------------ the next free one


async def test_the_next_free_slot_may_lie_beyond_the_time_asked_for(
    desk: BookingClient, venue: Venue
) -> None:
    made(await desk.create(venue.rooms[0], NINE, minutes=180))

    answer = await desk.available(NINE, NOON, roomIds=[api_id(venue.rooms[0])])

    assert answer["slots"] == []
    assert answer["nextFreeSlot"]["startsAt"] == "2027-03-03T09:00:00Z"


async def test_the_next_free_slot_is_the_first_of_any_room(
    desk: BookingClient, venue: Venue
) -> None:
    made(await desk.create(venue.rooms[0], NINE))

    answer = await desk.available(NINE, NOON)

    slot = answer["nextFreeSlot"]
    assert (slot["room"]["name"], slot["startsAt"]) == ("Room 2", "2027-03-02T09:00:00Z")


async def test_the_next_free_slot_is_looked_for_within_a_week(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=1, hours={Weekday.TUESDAY: [(10 * 60, 11 * 60)]})
    desk = BookingClient(api, runtime, venue.staff)
    made(await desk.create(venue.rooms[0], NINE))
    a_week_later = NINE + timedelta(days=7)

    nothing = await desk.available(NINE - timedelta(hours=1), NINE)
    something = await desk.available(NINE - timedelta(hours=1), NINE + timedelta(seconds=1))

    assert nothing["nextFreeSlot"] is None
    assert something["nextFreeSlot"]["startsAt"] == a_week_later.strftime("%Y-%m-%dT%H:%M:%SZ")


# ------------------------------------------------------------------------------ clock changes


async def test_a_day_of_23_hours_has_46_starts(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=1)
    desk = BookingClient(api, runtime, venue.staff)

    answer = await desk.available("2027-03-28T00:00:00+01:00", "2027-03-29T00:00:00+02:00")

    assert len(answer["slots"]) == 46


async def test_a_day_of_25_hours_has_50_starts(
    api: Api, runtime: Runtime, clock: StoppedClock
) -> None:
    clock.now = datetime(2027, 10, 1, tzinfo=UTC)
    venue = await make_venue(runtime, rooms=1)
    desk = BookingClient(api, runtime, venue.staff)

    answer = await desk.available("2027-10-31T00:00:00+02:00", "2027-11-01T00:00:00+01:00")

    assert len(answer["slots"]) == 50


async def test_where_the_clock_shifts_by_half_an_hour_the_grid_does_too(
    api: Api, runtime: Runtime
) -> None:
    # On Lord Howe Island 02:00 becomes 01:30 on 4 April 2027, at 15:00 UTC of the day before.
    venue = await make_venue(runtime, rooms=1, time_zone="Australia/Lord_Howe", slot_minutes=60)
    desk = BookingClient(api, runtime, venue.staff)

    answer = await desk.available("2027-04-03T12:00:00Z", "2027-04-03T18:00:00Z")

    assert starts(answer) == ["12:00", "13:00", "14:00", "15:30", "16:30", "17:30"]


async def test_hours_over_the_clock_change_are_longer_or_shorter(
    api: Api, runtime: Runtime
) -> None:
    # Open from 22:00 to 04:00: five hours in the night in which 02:00 becomes 03:00.
    nights = {day: [(22 * 60, 28 * 60)] for day in Weekday}
    venue = await make_venue(runtime, rooms=1, hours=nights)
    desk = BookingClient(api, runtime, venue.staff)

    fits = await desk.create(venue.rooms[0], "2027-03-27T22:00:00+01:00", minutes=301)
    whole = await desk.create(venue.rooms[0], "2027-03-27T22:00:00+01:00", minutes=300)

    assert (fits.refusals, whole.refusals) == (["OUTSIDE_BUSINESS_HOURS"], [])


# ------------------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    ("since", "until", "codes"),
    [
        ("2027-03-02T00:00:00Z", "2027-04-02T00:00:00Z", []),
        ("2027-03-02T00:00:00Z", "2027-04-02T01:00:01Z", ["BAD_USER_INPUT"]),
        ("2027-03-02T00:00:00Z", "2027-03-02T00:00:00Z", ["BAD_USER_INPUT"]),
        ("2027-03-03T00:00:00Z", "2027-03-02T00:00:00Z", ["BAD_USER_INPUT"]),
    ],
)
async def test_availability_is_for_up_to_31_days(
    desk: BookingClient, since: str, until: str, codes: list[str]
) -> None:
    assert (await desk.availability(since, until)).codes == codes


@pytest.mark.parametrize(("rooms", "codes"), [(6, []), (7, ["TOO_COMPLEX"])])
async def test_availability_has_up_to_ten_thousand_slots(
    api: Api, runtime: Runtime, rooms: int, codes: list[str]
) -> None:
    venue = await make_venue(runtime, rooms=rooms, hours=MORNINGS)
    ids = [api_id(each) for each in venue.rooms]

    answer = await BookingClient(api, runtime, venue.staff).availability(
        "2027-03-02T00:00:00Z", "2027-04-02T00:00:00Z", roomIds=ids
    )

    assert answer.codes == codes


@pytest.mark.parametrize(
    "query", [{"durationMinutes": 0}, {"durationMinutes": -5}, {"partySize": 0}]
)
async def test_what_can_not_be_asked_for_is_bad_input(
    desk: BookingClient, query: dict[str, Any]
) -> None:
    answer = await desk.availability(NINE, NOON, **query)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.errors[0]["extensions"]["argumentPath"] == ["query", *query]
    assert answer.partial == {"availability": None}


async def test_more_than_a_hundred_rooms_are_refused(desk: BookingClient) -> None:
    answer = await desk.availability(NINE, NOON, roomIds=101 * ["x"])

    assert answer.codes[0] in ("BAD_USER_INPUT", "TOO_COMPLEX")


async def test_strangers_see_no_availability(api: Api, venue: Venue) -> None:
    answer = await api(
        """{ availability(query: {
               from: "2027-03-02T09:00:00Z", to: "2027-03-02T12:00:00Z", durationMinutes: 60
             }) { computedAt } }"""
    )

    assert answer.codes == ["UNAUTHENTICATED"]


async def test_what_ended_takes_no_time(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    ended = [Status.CANCELLED, Status.REJECTED, Status.NO_SHOW, Status.EXPIRED, Status.COMPLETED]
    _ = [await make_booking(runtime, venue, NINE, status=each) for each in ended]

    answer = await desk.available(NINE, TEN, roomIds=[api_id(venue.rooms[0])])

    assert starts(answer) == ["09:00", "09:30"]
