"""Halls and their parts: what is booked of one is taken of the others."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest

from domain.bookings.lifecycle import Status
from kit.runtime import Runtime
from models.venue.rooms import Room
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.occupancy import OVERLAPS

TEN: Final = datetime(2027, 3, 2, 10, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
SET: Final = """mutation ($id: ID!, $version: Int!, $parts: [ID!]!, $dryRun: Boolean! = false) {
  setRoomParts(id: $id, version: $version, partIds: $parts, dryRun: $dryRun) {
    room { version parts { name partOf { name } } }
    userErrors { code path message ... on RoomPartsConflictError { conflicts { roomId startsAt } } }
  }
}"""
TAKEN: Final = "SELECT count(*) FROM occupancy WHERE tenant_id = $1"
PLAIN: Final = "SELECT bool_and(space_ids IS NULL) FROM {} WHERE tenant_id = $1"
ROOMS: Final = """{ rooms(first: 10) { nodes {
  name version parts { name parts { name } } partOf { name }
} } }"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    """A centre: a left and a right half, the hall, the north and the south of the right half."""
    return await make_venue(runtime, rooms=6, min_notice_minutes=0)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)


async def set_parts(
    desk: BookingClient, room: Room, parts: Sequence[Room], *, version: int = 1, **given: Any
) -> Answer:
    ids = [api_id(part) for part in parts]
    return await desk(SET, id=api_id(room), version=version, parts=ids, **given)


async def states(desk: BookingClient, rooms: Sequence[Room], at: datetime) -> list[str]:
    """Returns the state of an hour in rooms, which availability and explainSlot agree on."""
    query = {"roomIds": [api_id(room) for room in rooms], "includeUnavailable": True}
    listed = await desk.available(at, at + timedelta(minutes=1), **query)
    of_room = {slot["room"]["id"]: slot["state"] for slot in listed["slots"]}
    explained = [(await desk.explain(room, at)).payload["state"] for room in rooms]
    assert explained == [of_room[api_id(room)] for room in rooms]
    return explained


async def test_a_hall_blocks_its_parts_and_each_part_the_hall(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    left, right, hall, north, south, studio = venue.rooms
    rooms = [left, right, hall, north, south, studio]
    made_parts = await set_parts(desk, right, [north, south])
    assert made_parts.payload["room"]["parts"][0] == {
        "name": "Room 4",
        "partOf": [{"name": "Room 2"}],
    }
    assert (await set_parts(desk, hall, [left, right])).refusals == []
    listed = (await desk(ROOMS)).payload["nodes"]
    assert listed[2]["parts"] == [
        {"name": "Room 1", "parts": []},
        {"name": "Room 2", "parts": [{"name": "Room 4"}, {"name": "Room 5"}]},
    ]

    quarter = made(await desk.create(north, TEN))
    assert await states(desk, rooms, TEN) == ["FREE", "BUSY", "BUSY", "BUSY", "FREE", "FREE"]
    for room in (hall, right):
        refusal = refused(await desk.create(room, TEN))
        assert refusal["code"] == "SLOT_TAKEN"
        assert refusal["message"].startswith(f"{room.name} is booked")
        assert [each["roomId"] for each in refusal["conflicts"]] == [api_id(room)]
        assert (api_id(room), quarter["startsAt"]) not in [
            (each["room"]["id"], each["startsAt"]) for each in refusal["alternatives"]
        ]

    whole = moved(await desk.move(quarter, TEN + HOUR, hall))
    assert await states(desk, rooms, TEN) == ["FREE"] * 6
    assert await states(desk, rooms, TEN + HOUR) == ["BUSY"] * 5 + ["FREE"]
    hold = await desk.hold(south, TEN + HOUR)
    assert hold.refusals == ["SLOT_TAKEN"]

    whole = moved(await desk.move(whole, TEN + HOUR, right))
    held = made(await desk.hold(left, TEN + HOUR))
    assert await states(desk, rooms, TEN + HOUR) == ["BUSY"] * 5 + ["FREE"]
    assert (await desk.move(whole, TEN + HOUR, hall)).refusals == ["SLOT_TAKEN"]

    made(await desk.cancel(held, reason="No"))
    whole = moved(await desk.move(whole, TEN + HOUR, hall))
    made(await desk.cancel(whole))
    assert await states(desk, rooms, TEN + HOUR) == ["FREE"] * 6
    assert await owner.fetchval(OVERLAPS) == 0
    assert await owner.fetchval(TAKEN, venue.tenant.id) == 0


async def test_new_parts_move_the_bookings_that_stand(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection, clock: StoppedClock
) -> None:
    left, right, hall, *_ = venue.rooms
    await make_booking(desk.runtime, venue, TEN, room=hall)
    await make_booking(desk.runtime, venue, TEN + HOUR, room=left)
    await make_booking(desk.runtime, venue, TEN, room=left, status=Status.CANCELLED)
    made(await desk.hold(right, TEN, minutes=30))

    clashing = await set_parts(desk, hall, [left, right])
    (refusal,) = clashing.payload["userErrors"]
    assert (refusal["code"], refusal["path"]) == ("ROOM_PARTS_CONFLICT", ["partIds"])
    assert {each["roomId"] for each in refusal["conflicts"]} == {api_id(hall), api_id(right)}
    assert await owner.fetchval(PLAIN.format("bookings"), venue.tenant.id)

    # The hold is over, though nobody has stored that.
    clock.advance(hours=1)
    assert (await set_parts(desk, hall, [left, right])).refusals == []
    assert await states(desk, [left, right, hall], TEN) == ["BUSY", "BUSY", "BUSY"]
    assert await states(desk, [left, right, hall], TEN + HOUR) == ["BUSY", "FREE", "BUSY"]
    assert await owner.fetchval(OVERLAPS) == 0

    assert (await set_parts(desk, hall, [right], version=2)).refusals == []
    assert await states(desk, [left, right, hall], TEN) == ["FREE", "BUSY", "BUSY"]

    assert (await set_parts(desk, hall, [], version=3)).refusals == []
    assert await states(desk, [left, right, hall], TEN) == ["FREE", "FREE", "BUSY"]
    assert await owner.fetchval(OVERLAPS) == 0
    assert await owner.fetchval(PLAIN.format("bookings"), venue.tenant.id)


async def test_a_series_in_a_hall_takes_the_time_of_its_parts(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    left, right, hall, *_ = venue.rooms
    assert (await set_parts(desk, hall, [left, right])).refusals == []
    made(await desk.create(left, TEN + timedelta(days=1)))
    weekly = {"rrule": "FREQ=DAILY;COUNT=4", "conflictPolicy": "SKIP_CONFLICTS"}
    first = made(await desk.create(hall, TEN, recurrence=weekly))

    assert await owner.fetchval(TAKEN, venue.tenant.id) == 1 + 3 * 2
    assert await states(desk, [left, right], TEN + timedelta(days=2)) == ["BUSY", "BUSY"]
    assert await states(desk, [left, right], TEN + timedelta(days=1)) == ["BUSY", "FREE"]

    made(await desk.move(first, TEN + HOUR, right, scope="ALL"))
    assert await states(desk, [left, right], TEN + timedelta(days=2, hours=1)) == ["FREE", "BUSY"]
    assert await owner.fetchval(OVERLAPS) == 0


@pytest.mark.parametrize(
    ("parts", "code", "path"),
    [
        ([2], "INVALID", ["partIds", "0"]),
        ([0, 0], "INVALID", ["partIds", "1"]),
        ([0, 4], "INVALID", ["partIds", "1"]),
        ([0, 5], "NOT_FOUND", ["partIds", "1"]),
        ([0, 6], "NOT_FOUND", ["partIds", "1"]),
    ],
    ids=["itself", "twice", "circle", "archived", "foreign"],
)
async def test_parts_that_are_refused(
    desk: BookingClient, venue: Venue, parts: list[int], code: str, path: list[str]
) -> None:
    stranger = (await make_venue(desk.runtime)).rooms[0]
    *rooms, _ = everything = [*venue.rooms, stranger]
    assert (await set_parts(desk, rooms[4], [rooms[2]])).refusals == []
    archive = "mutation ($id: ID!) { archiveRoom(id: $id, version: 1) { userErrors { code } } }"
    assert (await desk(archive, id=api_id(rooms[5]))).refusals == []

    answer = await set_parts(desk, rooms[2], [everything[each] for each in parts])

    (refusal,) = answer.payload["userErrors"]
    assert (refusal["code"], refusal["path"]) == (code, path)
    assert (await set_parts(desk, rooms[2], [rooms[0]], version=7)).refusals == ["STALE_VERSION"]


async def test_an_archived_part_stays_a_part(desk: BookingClient, venue: Venue) -> None:
    left, right, hall, *_ = venue.rooms
    assert (await set_parts(desk, hall, [left, right])).refusals == []
    archive = "mutation ($id: ID!) { archiveRoom(id: $id, version: 1) { userErrors { code } } }"
    assert (await desk(archive, id=api_id(left))).refusals == []

    made(await desk.create(hall, TEN))

    assert (await desk.create(left, TEN + HOUR)).refusals == ["ROOM_ARCHIVED"]
    assert (await desk.create(right, TEN)).refusals == ["SLOT_TAKEN"]
    assert (await set_parts(desk, hall, [right, left], version=2)).refusals == []


async def test_a_dry_run_says_what_new_parts_would_do(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    left, right, hall, *_ = venue.rooms

    tried = await set_parts(desk, hall, [left, right], dryRun=True)

    assert [part["name"] for part in tried.payload["room"]["parts"]] == ["Room 1", "Room 2"]
    assert await owner.fetchval(PLAIN.format("rooms"), venue.tenant.id)
    made(await desk.create(hall, TEN))
    assert await states(desk, [left, right], TEN) == ["FREE", "FREE"]


async def test_new_parts_are_seen_by_whoever_had_other_facts(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    """Another process has kept the facts from before; its locks are of other spaces then."""
    left, right, hall, *_ = venue.rooms
    made(await desk.create(hall, TEN - HOUR))
    booking = made(await desk.create(hall, TEN))
    await owner.execute(
        "UPDATE rooms SET part_ids = $2, space_ids = $2 WHERE id = $1",
        *(hall.id, sorted([left.id, right.id])),
    )
    await owner.execute(
        "UPDATE bookings SET space_ids = $2 WHERE room_id = $1",
        *(hall.id, sorted([left.id, right.id])),
    )

    taken = await desk.create(right, TEN)
    assert taken.refusals == ["SLOT_TAKEN"]
    made(await desk.create(hall, TEN + HOUR))
    made(await desk.update(booking, note="Hello"))

    assert await owner.fetchval(TAKEN, venue.tenant.id) == 6
    assert await owner.fetchval(OVERLAPS) == 0
