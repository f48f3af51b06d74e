"""Bookings of several rooms: all of them or none, as one booking with one price."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest

from kit.runtime import Runtime
from models.venue.rooms import Room
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused, rfc
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.occupancy import OVERLAPS
from tests.support.statements import round_trips

TEN: Final = datetime(2027, 3, 2, 10, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
ROOMS: Final = "query ($id: ID!) { booking(id: $id) { room { name } rooms { name } } }"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    """Rooms for 4, 8, 12 and 16 people, at 40 an hour each."""
    return await make_venue(runtime, rooms=4, min_notice_minutes=0)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)


def ids(*rooms: Room) -> list[str]:
    return [api_id(room) for room in rooms]


async def names(desk: BookingClient, booking: Any) -> list[str]:
    return [each["name"] for each in (await desk(ROOMS, id=booking["id"])).payload["rooms"]]


async def free(desk: BookingClient, rooms: Sequence[Room], at: datetime) -> list[bool]:
    """Returns which of the rooms are free for an hour, as availability and explainSlot say."""
    listed = await desk.available(at, at + timedelta(minutes=1), roomIds=ids(*rooms))
    found = {slot["room"]["id"] for slot in listed["slots"]}
    explained = [(await desk.explain(room, at)).payload["state"] == "FREE" for room in rooms]
    assert explained == [api_id(room) in found for room in rooms]
    return explained


async def test_all_rooms_are_booked_moved_and_freed_together(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    first, second, third, fourth = venue.rooms
    with round_trips(desk.runtime) as sent:
        booking = made(await desk.create(first, TEN, alsoRoomIds=ids(second, third), partySize=24))

    assert sum("claim_calendar" in each for each in sent) == 1
    assert await names(desk, booking) == ["Room 1", "Room 2", "Room 3"]
    lines = [(line["label"], line["amount"]["amount"]) for line in booking["price"]["lines"]]
    assert lines == [("Room 1", "40.00"), ("Room 2", "40.00"), ("Room 3", "40.00")]
    assert booking["price"]["total"]["amount"] == "120.00"
    assert await free(desk, venue.rooms, TEN) == [False, False, False, True]

    booking = moved(await desk.move(booking, TEN + HOUR))
    assert await free(desk, venue.rooms, TEN) == [True] * 4
    booking = moved(await desk.move(booking, TEN + HOUR, fourth))
    assert await names(desk, booking) == ["Room 4", "Room 2", "Room 3"]
    assert await free(desk, venue.rooms, TEN + HOUR) == [True, False, False, False]
    assert booking["price"]["total"]["amount"] == "120.00"
    assert (await desk.move(booking, TEN + 2 * HOUR, second)).refusals == ["INVALID"]

    booking = made(await desk.update(booking, partySize=36))
    assert refused(await desk.update(booking, partySize=37))["message"] == (
        "These rooms hold at most 36 guests together."
    )
    made(await desk.cancel(booking))
    assert await free(desk, venue.rooms, TEN + HOUR) == [True] * 4
    assert await owner.fetchval(OVERLAPS) == 0


async def test_a_hold_of_several_rooms_becomes_their_booking(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    first, second, *_ = venue.rooms
    held = made(await desk.hold(first, TEN, alsoRoomIds=ids(second)))
    assert (await desk.create(second, TEN)).refusals == ["SLOT_TAKEN"]
    booking = made(await desk.convert(held, partySize=12))
    assert await names(desk, booking) == ["Room 1", "Room 2"]

    again = made(await desk.hold(first, TEN + HOUR, alsoRoomIds=ids(second)))
    clock.advance(hours=1)
    assert await free(desk, venue.rooms[:2], TEN + HOUR) == [True, True]
    made(await desk.create(second, TEN + HOUR))
    assert (await desk.convert(again)).refusals == ["HOLD_EXPIRED"]


async def test_every_rule_is_asked_for_each_room_and_names_it(
    desk: BookingClient, venue: Venue
) -> None:
    first, second, third, fourth = venue.rooms
    await make_booking(desk.runtime, venue, TEN, room=second)
    await make_booking(desk.runtime, venue, TEN, room=third)
    blackout = """mutation ($room: ID!) { createBlackout(input: { roomId: $room,
        startsAt: "2027-03-02T10:00:00Z", endsAt: "2027-03-02T11:00:00Z" }) {
          userErrors { code } } }"""
    assert (await desk(blackout, room=api_id(fourth))).refusals == []

    answer = await desk.create(
        first, TEN, alsoRoomIds=ids(second, third, fourth), partySize=41, minutes=5
    )

    found = {(each["code"], each["path"][-1]): each for each in answer.payload["userErrors"]}
    assert [each["code"] for each in answer.payload["userErrors"]].count("MIN_DURATION") == 1
    assert found["CAPACITY_EXCEEDED", "partySize"]["message"] == (
        "These rooms hold at most 40 guests together."
    )
    assert found["BLACKOUT", "start"]["message"].startswith("Room 4 is blocked")
    taken = [each for each in answer.payload["userErrors"] if each["code"] == "SLOT_TAKEN"]
    assert [each["message"].partition(" is ")[0] for each in taken] == ["Room 2", "Room 3"]
    assert [each["alternatives"] for each in taken] == [[], []]
    # All or none: the free room stays free.
    assert await free(desk, [first], TEN) == [True]


async def test_the_longest_buffers_apply_to_all_rooms(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    first, second, *_ = venue.rooms
    buffers = """mutation ($id: ID!) { updateRoom(id: $id, version: 1, input: {
        bufferBeforeMinutes: 15, bufferAfterMinutes: 30 }) { userErrors { code } } }"""
    assert (await desk(buffers, id=api_id(second))).refusals == []
    made(await desk.create(first, TEN - HOUR))

    tight = await desk.create(first, TEN, alsoRoomIds=ids(second))
    booking = made(await desk.create(first, TEN + HOUR / 2, alsoRoomIds=ids(second)))

    assert tight.refusals == ["BUFFER_VIOLATION"]
    assert refused(tight)["message"].startswith("Another booking of Room 1 is too close")
    occupied = "SELECT count(*) FROM occupancy WHERE tenant_id = $1 AND upper(occupied) = $2"
    assert await owner.fetchval(occupied, venue.tenant.id, TEN + 2 * HOUR) == 2
    assert (await desk.create(first, TEN + 3 * HOUR / 2)).refusals == ["BUFFER_VIOLATION"]
    # Half an hour later, partly onto its own time.
    moved(await desk.move(booking, TEN + HOUR))
    assert await owner.fetchval(OVERLAPS) == 0


@pytest.mark.parametrize(
    ("wanted", "code", "path"),
    [
        ({"also": [0]}, "INVALID", ["input", "alsoRoomIds", "0"]),
        ({"also": [1, 1]}, "INVALID", ["input", "alsoRoomIds", "1"]),
        ({"also": [3, 1]}, "INVALID", ["input", "alsoRoomIds", "1"]),
        ({"also": [1, 4]}, "NOT_FOUND", ["input", "alsoRoomIds", "1"]),
        ({"also": [1] * 20}, "QUOTA_EXCEEDED", ["input", "alsoRoomIds"]),
        ({"also": [1, 2]}, "ROOM_ARCHIVED", ["input", "alsoRoomIds", "1"]),
        ({"also": [1], "weekly": True}, "INVALID", ["input", "alsoRoomIds"]),
    ],
    ids=["itself", "twice", "its part", "foreign", "too many", "archived", "series"],
)
async def test_rooms_that_are_refused(
    desk: BookingClient, venue: Venue, wanted: dict[str, Any], code: str, path: list[str]
) -> None:
    rooms = [*venue.rooms, (await make_venue(desk.runtime)).rooms[0]]
    set_up = """mutation ($archived: ID!, $hall: ID!, $part: ID!) {
        archiveRoom(id: $archived, version: 1) { userErrors { code } }
        setRoomParts(id: $hall, version: 1, partIds: [$part]) { userErrors { code } } }"""
    variables = {"archived": rooms[2], "hall": rooms[3], "part": rooms[1]}
    await desk(set_up, **{name: api_id(room) for name, room in variables.items()})
    weekly = {"rrule": "FREQ=WEEKLY;COUNT=2"} if "weekly" in wanted else None

    answer = await desk.create(
        rooms[0], TEN, alsoRoomIds=ids(*(rooms[each] for each in wanted["also"])), recurrence=weekly
    )

    refusal = refused(answer)
    assert (refusal["code"], refusal["path"]) == (code, path)


async def test_the_history_names_all_rooms(desk: BookingClient, venue: Venue) -> None:
    first, second, *_ = venue.rooms
    booking = made(await desk.create(first, TEN, alsoRoomIds=ids(second)))

    (entry,) = await desk.history(booking)

    changes = {each["field"]: each["after"] for each in entry["changes"]}
    assert changes["alsoRoomIds"] == ids(second)


async def test_their_changes_are_undone_but_they_are_not_swapped(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection, clock: StoppedClock
) -> None:
    first, second, third, _ = venue.rooms
    booking = made(await desk.create(first, TEN, alsoRoomIds=ids(second), partySize=12))
    other = made(await desk.create(third, TEN))
    undo = """mutation ($id: ID!, $version: Int!) {
        undoChange(bookingId: $id, version: $version) {
          booking { id version partySize rooms { name } } userErrors { code message } } }"""
    swap = """mutation ($a: ID!, $v: Int!, $b: ID!, $w: Int!) {
        swapBookings(firstId: $a, firstVersion: $v, secondId: $b, secondVersion: $w) {
          userErrors { code path } } }"""

    clock.advance(minutes=1)
    smaller = made(await desk.update(booking, partySize=3))
    undone = await desk(undo, id=booking["id"], version=smaller["version"])
    assert undone.payload["booking"]["partySize"] == 12
    clock.advance(minutes=1)
    cancelled = moved(await desk.cancel(undone.payload["booking"]))
    undone = await desk(undo, id=booking["id"], version=cancelled["version"])
    current = undone.payload["booking"]
    swapped = await desk(
        swap, a=other["id"], v=other["version"], b=booking["id"], w=current["version"]
    )

    assert [each["name"] for each in current["rooms"]] == ["Room 1", "Room 2"]
    assert swapped.payload["userErrors"] == [{"code": "INVALID", "path": ["secondId"]}]
    assert await free(desk, venue.rooms, TEN) == [False, False, False, True]
    assert await owner.fetchval(OVERLAPS) == 0


async def test_a_booking_is_found_by_any_of_its_rooms(desk: BookingClient, venue: Venue) -> None:
    first, second, third, _ = venue.rooms
    both = made(await desk.create(first, TEN, alsoRoomIds=ids(second)))
    alone = made(await desk.create(third, TEN))
    query = """query ($room: ID!, $rooms: [ID!]) {
      eq: bookings(first: 5, filter: { roomId: { eq: $room } }) { nodes { id } }
      in: bookings(first: 5, filter: { roomId: { in: $rooms } }) { nodes { id } totalCount }
    }"""

    found = (await desk(query, room=api_id(second), rooms=ids(second, third))).data

    assert found["eq"]["nodes"] == [{"id": both["id"]}]
    assert sorted(each["id"] for each in found["in"]["nodes"]) == sorted([both["id"], alone["id"]])
    assert found["in"]["totalCount"] == 2


async def test_times_at_which_all_rooms_are_free_are_offered_instead(
    desk: BookingClient, venue: Venue
) -> None:
    first, second, *_ = venue.rooms
    made(await desk.create(second, TEN))
    made(await desk.create(first, TEN + HOUR))
    query = """mutation ($input: CreateBookingInput!) { createBooking(input: $input) {
      userErrors { ... on SlotConflictError { alternatives(first: 3) {
        startsAt room { name } price { amount } } } } } }"""
    wanted = {"roomId": api_id(first), "alsoRoomIds": ids(second), "start": {"at": rfc(TEN)}}
    given = {**wanted, "durationMinutes": 60, "partySize": 12}

    refusal, *_ = (await desk(query, input=given)).payload["userErrors"]

    of_both = {"room": {"name": "Room 1"}, "price": {"amount": "80.00"}}
    times = [rfc(TEN - timedelta(minutes=each)) for each in (60, 90, 120)]
    assert refusal["alternatives"] == [{"startsAt": each, **of_both} for each in times]
    for each in refusal["alternatives"]:
        dry = {**given, "start": {"at": each["startsAt"]}, "dryRun": True}
        assert (await desk(query, input=dry)).payload["userErrors"] == []
