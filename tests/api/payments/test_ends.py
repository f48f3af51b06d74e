"""Bookings are extended, and ended early: what is free then, and what they cost."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from domain.bookings.lifecycle import Status
from domain.venue.hours import Weekday
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BookingClient, made, refused, rfc, shown
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.statements import round_trips
from tests.support.till import PaymentsApp, opened

FRIDAY = MONDAY_MORNING + timedelta(days=4)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SETTINGS = """mutation ($price: EarlyEndPrice!) {
  updateTenantSettings(version: 1, input: { earlyEndPrice: $price }) {
    tenant { settings { earlyEndPrice } } userErrors { code }
  }
}"""
PRICE_OF = """query ($id: ID!) { booking(id: $id) {
  status amountPaid { amount } amountRefunded { amount } balanceDue { amount } credit { amount }
} }"""


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


def times(booking: Any) -> tuple[str, str, str, str]:
    price = booking["price"]["total"]["amount"]
    return booking["startsAt"], booking["endsAt"], booking["status"], price


# ------------------------------------------------------------------------------ extending


async def test_a_booking_is_extended_before_and_while_it_takes_place(
    desk: BookingClient, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    room, start = venue.rooms[0], MONDAY_MORNING + HOUR
    booking = made(await desk.create(room, start))

    with round_trips(runtime) as sent:
        longer = made(await desk.extend(booking, until=rfc(start + 1.5 * HOUR)))
    clock.now = start
    arrived = made(await desk.check_in(longer))
    clock.now = start + 1.5 * HOUR - MINUTE / 2
    again = made(await desk.extend(arrived, minutes=30, reason="They stay."))

    assert "COMMIT" not in sent
    assert times(longer) == (rfc(start), rfc(start + 1.5 * HOUR), "CONFIRMED", "60.00")
    assert times(again) == (rfc(start), rfc(start + 2 * HOUR), "CHECKED_IN", "80.00")
    entries = await desk.history(booking)
    assert [(each["type"], each["reason"]) for each in entries] == [
        ("BOOKING_CREATED", None),
        ("BOOKING_EXTENDED", None),
        ("BOOKING_CHECKED_IN", None),
        ("BOOKING_EXTENDED", "They stay."),
    ]
    assert [each["field"] for each in entries[1]["changes"]] == ["endsAt", "price"]
    taken = await desk.create(room, start + 1.5 * HOUR, minutes=30)
    assert taken.refusals == ["SLOT_TAKEN"]
    made(await desk.create(room, start + 2 * HOUR, minutes=30))


async def test_an_extension_is_refused_by_what_refuses_any_time(
    api: Api, runtime: Runtime, clock: StoppedClock
) -> None:
    nine_to_twelve = ((9 * 60, 12 * 60),)
    venue = await make_venue(
        runtime,
        time_zone="UTC",
        hours=dict.fromkeys(Weekday, nine_to_twelve),
        max_duration_minutes=150,
    )
    desk = BookingClient(api, runtime, venue.staff)
    first, second = venue.rooms
    owner = BookingClient(api, runtime, venue.owner)
    buffered = await owner(
        "mutation ($id: ID!) { updateRoom(id: $id, version: 1, "
        "input: { bufferAfterMinutes: 15 }) { userErrors { code } } }",
        id=api_id(first),
    )
    assert buffered.refusals == []
    start = MONDAY_MORNING + timedelta(days=1)
    booking = made(await desk.create(first, start))
    made(await desk.create(first, start + 1.5 * HOUR))
    other = made(await desk.create(second, start))

    too_close = await desk.extend(booking, minutes=30)
    taken = await desk.extend(booking, minutes=60)
    too_long = await desk.extend(other, minutes=91)
    closed = await desk.extend(other, minutes=121)

    assert refused(too_close)["code"] == "BUFFER_VIOLATION"
    assert (refused(taken)["code"], refused(taken)["path"]) == ("SLOT_TAKEN", ["input", "minutes"])
    assert len(refused(taken)["conflicts"]) == 1
    assert refused(too_long)["code"] == "MAX_DURATION"
    assert refused(too_long)["path"] == ["input", "minutes"]
    assert closed.refusals == ["MAX_DURATION", "OUTSIDE_BUSINESS_HOURS"]
    made(await desk.extend(booking, minutes=15))
    made(await desk.extend(other, minutes=90))


async def test_all_rooms_of_a_booking_are_extended_or_none(
    desk: BookingClient, venue: Venue
) -> None:
    first, second = venue.rooms
    start = MONDAY_MORNING + timedelta(days=1)
    both = made(await desk.create(first, start, alsoRoomIds=[api_id(second)]))
    other = made(await desk.create(second, start + 1.5 * HOUR, minutes=30))

    taken = await desk.extend(both, minutes=60)
    made(await desk.cancel(other))
    longer = made(await desk.extend(both, minutes=60))

    assert taken.refusals == ["SLOT_TAKEN"]
    assert longer["price"]["total"]["amount"] == "160.00"
    for room in venue.rooms:
        after = await desk.create(room, start + 1.5 * HOUR, minutes=30)
        assert after.refusals == ["SLOT_TAKEN"]


async def test_a_party_is_extended_if_it_keeps_seats_throughout(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    room, start = venue.rooms[0], MONDAY_MORNING + timedelta(days=1)
    owner = BookingClient(api, runtime, venue.owner)
    seats = "updateRoom(id: $id, version: 1, input: { seats: 4 }) { userErrors { code } }"
    answer = await owner(f"mutation ($id: ID!) {{ {seats} }}", id=api_id(room))
    assert answer.refusals == []
    party = made(await desk.create(room, start, partySize=2))
    made(await desk.create(room, start + HOUR, partySize=2, minutes=30))
    made(await desk.create(room, start + 1.5 * HOUR, partySize=3, minutes=30))

    longer = made(await desk.extend(party, minutes=30))
    full = await desk.extend(longer, minutes=30)

    assert longer["endsAt"] == rfc(start + 1.5 * HOUR)
    assert full.refusals == ["SLOT_TAKEN"]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({}, "until"),
        ({"until": rfc(FRIDAY + 2 * HOUR), "minutes": 60}, "until"),
        ({"until": rfc(FRIDAY + HOUR)}, "until"),
        ({"until": "2027-03-05T10:30:30Z"}, "until"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": -(2**31)}, "minutes"),
        ({"minutes": 44_641}, "minutes"),
        ({"until": "2199-12-31T00:00:00Z"}, "until"),
    ],
    ids=str,
)
async def test_an_extension_is_some_whole_minutes(
    desk: BookingClient, runtime: Runtime, venue: Venue, given: dict[str, Any], path: str
) -> None:
    booking = shown(await make_booking(runtime, venue, FRIDAY))

    answer = refused(await desk.extend(booking, **given))

    assert (answer["code"], answer["path"]) == ("INVALID", ["input", path])


@pytest.mark.parametrize(
    ("status", "now", "refusals"),
    [
        (Status.PENDING, FRIDAY - HOUR, []),
        (Status.CONFIRMED, FRIDAY + HOUR - MINUTE, []),
        (Status.CONFIRMED, FRIDAY + HOUR, ["INVALID_TRANSITION"]),
        (Status.CHECKED_IN, FRIDAY + HOUR, ["INVALID_TRANSITION"]),
        (Status.CANCELLED, FRIDAY - HOUR, ["INVALID_TRANSITION"]),
        (Status.NO_SHOW, FRIDAY, ["INVALID_TRANSITION"]),
    ],
)
async def test_which_bookings_can_be_extended(
    desk: BookingClient,
    runtime: Runtime,
    clock: StoppedClock,
    venue: Venue,
    status: Status,
    now: datetime,
    refusals: list[str],
) -> None:
    booking = shown(await make_booking(runtime, venue, FRIDAY, status=status))
    clock.now = now

    assert (await desk.extend(booking, minutes=15)).refusals == refusals


async def test_neither_a_change_that_others_made_nor_a_customer_is_overlooked(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    booking = shown(await make_booking(runtime, venue, MONDAY_MORNING))
    guest = BookingClient(api, runtime, venue.guest)
    stale = {**booking, "version": 7}

    assert (await desk.extend(stale, minutes=15)).refusals == ["STALE_VERSION"]
    assert (await desk.end_early(stale)).refusals == ["STALE_VERSION"]
    assert (await guest.extend(booking, minutes=15)).codes == ["FORBIDDEN"]
    assert (await guest.end_early(booking)).codes == ["FORBIDDEN"]


# ------------------------------------------------------------------------------ ending early


@pytest.mark.parametrize(
    ("price", "status", "expected"),
    [
        ("FULL", Status.CONFIRMED, "40.00"),
        ("USED", Status.CHECKED_IN, "14.00"),
    ],
)
async def test_the_rest_of_a_booking_that_ends_early_is_free_at_once(
    api: Api, runtime: Runtime, clock: StoppedClock, price: str, status: Status, expected: str
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0, slot_minutes=15, min_duration_minutes=5)
    desk = BookingClient(api, runtime, venue.staff)
    guest = BookingClient(api, runtime, venue.guest)
    owner = BookingClient(api, runtime, venue.owner)
    assert (await owner(SETTINGS, price=price)).payload["userErrors"] == []
    room, start = venue.rooms[0], MONDAY_MORNING
    booking = made(await desk.create(room, start))
    if status is Status.CHECKED_IN:
        booking = made(await desk.check_in(booking))
    clock.advance(minutes=20, seconds=1)

    with round_trips(runtime) as sent:
        ended = made(await desk.end_early(booking))

    assert "COMMIT" not in sent
    assert times(ended) == (rfc(start), rfc(start + 21 * MINUTE), "COMPLETED", expected)
    entry = (await desk.history(booking))[-1]
    changed = {each["field"] for each in entry["changes"]} - {"price"}
    assert (entry["type"], changed) == ("BOOKING_COMPLETED", {"status", "endsAt"})
    made(await guest.create(room, start + 30 * MINUTE, minutes=15))
    made(await desk.create(room, start + 21 * MINUTE, minutes=9))


@pytest.mark.parametrize(
    ("status", "now", "refusals"),
    [
        (Status.CHECKED_IN, FRIDAY - MINUTE, ["INVALID_TRANSITION"]),
        (Status.CONFIRMED, FRIDAY, []),
        (Status.CONFIRMED, FRIDAY + HOUR - MINUTE / 60, []),
        (Status.CONFIRMED, FRIDAY + HOUR, ["INVALID_TRANSITION"]),
        (Status.PENDING, FRIDAY, ["INVALID_TRANSITION"]),
        (Status.COMPLETED, FRIDAY, ["INVALID_TRANSITION"]),
    ],
)
async def test_which_bookings_can_be_ended_early(
    desk: BookingClient,
    runtime: Runtime,
    clock: StoppedClock,
    venue: Venue,
    status: Status,
    now: datetime,
    refusals: list[str],
) -> None:
    booking = shown(await make_booking(runtime, venue, FRIDAY, status=status))
    clock.now = now

    assert (await desk.end_early(booking)).refusals == refusals


async def test_the_price_of_used_time_is_never_more_than_was_agreed(
    api: Api, runtime: Runtime, clock: StoppedClock, database: DatabaseUrls
) -> None:
    venue = await make_venue(runtime, early_end_price="used")
    desk = BookingClient(api, runtime, venue.staff)
    booking = made(await desk.create(venue.rooms[0], MONDAY_MORNING))
    owner = await asyncpg.connect(database.owner)
    await owner.execute("UPDATE rooms SET hourly_rate_minor = 90000")
    await owner.close()
    clock.advance(minutes=30)

    ended = made(await desk.end_early(booking))

    assert ended["price"]["total"]["amount"] == "40.00"


# ------------------------------------------------------------------------------ clock changes


@pytest.mark.parametrize(
    ("start", "local_end", "ended_local"),
    [
        # 01:30 local; the clock goes from 02:00 to 03:00 half an hour later.
        (datetime(2027, 3, 28, 0, 30, tzinfo=UTC), "2027-03-28T04:00", "2027-03-28T03:10"),
        # 02:30 local, the first one; the clock goes back from 03:00 to 02:00 half an hour later.
        (datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "2027-10-31T03:00", "2027-10-31T02:10"),
    ],
)
async def test_bookings_over_a_clock_change_last_their_minutes(
    desk: BookingClient,
    runtime: Runtime,
    clock: StoppedClock,
    venue: Venue,
    start: datetime,
    local_end: str,
    ended_local: str,
) -> None:
    booking = shown(await make_booking(runtime, venue, start))
    clock.now = start + 40 * MINUTE

    longer = made(await desk.extend(booking, minutes=30))
    ended = made(await desk.end_early(longer))

    assert (longer["local"]["end"], longer["endsAt"]) == (local_end, rfc(start + 1.5 * HOUR))
    assert (ended["local"]["end"], ended["endsAt"]) == (ended_local, rfc(start + 40 * MINUTE))


# ------------------------------------------------------------------------------ paid


@pytest_asyncio.fixture
async def till(settings: Settings, clock: StoppedClock) -> AsyncIterator[PaymentsApp]:
    async with opened(settings, clock) as made:
        yield made


async def paid(till: PaymentsApp, **rules: Any) -> tuple[Venue, Any]:
    """Returns a venue where rooms cost 40 an hour, and a paid booking that begins."""
    venue = await make_venue(till.runtime, **rules)
    await till.set_up(venue, policy="FULL")
    booking = made(await till.desk(venue.guest).create(venue.rooms[0], FRIDAY))
    await till.pays_and_is_heard(booking)
    return venue, await till.seen(venue.staff, booking)


async def money(till: PaymentsApp, venue: Venue, booking: Any) -> tuple[str | None, ...]:
    seen = (await till.desk(venue.manager)(PRICE_OF, id=booking["id"])).payload
    names = ("amountPaid", "amountRefunded", "balanceDue", "credit")
    return seen["status"], *(seen[name] and seen[name]["amount"] for name in names)


async def test_what_an_extension_costs_more_is_due(till: PaymentsApp, clock: StoppedClock) -> None:
    venue, booking = await paid(till)
    clock.now = FRIDAY

    longer = made(await till.desk(venue.staff).extend(booking, minutes=30))

    assert await money(till, venue, longer) == ("CONFIRMED", "40.00", "0.00", "20.00", None)
    await till.agrees(venue)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("manager", ("COMPLETED", "40.00", "26.00", "0.00", None)),
        ("staff", ("COMPLETED", "40.00", "0.00", "-26.00", "26.00")),
    ],
)
async def test_what_is_paid_too_much_after_an_early_end_goes_back(
    till: PaymentsApp, clock: StoppedClock, who: str, expected: tuple[str | None, ...]
) -> None:
    venue, booking = await paid(till, early_end_price="used")
    clock.now = FRIDAY + 21 * MINUTE

    ended: Answer = await till.desk(getattr(venue, who)).end_early(booking)
    await till.work()
    clock.advance(minutes=1)
    await till.work()

    assert await money(till, venue, made(ended)) == expected
    await till.agrees(venue)
