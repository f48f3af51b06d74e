"""A customer sees and changes their own bookings; of others they see only that time is taken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.bookings.lifecycle import Status
from kit.runtime import Runtime
from models.bookings.bookings import Booking
from tests.support.client import Api
from tests.support.desk import BookingClient, made, moved, refused, shown
from tests.support.factories import Venue, api_id, make_booking

TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
ELEVEN = TEN + timedelta(hours=1)
NOON = TEN + timedelta(hours=2)


@pytest_asyncio.fixture
async def mine(runtime: Runtime, venue: Venue) -> Booking:
    return await make_booking(runtime, venue, TEN)


@pytest_asyncio.fixture
async def theirs(runtime: Runtime, venue: Venue) -> Booking:
    return await make_booking(runtime, venue, ELEVEN, customer=venue.other_customer)


@pytest.fixture
def guest(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.guest)


@pytest.fixture
def staff(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


# ------------------------------------------------------------------------------ seeing


async def test_a_guest_sees_their_own_booking(guest: BookingClient, mine: Booking) -> None:
    booking = await guest.booking(api_id(mine))

    assert (booking["reference"], booking["customer"]["name"]) == (mine.reference, "Guest")


async def test_anothers_booking_is_null_by_its_id(
    guest: BookingClient, mine: Booking, theirs: Booking
) -> None:
    answer = await guest(
        """query ($theirs: ID!, $mine: ID!) {
             booking(id: $theirs) { id }
             node(id: $theirs) { id }
             nodes(ids: [$theirs, $mine]) { id } }""",
        theirs=api_id(theirs),
        mine=api_id(mine),
    )

    assert answer.data == {"booking": None, "node": None, "nodes": [None, {"id": api_id(mine)}]}


async def test_lists_hold_only_a_guests_own_bookings(
    guest: BookingClient, venue: Venue, mine: Booking, theirs: Booking
) -> None:
    answer = await guest(
        """query ($room: ID!, $me: ID!) {
             bookings { totalCount nodes { id } }
             rooms { nodes { bookings { totalCount nodes { id } } } }
             room(id: $room) { bookings(last: 5) { totalCount nodes { id } } }
             customer(id: $me) { bookings { totalCount nodes { id } } }
             customers { nodes { name bookings { totalCount } } } }""",
        room=api_id(venue.rooms[0]),
        me=api_id(venue.customer),
    )

    only_mine = {"totalCount": 1, "nodes": [{"id": api_id(mine)}]}
    assert answer.data == {
        "bookings": only_mine,
        "rooms": {"nodes": [{"bookings": only_mine}, {"bookings": {"totalCount": 0, "nodes": []}}]},
        "room": {"bookings": only_mine},
        "customer": {"bookings": only_mine},
        "customers": {"nodes": [{"name": "Guest", "bookings": {"totalCount": 1}}]},
    }


async def test_no_filter_finds_anothers_booking(
    guest: BookingClient, venue: Venue, theirs: Booking
) -> None:
    other = venue.other_customer

    found = [
        await guest.bookings(customerId={"eq": api_id(other)}),
        await guest.bookings(roomId={"in": [api_id(venue.rooms[0])]}),
        await guest.bookings(search=theirs.reference),
        await guest.bookings(search=other.name),
        await guest.bookings(overlaps={"gte": "2027-03-02T11:00:00Z"}),
    ]

    assert found == 5 * [[]]


async def test_another_customer_is_null(guest: BookingClient, venue: Venue) -> None:
    answer = await guest(
        "query ($id: ID!) { customer(id: $id) { name } node(id: $id) { id } }",
        id=api_id(venue.other_customer),
    )

    assert answer.data == {"customer": None, "node": None}


async def test_a_booking_for_nobody_is_not_a_guests(
    guest: BookingClient, staff: BookingClient, venue: Venue
) -> None:
    booking = made(await staff.create(venue.rooms[0], NOON))

    assert await guest.booking(booking["id"]) is None


async def test_availability_shows_anothers_time_and_nothing_else(
    guest: BookingClient, venue: Venue, theirs: Booking
) -> None:
    answer = await guest.available(
        ELEVEN, NOON, roomIds=[api_id(venue.rooms[0])], includeUnavailable=True
    )

    (first, _) = answer["slots"]
    (reason,) = first["reasons"]
    assert (first["state"], reason["code"]) == ("BUSY", "SLOT_TAKEN")
    assert reason["rule"] == {"startsAt": "2027-03-02T11:00:00Z", "endsAt": "2027-03-02T12:00:00Z"}
    assert reason["message"] == "Room 1 is booked 12:00–13:00 on Tuesday 2 March 2027."  # noqa: RUF001


async def test_a_guest_does_not_read_history_or_the_log(
    guest: BookingClient, mine: Booking
) -> None:
    history = await guest(
        "query ($id: ID!) { booking(id: $id) { id history { nodes { type } } } }", id=api_id(mine)
    )
    log = await guest("{ auditLog { nodes { type } } }")

    assert history.codes == log.codes == ["FORBIDDEN"]
    assert history.partial["booking"] == {"id": api_id(mine), "history": None}


# ------------------------------------------------------------------------------ doing


async def test_a_guest_books_for_themselves(guest: BookingClient, venue: Venue) -> None:
    direct = made(await guest.create(venue.rooms[0], TEN))
    hold = made(await guest.hold(venue.rooms[0], ELEVEN))
    converted = made(await guest.convert(hold))

    assert [each["customer"]["name"] for each in (direct, hold, converted)] == 3 * ["Guest"]


async def test_a_guest_may_name_themselves(guest: BookingClient, venue: Venue) -> None:
    booking = made(await guest.create(venue.rooms[0], TEN, customer={"id": api_id(venue.customer)}))

    assert booking["customer"]["name"] == "Guest"


async def test_a_guest_books_for_nobody_else(guest: BookingClient, venue: Venue) -> None:
    other = {"id": api_id(venue.other_customer)}
    known = {"new": {"name": "Other", "email": venue.other_customer.email}}
    new = {"new": {"name": "Nadia"}}

    refusals = [
        refused(await guest.create(venue.rooms[0], TEN, customer=each))
        for each in (other, known, new)
    ]

    assert [(each["code"], each["path"]) for each in refusals] == [
        ("NOT_FOUND", ["input", "customer", "id"]),
        ("INVALID", ["input", "customer", "new"]),
        ("INVALID", ["input", "customer", "new"]),
    ]


async def test_a_guest_gives_their_booking_to_nobody_else(
    guest: BookingClient, venue: Venue, mine: Booking
) -> None:
    given = await guest.update(shown(mine), customer={"id": api_id(venue.other_customer)})
    cleared = made(await guest.update(shown(mine), customer=None))

    assert given.refusals == ["NOT_FOUND"]
    assert cleared["customer"]["name"] == "Guest"


async def test_a_guest_moves_changes_and_cancels_their_own(
    guest: BookingClient, venue: Venue, mine: Booking
) -> None:
    after = moved(await guest.move(shown(mine), NOON, venue.rooms[1]))
    updated = made(await guest.update(after, partySize=2, note="By the window"))
    cancelled = moved(await guest.cancel(updated))

    assert after["room"]["name"] == "Room 2"
    assert (updated["partySize"], updated["note"]) == (2, "By the window")
    assert cancelled["status"] == "CANCELLED"


@pytest.mark.parametrize("change", ["update", "move", "cancel"])
async def test_anothers_booking_is_not_found(
    guest: BookingClient, theirs: Booking, change: str
) -> None:
    arguments: tuple[Any, ...] = (NOON,) if change == "move" else ()

    refusal = refused(await getattr(guest, change)(shown(theirs), *arguments))

    assert (refusal["code"], refusal["path"]) == ("NOT_FOUND", ["id"])


async def test_a_stale_version_of_anothers_booking_tells_nothing(
    guest: BookingClient, theirs: Booking
) -> None:
    refusal = refused(await guest.cancel({**shown(theirs), "version": 7}))

    assert refusal["code"] == "NOT_FOUND"


async def test_anothers_hold_is_not_found(
    guest: BookingClient, staff: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    soon = runtime.clock() + timedelta(minutes=5)
    hold = await make_booking(
        runtime,
        venue,
        NOON,
        customer=venue.other_customer,
        status=Status.HELD,
        hold_expires_at=soon,
    )
    unnamed = made(await staff.hold(venue.rooms[1], NOON))

    anothers = refused(await guest.convert(shown(hold)))
    nobodys = refused(await guest.convert(unnamed))

    assert (anothers["code"], anothers["path"]) == ("NOT_FOUND", ["input", "holdId"])
    assert (nobodys["code"], nobodys["path"]) == ("NOT_FOUND", ["input", "holdId"])


@pytest.mark.parametrize("change", ["confirm", "reject", "check_in", "complete", "no_show"])
async def test_what_the_desk_does_is_forbidden_to_guests(
    guest: BookingClient, mine: Booking, change: str
) -> None:
    answer = await getattr(guest, change)(shown(mine))

    assert answer.codes == ["FORBIDDEN"]


async def test_nobody_books_without_logging_in(api: Api, venue: Venue, mine: Booking) -> None:
    answer = await api(
        """mutation ($id: ID!) { cancelBooking(id: $id, version: 1, input: {}) {
             userErrors { code } } }""",
        {"id": api_id(mine)},
    )
    read = await api(
        "query ($id: ID!) { booking(id: $id) { id } bookings { totalCount } }", {"id": api_id(mine)}
    )

    assert answer.codes == ["UNAUTHENTICATED"]
    assert (read.codes, read.partial) == (
        2 * ["UNAUTHENTICATED"],
        {"booking": None, "bookings": None},
    )
