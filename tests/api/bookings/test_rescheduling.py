"""Bookings moved to another time or room: the same bookings afterwards."""

from datetime import UTC, datetime, timedelta

import pytest

from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id, make_venue

TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
HALF_PAST = TEN + timedelta(minutes=30)
ELEVEN = TEN + timedelta(hours=1)
NOON = TEN + timedelta(hours=2)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


async def test_a_moved_booking_is_the_same_booking(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN, note="A birthday"))
    clock.advance(minutes=1)

    after = moved(await desk.move(booking, NOON))

    local = {**booking["local"], "start": "2027-03-02T13:00", "end": "2027-03-02T14:00"}
    (line,) = booking["price"]["lines"]
    times = {"startsAt": "2027-03-02T12:00:00Z", "endsAt": "2027-03-02T13:00:00Z"}
    assert after == {
        **booking,
        "version": 2,
        "updatedAt": "2027-03-01T09:01:00Z",
        "startsAt": "2027-03-02T12:00:00Z",
        "endsAt": "2027-03-02T13:00:00Z",
        "local": local,
        "price": {**booking["price"], "lines": [{**line, **times}]},
    }


async def test_a_cancelled_booking_and_a_taken_time_are_told_at_once(
    desk: BookingClient, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    made(await desk.create(venue.rooms[0], NOON))
    await desk.cancel(booking)

    answer = await desk.move({**booking, "version": 2}, NOON)

    assert answer.refusals == ["INVALID_TRANSITION", "SLOT_TAKEN"]


async def test_a_booking_moves_to_another_room(desk: BookingClient, venue: Venue) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))

    after = moved(await desk.move(booking, TEN, venue.rooms[1]))

    assert (after["id"], after["reference"]) == (booking["id"], booking["reference"])
    assert after["room"]["name"] == "Room 2"
    assert made(await desk.create(venue.rooms[0], TEN))["status"] == "CONFIRMED"


async def test_a_booking_moves_onto_a_part_of_its_own_time(
    desk: BookingClient, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))

    later = moved(await desk.move(booking, HALF_PAST))
    longer = moved(await desk.move(later, TEN, durationMinutes=180))

    assert later["startsAt"] == "2027-03-02T10:30:00Z"
    assert (longer["startsAt"], longer["endsAt"]) == (
        "2027-03-02T10:00:00Z",
        "2027-03-02T13:00:00Z",
    )


async def test_the_time_it_leaves_is_free_and_the_new_one_taken(
    desk: BookingClient, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    moved(await desk.move(booking, NOON))

    left = await desk.create(venue.rooms[0], TEN)
    taken = await desk.create(venue.rooms[0], NOON)

    assert (left.refusals, taken.refusals) == ([], ["SLOT_TAKEN"])


async def test_a_booking_does_not_move_onto_another(desk: BookingClient, venue: Venue) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    made(await desk.create(venue.rooms[0], NOON))

    answer = await desk.move(booking, ELEVEN + timedelta(minutes=30))

    refusal = refused(answer)
    assert answer.payload["bookings"] == []
    assert (refusal["code"], refusal["path"]) == ("SLOT_TAKEN", ["input", "start"])
    # Its own time is in nobody's way.
    offered = [(each["room"]["name"], each["startsAt"]) for each in refusal["alternatives"]]
    assert offered == [
        ("Room 2", "2027-03-02T11:30:00Z"),
        ("Room 1", "2027-03-02T11:00:00Z"),
        ("Room 2", "2027-03-02T11:00:00Z"),
    ]
    assert (await desk.booking(booking["id"]))["startsAt"] == "2027-03-02T10:00:00Z"


async def test_each_alternative_is_one_it_can_move_to(desk: BookingClient, venue: Venue) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    made(await desk.create(venue.rooms[0], NOON))
    refusal = refused(await desk.move(booking, NOON))

    first, *_ = refusal["alternatives"]
    after = moved(await desk.move(booking, first["startsAt"], roomId=first["room"]["id"]))

    assert (after["room"], after["startsAt"]) == (first["room"], first["startsAt"])


async def test_a_move_keeps_to_every_rule(desk: BookingClient, venue: Venue) -> None:
    booking = made(await desk.create(venue.rooms[1], TEN, partySize=8))

    answer = await desk.move(
        booking, datetime(2027, 3, 1, 8, tzinfo=UTC), venue.rooms[0], durationMinutes=5
    )

    assert answer.refusals == ["CAPACITY_EXCEEDED", "MIN_DURATION", "MIN_NOTICE"]


async def test_a_guests_move_keeps_to_notice_and_grid(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    guest = BookingClient(api, runtime, venue.guest)
    booking = made(await guest.create(venue.rooms[0], TEN))

    answer = await guest.move(booking, datetime(2027, 3, 1, 9, 10, tzinfo=UTC))

    assert answer.refusals == ["MIN_NOTICE", "OFF_GRID"]


async def test_a_price_stays_when_only_the_time_changes(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    await BookingClient(api, runtime, venue.owner)(
        """mutation ($id: ID!) { updateRoom(
             id: $id, version: 1, input: {hourlyRate: {amount: "60.00", currencyCode: "EUR"}}
           ) { userErrors { code } } }""",
        id=api_id(venue.rooms[0]),
    )

    later = moved(await desk.move(booking, NOON))
    longer = moved(await desk.move(later, NOON, durationMinutes=90))

    assert later["price"]["total"]["amount"] == "40.00"
    assert longer["price"]["total"]["amount"] == "90.00"


async def test_a_pending_booking_stays_pending_when_it_moves(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, requires_confirmation=True)
    desk = BookingClient(api, runtime, venue.staff)
    booking = made(await desk.create(venue.rooms[0], TEN))

    assert moved(await desk.move(booking, NOON))["status"] == "PENDING"


@pytest.mark.parametrize("end", ["cancel", "hold", "check_in"])
async def test_only_what_is_still_to_come_moves(
    desk: BookingClient, venue: Venue, clock: StoppedClock, end: str
) -> None:
    start = datetime(2027, 3, 1, 9, tzinfo=UTC)
    made_by = desk.hold if end == "hold" else desk.create
    booking = made(await made_by(venue.rooms[0], start))
    match end:
        case "cancel":
            booking = moved(await desk.cancel(booking))
        case "check_in":
            booking = made(await desk.check_in(booking))

    assert (await desk.move(booking, NOON)).refusals == ["INVALID_TRANSITION"]


async def test_a_move_to_an_unknown_room_is_not_found(
    runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    elsewhere = await make_venue(runtime)

    answers = [
        await desk.move(booking, NOON, roomId="nonsense"),
        await desk.move(booking, NOON, elsewhere.rooms[0]),
    ]

    paths = [(refused(each)["code"], refused(each)["path"]) for each in answers]
    assert paths == 2 * [("NOT_FOUND", ["input", "roomId"])]


async def test_a_move_into_the_time_of_a_hold_that_ran_out_succeeds(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[1], NOON))
    booking = made(await desk.create(venue.rooms[0], TEN))
    clock.advance(minutes=5)

    after = moved(await desk.move(booking, NOON, venue.rooms[1]))

    assert after["startsAt"] == "2027-03-02T12:00:00Z"
    entries = await desk.history(hold)
    assert [each["type"] for each in entries] == ["BOOKING_HELD", "BOOKING_EXPIRED"]


async def test_a_move_is_in_the_history(desk: BookingClient, venue: Venue) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    moved(await desk.move(booking, NOON, venue.rooms[1], reason="They asked"))

    _, entry = await desk.history(booking)

    assert (entry["type"], entry["reason"]) == ("BOOKING_RESCHEDULED", "They asked")
    changes = {each["field"]: (each["before"], each["after"]) for each in entry["changes"]}
    assert changes["roomId"] == (api_id(venue.rooms[0]), api_id(venue.rooms[1]))
    assert set(changes) == {"roomId", "startsAt", "endsAt"}


async def test_a_booking_can_be_shortened_whatever_the_buffers_are_by_now(
    desk: BookingClient, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN, minutes=120))
    made(await desk.create(venue.rooms[0], NOON))
    owner = BookingClient(desk.api, desk.runtime, venue.owner)
    raised = await owner(
        """mutation ($id: ID!) {
             updateRoom(id: $id, version: 1, input: {bufferAfterMinutes: 60}) {
               userErrors { code } } }""",
        id=api_id(venue.rooms[0]),
    )

    later = await desk.move(booking, HALF_PAST, durationMinutes=120)
    free = await desk.available(
        HALF_PAST,
        HALF_PAST + timedelta(minutes=1),
        durationMinutes=90,
        roomIds=[api_id(venue.rooms[0])],
        excludeBookingId=booking["id"],
    )
    shorter = moved(await desk.move(booking, HALF_PAST, durationMinutes=90))

    assert raised.refusals == []
    assert later.refusals == ["SLOT_TAKEN"]
    assert [slot["startsAt"] for slot in free["slots"]] == ["2027-03-02T10:30:00Z"]
    assert (shorter["startsAt"], shorter["endsAt"]) == (
        "2027-03-02T10:30:00Z",
        "2027-03-02T12:00:00Z",
    )
