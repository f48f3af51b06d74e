"""Limits on holds of people with unverified addresses, and how long these count."""

from typing import Any

import pytest
import pytest_asyncio

from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from models.bookings.strangers import origins_forgotten
from tests.api.bookings.test_guests import GUEST, slot
from tests.support.client import Answer, Api, From
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made
from tests.support.factories import Venue, api_id, make_venue
from tests.support.guests import confirm, mailed

HOLD = """
    mutation ($input: HoldAsGuestInput!) {
      holdAsGuest(input: $input) {
        booking { status version } token
        userErrors { __typename code path message ... on LimitError { limit used freesAt } }
      }
    }
"""
BOOK = """
    mutation ($input: BookAsGuestInput!) {
      bookAsGuest(input: $input) {
        booking { status version } token
        userErrors { __typename code path message ... on LimitError { limit used freesAt } }
      }
    }
"""
CANCEL = """
    mutation ($token: String!) {
      cancelGuestBooking(version: 1, input: { token: $token }) { userErrors { code } }
    }
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With the allowances in force."""
    return settings.model_copy(update={"rate_limit": True})


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


async def hold(api: Api, venue: Venue, hour: int, *, room: int = 0) -> Answer:
    return await api(HOLD, {"input": {**slot(venue, hour), "roomId": api_id(venue.rooms[room])}})


async def book(
    api: Api, venue: Venue, hour: int, *, room: int = 0, email: str = "gus@example.test"
) -> Answer:
    arguments = {**slot(venue, hour), "roomId": api_id(venue.rooms[room])}
    return await api(BOOK, {"input": {**arguments, "customer": {**GUEST, "email": email}}})


def refused(answer: Answer) -> Any:
    (error,) = answer.payload["userErrors"]
    return error


# ------------------------------------------------------------------------------ holds


async def test_two_holds_are_open_from_one_address_and_no_more(at: From, venue: Venue) -> None:
    first = await hold(at("192.0.2.1"), venue, 10)
    second = await hold(at("192.0.2.1"), venue, 12)
    third = await hold(at("192.0.2.1"), venue, 14)
    elsewhere = await hold(at("192.0.2.2"), venue, 14)

    assert (first.refusals, second.refusals, elsewhere.refusals) == ([], [], [])
    assert refused(third) == {
        "__typename": "LimitError",
        "code": "QUOTA_EXCEEDED",
        "path": None,
        "message": "At most 2 holds can be open at once from one network address: book or cancel "
        "one first.",
        "limit": 2,
        "used": 2,
        "freesAt": "2027-03-01T09:05:00Z",
    }


async def test_a_hold_that_ends_makes_room_for_another(
    at: From, venue: Venue, clock: StoppedClock
) -> None:
    api = at("192.0.2.3")
    held = [await hold(api, venue, hour) for hour in (10, 12)]

    await api(CANCEL, {"token": held[0].payload["token"]})
    after_cancelling = await hold(api, venue, 14)
    at_once = await hold(api, venue, 16)
    clock.advance(minutes=5)
    after_expiring = await hold(api, venue, 16)

    assert (after_cancelling.refusals, after_expiring.refusals) == ([], [])
    assert at_once.refusals == ["QUOTA_EXCEEDED"]


async def test_a_network_of_ipv6_counts_as_one_address(at: From, venue: Venue) -> None:
    answers = [
        await hold(at("2001:db8:0:7::1"), venue, 10),
        await hold(at("2001:db8:0:7::2"), venue, 12),
        await hold(at("2001:db8:0:7:ffff::3"), venue, 14),
        await hold(at("2001:db8:0:8::1"), venue, 14),
    ]

    assert [each.refusals for each in answers] == [[], [], ["QUOTA_EXCEEDED"], []]


async def test_holds_of_another_venue_are_its_own_affair(
    at: From, runtime: Runtime, venue: Venue
) -> None:
    other = await make_venue(runtime, min_notice_minutes=0)
    for hour in (10, 12):
        await hold(at("192.0.2.4"), venue, hour)

    assert (await hold(at("192.0.2.4"), other, 10)).refusals == []


async def test_a_customer_has_as_many_holds_as_the_venue_says(
    api: Api, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    guest, owner = (
        BookingClient(api, runtime, venue.guest),
        BookingClient(api, runtime, venue.owner),
    )
    day = clock.now.replace(day=2)
    for hour in (10, 12, 14):
        made(await guest.hold(venue.rooms[0], day.replace(hour=hour)))

    fourth = await guest.hold(venue.rooms[0], day.replace(hour=16))
    more = """mutation { updateTenantSettings(version: 1, input: { maxOpenHolds: 4 }) {
                tenant { settings { maxOpenHolds } } userErrors { code } } }"""
    changed = await owner(more)
    again = await guest.hold(venue.rooms[0], day.replace(hour=16))

    (error,) = fourth.payload["userErrors"]
    assert (error["code"], error["message"]) == (
        "QUOTA_EXCEEDED",
        "At most 3 holds can be open at once by one customer: book or cancel one first.",
    )
    assert changed.payload["tenant"]["settings"] == {"maxOpenHolds": 4}
    assert again.refusals == []


async def test_a_quota_limits_open_holds_of_customers_with_a_tag(
    api: Api, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    guest, owner = (
        BookingClient(api, runtime, venue.guest),
        BookingClient(api, runtime, venue.owner),
    )
    day = clock.now.replace(day=2)
    create = """mutation { createQuota(input: { measure: OPEN_HOLDS, limit: 1, tag: "new" }) {
        userErrors { code } } }"""
    assert (await owner(create)).refusals == []
    for hour in (10, 12):
        made(await guest.hold(venue.rooms[0], day.replace(hour=hour)))

    tag = """mutation ($id: ID!) { tagCustomer(id: $id, version: 1, tags: ["new"]) {
        userErrors { code } } }"""
    assert (await owner(tag, id=api_id(venue.customer))).refusals == []

    third = await guest.hold(venue.rooms[0], day.replace(hour=14))
    (error,) = third.payload["userErrors"]
    assert (error["code"], error["message"]) == (
        "QUOTA_EXCEEDED",
        "At most 1 hold can be open at once by one customer: book or cancel one first.",
    )


async def test_the_venues_own_people_hold_as_much_as_they_like(
    api: Api, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    staff = BookingClient(api, runtime, venue.staff)
    day = clock.now.replace(day=2)

    answers = [await staff.hold(venue.rooms[0], day.replace(hour=hour)) for hour in range(10, 16)]

    assert [each.refusals for each in answers] == 6 * [[]]


# ------------------------------------------------------------------------------ the share


async def test_strangers_hold_a_fifth_of_the_rooms_at_once(at: From, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=10, min_notice_minutes=0)

    one = await hold(at("192.0.2.11"), venue, 15, room=0)
    two = await book(at("192.0.2.12"), venue, 15, room=1)
    three = await hold(at("192.0.2.13"), venue, 15, room=2)
    later = await hold(at("192.0.2.14"), venue, 17, room=2)

    assert (one.refusals, two.refusals, later.refusals) == ([], [], [])
    error = refused(three)
    assert (error["code"], error["limit"], error["used"]) == ("QUOTA_EXCEEDED", 2, 2)
    assert error["freesAt"] == "2027-03-01T09:05:00Z"


async def test_a_confirmed_booking_is_no_part_of_the_share(
    at: From, runtime: Runtime, venue: Venue
) -> None:
    first = await book(at("192.0.2.15"), venue, 15, room=0)
    before = await hold(at("192.0.2.16"), venue, 15, room=1)
    await confirm(at("192.0.2.15"), mailed(runtime, first.payload["token"]))

    after = await hold(at("192.0.2.16"), venue, 15, room=1)

    assert (before.refusals, after.refusals) == (["QUOTA_EXCEEDED"], [])


async def test_customers_and_staff_are_not_held_up_by_strangers(
    at: From, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    api = at("192.0.2.17")
    await hold(api, venue, 15, room=0)
    three = clock.now.replace(day=2, hour=15)

    by_guest = await BookingClient(api, runtime, venue.guest).hold(venue.rooms[1], three)

    assert by_guest.refusals == []


# ------------------------------------------------------------------------------ unconfirmed


async def test_three_bookings_of_a_day_wait_to_be_confirmed_from_one_address(
    at: From, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    api = at("192.0.2.21")
    made = [await book(api, venue, 9 + n, email=f"{n}@example.test") for n in (1, 2, 3)]

    fourth = await book(api, venue, 13, email="4@example.test")
    await confirm(api, mailed(runtime, made[0].payload["token"]))
    instead = await book(api, venue, 13, email="4@example.test")
    clock.advance(hours=23)
    tomorrow_morning = await book(api, venue, 14, email="5@example.test")
    clock.advance(hours=1)
    a_day_later = await book(api, venue, 14, email="5@example.test")

    error = refused(fourth)
    assert (error["code"], error["limit"], error["used"]) == ("QUOTA_EXCEEDED", 3, 3)
    assert error["freesAt"] == "2027-03-02T09:00:00Z"
    assert (instead.refusals, tomorrow_morning.refusals) == ([], ["QUOTA_EXCEEDED"])
    assert a_day_later.refusals == []


async def test_three_bookings_of_a_day_wait_to_be_confirmed_under_one_e_mail_address(
    at: From, venue: Venue
) -> None:
    for n in (1, 2, 3):
        answer = await book(at(f"192.0.2.3{n}"), venue, 9 + n, email="VICTIM@example.test")
        assert answer.refusals == []

    fourth = await book(at("192.0.2.34"), venue, 13, email="victim@example.test")
    another = await book(at("192.0.2.34"), venue, 13, email="other@example.test")

    assert refused(fourth)["message"] == (
        "At most 3 bookings of a day can wait to be confirmed or paid under one e-mail address: "
        "confirm one by the code in its mail, or pay where the mail says so, or book tomorrow."
    )
    assert another.refusals == []


async def test_a_cancelled_booking_that_was_never_confirmed_still_counts(
    at: From, venue: Venue
) -> None:
    api = at("192.0.2.41")
    for n in (1, 2, 3):
        answer = await book(api, venue, 9 + n, email=f"{n}@example.test")
        assert (await api(CANCEL, {"token": answer.payload["token"]})).refusals == []

    assert (await book(api, venue, 13, email="4@example.test")).refusals == ["QUOTA_EXCEEDED"]


async def test_what_a_guest_holds_and_books_is_one_booking(at: From, venue: Venue) -> None:
    api = at("192.0.2.42")
    answers = []
    for n in (1, 2, 3, 4):
        held = await hold(api, venue, 9 + n)
        arguments = {
            "subdomain": venue.tenant.subdomain,
            "holdToken": held.payload["token"],
            "customer": {**GUEST, "email": f"{n}@example.test"},
        }
        answers.append(await api(BOOK, {"input": arguments}))

    assert [each.refusals for each in answers] == [[], [], [], ["QUOTA_EXCEEDED"]]


# ------------------------------------------------------------------------------ forgotten


async def test_where_a_stranger_called_from_is_forgotten_after_a_day(
    at: From, venue: Venue, clock: StoppedClock, database: DatabaseUrls
) -> None:
    await book(at("192.0.2.51"), venue, 15)
    relay = Database(database.relay.sqlalchemy)

    async def forget() -> int:
        async with relay.session(writes=True) as session, session.begin():
            done = await session.execute(origins_forgotten(clock.now, limit=100))
        return int(done.rowcount)  # type: ignore[attr-defined]

    too_early = await forget()
    clock.advance(seconds=1)
    forgotten, again = await forget(), await forget()
    await relay.close()

    assert (too_early, forgotten >= 1, again) == (0, True, 0)
