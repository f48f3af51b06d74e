"""Holds: they reserve a slot for a few minutes, at the current price."""

import pytest

from domain.core.ids import BookingId
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.bookings.transitions import expire_hold
from resolvers.core.transactions import perform
from schema.core.global_ids import decode_id
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id, make_venue

TEN = "2027-03-02T10:00:00Z"
ELEVEN = "2027-03-02T11:00:00Z"
UNKNOWN_BOOKING = "Qm9va2luZzowMTk0MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE="


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


@pytest.fixture
def owner(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.owner)


async def swept(runtime: Runtime, venue: Venue, id: str) -> None:
    """Runs the expiry of a hold."""
    booking_id = BookingId(decode_id("Booking", id))
    system = Actor(ActorKind.SYSTEM, venue.tenant.id)

    async def change(scope: Scope) -> None:
        await expire_hold(scope, booking_id)

    await perform(runtime, system, Request(new_id()), change)


async def rate(owner: BookingClient, venue: Venue, amount: str) -> None:
    """Changes the first room's price."""
    await owner(
        """mutation ($id: ID!, $rate: MoneyInput!) {
             updateRoom(id: $id, version: 1, input: {hourlyRate: $rate}) {
               userErrors { code } } }""",
        id=api_id(venue.rooms[0]),
        rate={"amount": amount, "currencyCode": "EUR"},
    )


# ------------------------------------------------------------------------------ standing


async def test_a_hold_stands_for_five_minutes(desk: BookingClient, venue: Venue) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN, minutes=90, partySize=3))

    assert hold["status"] == "HELD"
    assert hold["allowedTransitions"] == ["CONFIRMED", "CANCELLED"]
    assert hold["holdExpiresAt"] == "2027-03-01T09:05:00Z"
    assert (hold["startsAt"], hold["endsAt"]) == (TEN, "2027-03-02T11:30:00Z")
    assert (hold["partySize"], hold["price"]["total"]["amount"]) == (3, "60.00")


async def test_a_venue_says_how_long_its_holds_stand(api: Api, runtime: Runtime) -> None:
    patient = await make_venue(runtime, hold_minutes=12)
    desk = BookingClient(api, runtime, patient.staff)

    hold = made(await desk.hold(patient.rooms[0], TEN))

    assert hold["holdExpiresAt"] == "2027-03-01T09:12:00Z"


async def test_nobody_else_gets_a_held_time(
    desk: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    made(await desk.hold(venue.rooms[0], TEN))

    held = refused(await owner.hold(venue.rooms[0], TEN))
    created = refused(await owner.create(venue.rooms[0], "2027-03-02T10:30:00Z"))

    assert held["code"] == created["code"] == "SLOT_TAKEN"
    busy = {"roomId": api_id(venue.rooms[0]), "startsAt": TEN, "endsAt": ELEVEN}
    assert created["conflicts"] == [busy]


async def test_a_hold_is_refused_for_the_same_reasons_as_a_booking(
    desk: BookingClient, venue: Venue
) -> None:
    refusal = await desk.hold(venue.rooms[0], "2027-03-01T08:00:00Z", minutes=5, partySize=5)

    assert sorted(refusal.refusals) == ["CAPACITY_EXCEEDED", "MIN_DURATION", "MIN_NOTICE"]


async def test_a_cancelled_hold_frees_its_time_at_once(desk: BookingClient, venue: Venue) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))

    cancelled = moved(await desk.cancel(hold))

    assert (cancelled["status"], cancelled["holdExpiresAt"]) == ("CANCELLED", None)
    assert made(await desk.create(venue.rooms[0], TEN))["status"] == "CONFIRMED"


# ------------------------------------------------------------------------------ running out


async def test_a_hold_stands_until_its_last_second(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))

    clock.advance(minutes=4, seconds=59)

    assert (await desk.booking(hold["id"]))["status"] == "HELD"
    assert (await desk.create(venue.rooms[0], TEN)).refusals == ["SLOT_TAKEN"]
    assert made(await desk.convert(hold))["status"] == "CONFIRMED"


async def test_a_hold_past_its_time_reads_as_expired(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))

    clock.advance(minutes=5)

    read = await desk.booking(hold["id"])
    assert (read["status"], read["allowedTransitions"]) == ("EXPIRED", [])


async def test_a_hold_past_its_time_is_found_as_expired(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    clock.advance(minutes=5)
    live = made(await desk.hold(venue.rooms[1], TEN))

    found = {
        "HELD": await desk.bookings(status={"eq": "HELD"}),
        "EXPIRED": await desk.bookings(status={"eq": "EXPIRED"}),
        "either": await desk.bookings(status={"in": ["HELD", "CONFIRMED"]}),
        "neither": await desk.bookings(status={"notIn": ["EXPIRED", "CANCELLED"]}),
    }

    assert {name: [each["id"] for each in rows] for name, rows in found.items()} == {
        "HELD": [live["id"]],
        "EXPIRED": [hold["id"]],
        "either": [live["id"]],
        "neither": [live["id"]],
    }


async def test_a_rooms_bookings_count_a_hold_past_its_time_as_expired(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    made(await desk.hold(venue.rooms[0], TEN))
    clock.advance(minutes=5)

    answer = await desk(
        """query ($id: ID!) { room(id: $id) {
             held: bookings(filter: {status: {eq: HELD}}) { totalCount }
             expired: bookings(filter: {status: {eq: EXPIRED}}) { totalCount nodes { status } } } }
        """,
        id=api_id(venue.rooms[0]),
    )

    assert answer.payload == {
        "held": {"totalCount": 0},
        "expired": {"totalCount": 1, "nodes": [{"status": "EXPIRED"}]},
    }


async def test_the_next_create_gets_the_time_of_a_hold_that_ran_out(
    desk: BookingClient, owner: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN, minutes=120))
    clock.advance(minutes=5)

    booking = made(await owner.create(venue.rooms[0], ELEVEN))

    assert booking["status"] == "CONFIRMED"
    assert (await desk.booking(hold["id"]))["status"] == "EXPIRED"


async def test_a_swept_hold_frees_its_time_as_well(
    desk: BookingClient, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    clock.advance(minutes=5)
    await swept(runtime, venue, hold["id"])

    booking = made(await desk.create(venue.rooms[0], TEN))

    assert booking["status"] == "CONFIRMED"


async def test_that_a_hold_ran_out_is_told_once(
    desk: BookingClient, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    clock.advance(minutes=5)

    await swept(runtime, venue, hold["id"])
    made(await desk.create(venue.rooms[0], TEN))
    await swept(runtime, venue, hold["id"])

    entries = await desk.history(hold)
    assert [each["type"] for each in entries] == ["BOOKING_HELD", "BOOKING_EXPIRED"]
    assert {"field": "status", "before": "HELD", "after": "EXPIRED"} in entries[1]["changes"]


async def test_whoever_takes_the_time_first_tells_that_the_hold_ran_out(
    desk: BookingClient, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    clock.advance(minutes=5)

    made(await desk.hold(venue.rooms[0], TEN))
    await swept(runtime, venue, hold["id"])

    entries = await desk.history(hold)
    assert [each["type"] for each in entries] == ["BOOKING_HELD", "BOOKING_EXPIRED"]


async def test_a_refused_create_leaves_a_hold_that_ran_out_to_the_sweeper(
    desk: BookingClient, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    clock.advance(minutes=5)

    assert (await desk.create(venue.rooms[0], TEN, partySize=9)).refusals == ["CAPACITY_EXCEEDED"]
    await swept(runtime, venue, hold["id"])

    entries = await desk.history(hold)
    assert [each["type"] for each in entries] == ["BOOKING_HELD", "BOOKING_EXPIRED"]


async def test_the_sweeper_leaves_a_hold_that_still_stands(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))

    await swept(runtime, venue, hold["id"])

    assert (await desk.booking(hold["id"]))["status"] == "HELD"


# ------------------------------------------------------------------------------ becoming a booking


async def test_a_hold_becomes_the_booking_it_was_kept_for(
    desk: BookingClient, venue: Venue
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN, partySize=3))

    booking = made(
        await desk.convert(hold, customer={"id": api_id(venue.customer)}, note="By the window")
    )

    assert (booking["id"], booking["reference"]) == (hold["id"], hold["reference"])
    assert (booking["status"], booking["version"]) == ("CONFIRMED", 2)
    assert booking["holdExpiresAt"] is None
    assert booking["customer"]["name"] == "Guest"
    assert (booking["partySize"], booking["note"]) == (3, "By the window")
    entries = await desk.history(hold)
    assert [each["type"] for each in entries] == ["BOOKING_HELD", "BOOKING_CREATED"]


async def test_a_hold_becomes_pending_where_the_venue_confirms_bookings(
    api: Api, runtime: Runtime
) -> None:
    careful = await make_venue(runtime, requires_confirmation=True)
    desk = BookingClient(api, runtime, careful.staff)
    hold = made(await desk.hold(careful.rooms[0], TEN))

    booking = made(await desk.convert(hold))

    assert hold["allowedTransitions"] == ["PENDING", "CANCELLED"]
    assert booking["status"] == "PENDING"


async def test_a_hold_becomes_a_booking_only_by_booking_it(
    desk: BookingClient, venue: Venue
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))

    refusal = refused(await desk.confirm(hold))

    # To confirm it would count nothing for the plan, and nothing would be owed.
    assert refusal["code"] == "INVALID_TRANSITION"
    assert refusal["message"] == "A hold becomes a booking by `createBooking` with its `holdId`."
    assert (await desk.booking(hold["id"]))["status"] == "HELD"


async def test_a_converted_hold_keeps_its_price(
    desk: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    await rate(owner, venue, "60.00")

    booking = made(await desk.convert(hold))

    assert booking["price"]["total"]["amount"] == "40.00"
    assert made(await desk.create(venue.rooms[0], ELEVEN))["price"]["total"]["amount"] == "60.00"


async def test_the_expected_total_of_a_hold_is_the_one_it_froze(
    desk: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    await rate(owner, venue, "60.00")

    new = await desk.convert(hold, expectedTotal={"amount": "60.00", "currencyCode": "EUR"})
    old = await desk.convert(hold, expectedTotal={"amount": "40.00", "currencyCode": "EUR"})

    assert refused(new)["code"] == "PRICE_CHANGED"
    assert refused(new)["path"] == ["input", "expectedTotal"]
    assert made(old)["status"] == "CONFIRMED"


async def test_a_hold_past_its_time_becomes_nothing(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    clock.advance(minutes=5)

    refusal = refused(await desk.convert(hold))

    assert (refusal["code"], refusal["path"]) == ("HOLD_EXPIRED", ["input", "holdId"])
    assert refusal["message"] == (
        "The hold ended at 10:05 on Monday 1 March 2027; choose a time again."
    )


async def test_a_swept_hold_says_that_it_ended_too(
    desk: BookingClient, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    clock.advance(minutes=5)
    await swept(runtime, venue, hold["id"])

    refusal = refused(await desk.convert(hold))

    assert refusal["code"] == "HOLD_EXPIRED"


async def test_a_hold_is_converted_once(desk: BookingClient, venue: Venue) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    made(await desk.convert(hold))

    again = refused(await desk.convert(hold))

    assert again["code"] == "INVALID_TRANSITION"


async def test_a_hold_can_become_a_booking_for_more_people_but_not_for_too_many(
    desk: BookingClient, venue: Venue
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))

    too_many = refused(await desk.convert(hold, partySize=5))
    booking = made(await desk.convert(hold, partySize=4))

    assert (too_many["code"], too_many["path"]) == ("CAPACITY_EXCEEDED", ["input", "partySize"])
    assert booking["partySize"] == 4


async def test_a_hold_has_its_time_already(desk: BookingClient, venue: Venue) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))

    answer = await desk.convert(
        hold, roomId=api_id(venue.rooms[1]), start={"at": ELEVEN}, durationMinutes=60
    )

    assert [(each["code"], each["path"]) for each in answer.payload["userErrors"]] == [
        ("INVALID", ["input", "roomId"]),
        ("INVALID", ["input", "start"]),
        ("INVALID", ["input", "durationMinutes"]),
    ]


@pytest.mark.parametrize(
    "id", ["nonsense", "Qm9va2luZzowMTk0MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE="]
)
async def test_a_hold_that_is_not_there_is_not_found(desk: BookingClient, id: str) -> None:
    refusal = refused(await desk.convert({"id": id}))

    assert (refusal["code"], refusal["path"]) == ("NOT_FOUND", ["input", "holdId"])


async def test_another_venues_hold_is_not_found(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    other = await make_venue(runtime)
    theirs = made(await BookingClient(api, runtime, other.staff).hold(other.rooms[0], TEN))

    refusal = refused(await desk.convert(theirs))

    assert (refusal["code"], refusal["path"]) == ("NOT_FOUND", ["input", "holdId"])


async def test_a_holds_party_stays_unless_another_is_named(
    desk: BookingClient, venue: Venue
) -> None:
    three = made(await desk.hold(venue.rooms[0], TEN, partySize=3))
    four = made(await desk.hold(venue.rooms[1], TEN, partySize=4))

    kept = made(await desk.convert(three, partySize=None))
    alone = made(await desk.convert(four, partySize=1))

    assert (kept["partySize"], alone["partySize"]) == (3, 1)
