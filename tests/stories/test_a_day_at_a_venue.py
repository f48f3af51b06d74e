"""A day at a venue in New York: how guests and the desk get along with one calendar."""

from datetime import UTC, datetime

import pytest_asyncio

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id, make_venue

EVENINGS = {day: [(17 * 60, 26 * 60)] for day in Weekday}


@pytest_asyncio.fixture
async def venue(runtime: Runtime, clock: StoppedClock) -> Venue:
    """Open from 17:00 to 02:00; it is noon on Saturday, and the clock goes forward tonight."""
    clock.now = datetime(2027, 3, 13, 17, tzinfo=UTC)
    return await make_venue(
        runtime,
        time_zone="America/New_York",
        currency="USD",
        hours=EVENINGS,
        requires_confirmation=True,
    )


async def test_an_evening_from_the_first_look_to_the_last_guest(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    guest, staff = (
        BookingClient(api, runtime, venue.guest),
        BookingClient(api, runtime, venue.staff),
    )

    # A guest looks for two hours for five, and there is a room for that.
    evening = await guest.available(
        "2027-03-13T19:00:00-05:00",
        "2027-03-13T22:00:00-05:00",
        durationMinutes=120,
        partySize=5,
    )
    slot = evening["nextFreeSlot"]
    assert (slot["room"]["name"], slot["startsAt"]) == ("Room 2", "2027-03-14T00:00:00Z")
    assert slot["price"] == {"amount": "80.00", "currencyCode": "USD"}

    # While they think, the desk can't give the time away, but is told what else there is.
    hold = made(await guest.hold(venue.rooms[1], slot["startsAt"], minutes=120, partySize=5))
    clock.advance(minutes=4)
    gone = refused(await staff.create(venue.rooms[1], slot["startsAt"], minutes=60, partySize=8))
    assert gone["code"] == "SLOT_TAKEN"
    assert gone["alternatives"][0]["startsAt"] == "2027-03-13T23:00:00Z"

    # They take it; the venue confirms.
    price = {"amount": "80.00", "currencyCode": "USD"}
    asked = made(await guest.convert(hold, expectedTotal=price, note="Two microphones"))
    assert (asked["status"], asked["reference"]) == ("PENDING", hold["reference"])
    booking = made(await staff.confirm(asked))
    assert booking["local"]["start"] == "2027-03-13T19:00"

    # They come later after all: an hour of the old time and one more.
    booking = moved(await guest.move(booking, "2027-03-13T20:00:00-05:00", reason="Traffic"))
    assert (booking["status"], booking["local"]["end"]) == ("CONFIRMED", "2027-03-13T22:00")

    # They are here, they sing, they go.
    clock.now = datetime(2027, 3, 14, 0, 50, tzinfo=UTC)
    booking = made(await staff.check_in(booking))
    clock.now = datetime(2027, 3, 14, 3, 0, tzinfo=UTC)
    booking = made(await staff.complete(booking))
    assert (booking["status"], booking["allowedTransitions"]) == ("COMPLETED", [])

    entries = await staff.history(booking)
    assert [(each["type"], each["actor"]["kind"]) for each in entries] == [
        ("BOOKING_HELD", "CUSTOMER"),
        ("BOOKING_CREATED", "CUSTOMER"),
        ("BOOKING_CONFIRMED", "USER"),
        ("BOOKING_RESCHEDULED", "CUSTOMER"),
        ("BOOKING_CHECKED_IN", "USER"),
        ("BOOKING_COMPLETED", "USER"),
    ]


async def test_a_no_show_makes_room_for_who_waits_at_the_door(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    guest, staff = (
        BookingClient(api, runtime, venue.guest),
        BookingClient(api, runtime, venue.staff),
    )
    late = made(await guest.create(venue.rooms[0], "2027-03-13T19:00:00-05:00", minutes=120))
    late = made(await staff.confirm(late))

    # At 19:20 somebody stands at the desk who wants the rest of the time.
    clock.now = datetime(2027, 3, 14, 0, 20, tzinfo=UTC)
    waiting = {"new": {"name": "Nadia", "phone": "+1 212 555 0100"}}
    taken = await staff.create(
        venue.rooms[0], "2027-03-13T19:25:00-05:00", minutes=95, customer=waiting
    )
    made(await staff.no_show(late))
    walked_in = made(
        await staff.create(
            venue.rooms[0], "2027-03-13T19:25:00-05:00", minutes=95, customer=waiting
        )
    )

    assert taken.refusals == ["SLOT_TAKEN"]
    assert walked_in["customer"]["name"] == "Nadia"
    assert walked_in["price"]["total"]["amount"] == "63.33"
    (entry,) = await staff.history(walked_in)
    overridden = [each for each in entry["changes"] if each["field"] == "overridden"]
    assert overridden == [
        {"field": "overridden", "before": None, "after": ["MIN_NOTICE", "OFF_GRID"]}
    ]


async def test_the_night_in_which_the_clock_goes_forward_ends_at_three(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    guest = BookingClient(api, runtime, venue.guest)
    room = venue.rooms[0]

    # 02:00 is the moment at which it becomes 03:00: the last hour begins at 01:00.
    night = await guest.available(
        "2027-03-14T00:00:00-05:00", "2027-03-14T12:00:00Z", roomIds=[api_id(room)]
    )
    last = made(await guest.create(room, "2027-03-14T01:00:00-05:00"))

    assert [each["startsAt"] for each in night["slots"]] == [
        "2027-03-14T05:00:00Z",
        "2027-03-14T05:30:00Z",
        "2027-03-14T06:00:00Z",
    ]
    assert (last["local"]["start"], last["local"]["end"]) == (
        "2027-03-14T01:00",
        "2027-03-14T03:00",
    )
    skipped = {"local": {"date": "2027-03-13", "time": "26:30"}}
    assert refused(await guest.create(room, "", start=skipped))["code"] == "NONEXISTENT_LOCAL_TIME"


async def test_a_party_moves_in_when_the_calendar_changes_around_it(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    guest, staff = (
        BookingClient(api, runtime, venue.guest),
        BookingClient(api, runtime, venue.staff),
    )
    manager = BookingClient(api, runtime, venue.manager)
    booking = made(await guest.create(venue.rooms[0], "2027-03-20T20:00:00-04:00"))
    booking = made(await staff.confirm(booking))

    # A pipe bursts: the room is closed for the evening. The booking stays, for people to move.
    blocked = await manager(
        """mutation ($room: ID!) { createBlackout(input: {
             roomId: $room, reason: "A burst pipe",
             startsAt: "2027-03-20T21:00:00Z", endsAt: "2027-03-21T06:00:00Z" }) {
             userErrors { code } } }""",
        room=api_id(venue.rooms[0]),
    )
    later = await staff.move(booking, "2027-03-20T21:00:00-04:00")
    elsewhere = moved(await staff.move(booking, "2027-03-20T20:00:00-04:00", venue.rooms[1]))

    assert blocked.refusals == []
    assert later.refusals == ["BLACKOUT"]
    assert (elsewhere["room"]["name"], elsewhere["reference"]) == ("Room 2", booking["reference"])
    assert await guest.booking(elsewhere["id"]) is not None
