"""Reasons why a slot isn't free: each rule with its data, and when it ends."""

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made
from tests.support.factories import Venue, api_id, make_venue

TEN = "2027-03-02T10:00:00Z"
ELEVEN = "2027-03-02T11:00:00Z"
DAYTIME = {day: [(9 * 60, 17 * 60)] for day in Weekday}


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, hours=DAYTIME)


@pytest.fixture
def guest(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.guest)


@pytest.fixture
def owner(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.owner)


async def reason(desk: BookingClient, venue: Venue, start: Any, **wish: int) -> Any:
    """Returns the only reason against a start, without its message."""
    slot = (await desk.explain(venue.rooms[0], start, **wish)).payload
    (only,) = slot["reasons"]
    return {name: value for name, value in only.items() if name != "message"}


async def test_a_free_slot_has_no_reasons(guest: BookingClient, venue: Venue) -> None:
    slot = (await guest.explain(venue.rooms[0], TEN, minutes=90)).payload

    assert slot == {
        "room": {"id": api_id(venue.rooms[0]), "name": "Room 1"},
        "startsAt": TEN,
        "endsAt": "2027-03-02T11:30:00Z",
        "state": "FREE",
        "remainingSeats": None,
        "price": {"amount": "60.00", "currencyCode": "EUR"},
        "reasons": [],
    }


async def test_a_taken_slot_is_busy_until_the_booking_ends(
    guest: BookingClient, venue: Venue
) -> None:
    made(await guest.create(venue.rooms[0], TEN))

    slot = (await guest.explain(venue.rooms[0], "2027-03-02T10:30:00Z")).payload

    assert slot["state"] == "BUSY"
    assert slot["reasons"] == [
        {
            "code": "SLOT_TAKEN",
            "message": "Room 1 is booked 11:00–12:00 on Tuesday 2 March 2027.",  # noqa: RUF001
            "rule": {"startsAt": TEN, "endsAt": ELEVEN},
            "freesAt": ELEVEN,
        }
    ]


async def test_notice_lets_go_in_an_hour(guest: BookingClient, venue: Venue) -> None:
    assert await reason(guest, venue, "2027-03-01T09:30:00Z") == {
        "code": "MIN_NOTICE",
        "rule": {"minNoticeMinutes": 60},
        "freesAt": "2027-03-01T10:00:00Z",
    }


async def test_the_past_is_min_notice_for_the_owner_too(owner: BookingClient, venue: Venue) -> None:
    assert await reason(owner, venue, "2027-03-01T08:30:00Z") == {
        "code": "MIN_NOTICE",
        "rule": {"minNoticeMinutes": 0},
        "freesAt": "2027-03-01T09:00:00Z",
    }


async def test_a_time_off_the_grid_names_the_next_on_it(guest: BookingClient, venue: Venue) -> None:
    assert await reason(guest, venue, "2027-03-02T10:10:00Z") == {
        "code": "OFF_GRID",
        "rule": {"slotMinutes": 30},
        "freesAt": "2027-03-02T10:30:00Z",
    }


async def test_a_time_outside_hours_names_the_hours_and_the_next_opening(
    guest: BookingClient, venue: Venue
) -> None:
    assert await reason(guest, venue, "2027-03-02T15:30:00Z") == {
        "code": "OUTSIDE_BUSINESS_HOURS",
        "rule": {
            "date": "2027-03-02",
            "intervals": [{"opensAt": "09:00", "closesAt": "17:00"}],
        },
        "freesAt": "2027-03-03T08:00:00Z",
    }


async def test_a_blackout_names_its_end(owner: BookingClient, venue: Venue) -> None:
    await owner(
        """mutation { createBlackout(input: {
             startsAt: "2027-03-02T10:00:00Z", endsAt: "2027-03-02T12:00:00Z" }) {
             userErrors { code } } }"""
    )

    assert await reason(owner, venue, ELEVEN) == {
        "code": "BLACKOUT",
        "rule": {"startsAt": TEN, "endsAt": "2027-03-02T12:00:00Z"},
        "freesAt": "2027-03-02T12:00:00Z",
    }


async def test_a_time_too_far_ahead_names_when_it_opens(owner: BookingClient, venue: Venue) -> None:
    assert await reason(owner, venue, "2027-06-01T09:00:00Z") == {
        "code": "MAX_ADVANCE",
        "rule": {"maxAdvanceDays": 90},
        "freesAt": "2027-03-03T09:00:00Z",
    }


@pytest.mark.parametrize(
    ("wish", "code", "rule"),
    [
        ({"party": 5}, "CAPACITY_EXCEEDED", {"capacity": 4}),
        ({"minutes": 10}, "MIN_DURATION", {"minDurationMinutes": 15}),
    ],
)
async def test_some_rules_never_let_go(
    guest: BookingClient, venue: Venue, wish: dict[str, int], code: str, rule: dict[str, int]
) -> None:
    assert await reason(guest, venue, TEN, **wish) == {"code": code, "rule": rule, "freesAt": None}


async def test_every_failed_rule_is_listed(guest: BookingClient, venue: Venue) -> None:
    slot = (await guest.explain(venue.rooms[0], "2027-03-01T07:40:00Z", minutes=5, party=9)).payload

    assert slot["state"] == "BLOCKED"
    assert [each["code"] for each in slot["reasons"]] == [
        "CAPACITY_EXCEEDED",
        "MIN_DURATION",
        "MIN_NOTICE",
        "OFF_GRID",
        "OUTSIDE_BUSINESS_HOURS",
    ]


async def test_a_start_on_the_wall_clock_is_the_venues(guest: BookingClient, venue: Venue) -> None:
    answer = await guest.explain(venue.rooms[0], {"local": {"date": "2027-03-02", "time": "11:00"}})

    assert answer.payload["startsAt"] == TEN


async def test_a_skipped_start_is_bad_input(guest: BookingClient, venue: Venue) -> None:
    answer = await guest.explain(venue.rooms[0], {"local": {"date": "2027-03-28", "time": "02:30"}})

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.errors[0]["message"] == (
        "The clock in Europe/Berlin skips 02:30 on that day; "
        "the next time there is 03:00 on Sunday 28 March 2027."
    )


async def test_a_repeated_start_is_asked_for(
    guest: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    clock.now = datetime(2027, 10, 30, tzinfo=UTC)
    repeated = {"date": "2027-10-31", "time": "02:30"}

    unsaid = await guest.explain(venue.rooms[0], {"local": repeated})
    first = await guest.explain(venue.rooms[0], {"local": {**repeated, "fold": 0}})
    second = await guest.explain(venue.rooms[0], {"local": {**repeated, "fold": 1}})

    assert unsaid.codes == ["BAD_USER_INPUT"]
    assert first.payload["startsAt"] == "2027-10-31T00:30:00Z"
    assert second.payload["startsAt"] == "2027-10-31T01:30:00Z"


@pytest.mark.parametrize("wish", [{"minutes": 0}, {"party": 0}])
async def test_what_can_not_be_asked_for_is_bad_input(
    guest: BookingClient, venue: Venue, wish: dict[str, int]
) -> None:
    assert (await guest.explain(venue.rooms[0], TEN, **wish)).codes == ["BAD_USER_INPUT"]


async def test_a_room_that_is_not_there_has_no_slot(runtime: Runtime, guest: BookingClient) -> None:
    elsewhere = await make_venue(runtime)

    theirs = await guest.explain(elsewhere.rooms[0], TEN)
    skipped = {"local": {"date": "2027-03-28", "time": "02:30"}}
    at_no_time = await guest.explain(elsewhere.rooms[0], skipped)
    malformed = await guest(
        """{ explainSlot(roomId: "nonsense", start: {at: "2027-03-02T10:00:00Z"},
                         durationMinutes: 60) { state } }"""
    )

    assert (theirs.payload, at_no_time.payload, malformed.payload) == (None, None, None)
