"""Limits of a plan: rooms, and bookings in a calendar month of the venue."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.tenants.plans import PlanCode
from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.tenants import UsageCounter
from resolvers.core.transactions import perform
from resolvers.tenants.usage import Meter
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id, make_venue
from tests.support.guests import confirm, mailed

TEN = datetime(2027, 3, 8, 10, tzinfo=UTC)


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    """A small one in Berlin, where March ends at 22:00 UTC."""
    return await make_venue(runtime, plan=PlanCode.STARTER)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.owner)


async def use(runtime: Runtime, venue: Venue, used: int, *, month: int = 3) -> None:
    """Makes a number of bookings count in a month of 2027."""

    async def change(scope: Scope) -> None:
        await scope.lock()
        scope.add(
            UsageCounter(
                tenant_id=venue.tenant.id,
                meter=Meter.BOOKINGS,
                period_start=date(2027, month, 1),
                used=used,
            )
        )

    await perform(runtime, venue.owner.actor, Request(new_id()), change)


async def usage(desk: BookingClient) -> tuple[int, int]:
    """Returns the used numbers of rooms and bookings."""
    answer = await desk("{ tenant { usage { rooms { used } bookings { used } } } }")
    meters = answer.payload["usage"]
    return meters["rooms"]["used"], meters["bookings"]["used"]


async def test_usage_tells_of_the_month_of_the_venue(desk: BookingClient, venue: Venue) -> None:
    made(await desk.create(venue.rooms[0], TEN))

    answer = await desk(
        """{ tenant { usage {
             periodStart periodEnd rooms { used limit } bookings { used limit } } } }"""
    )

    assert answer.payload["usage"] == {
        "periodStart": "2027-02-28T23:00:00Z",
        "periodEnd": "2027-03-31T22:00:00Z",
        "rooms": {"used": 2, "limit": 5},
        "bookings": {"used": 1, "limit": 100},
    }


@pytest.mark.parametrize(
    ("plan", "rooms", "bookings"),
    [
        (PlanCode.STARTER, 5, 100),
        (PlanCode.PROFESSIONAL, 20, 500),
        (PlanCode.ENTERPRISE, None, None),
    ],
)
async def test_each_plan_has_its_limits(
    api: Api, runtime: Runtime, plan: PlanCode, rooms: int | None, bookings: int | None
) -> None:
    venue = await make_venue(runtime, plan=plan)

    answer = await BookingClient(api, runtime, venue.owner)(
        "{ tenant { usage { rooms { limit } bookings { limit } } } }"
    )

    assert answer.payload["usage"] == {"rooms": {"limit": rooms}, "bookings": {"limit": bookings}}


@pytest.mark.parametrize(("plan", "last"), [(PlanCode.STARTER, 99), (PlanCode.PROFESSIONAL, 499)])
async def test_a_plan_allows_its_last_booking_and_no_more(
    api: Api, runtime: Runtime, plan: PlanCode, last: int
) -> None:
    venue = await make_venue(runtime, plan=plan)
    desk = BookingClient(api, runtime, venue.owner)
    await use(runtime, venue, last)

    allowed = await desk.create(venue.rooms[0], TEN)
    refusal = await desk.create(venue.rooms[1], TEN)

    assert (allowed.refusals, refusal.refusals) == ([], ["PLAN_LIMIT_REACHED"])
    assert await usage(desk) == (2, last + 1)


async def test_a_used_up_plan_says_until_when_and_which_has_more(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    await use(runtime, venue, 100)

    assert refused(await desk.create(venue.rooms[0], TEN)) == {
        "__typename": "PlanLimitError",
        "code": "PLAN_LIMIT_REACHED",
        "message": "The plan's 100 bookings are used up; the Professional plan has more.",
        "path": None,
        "limit": 100,
        "used": 100,
        "resetsAt": "2027-03-31T22:00:00Z",
        "requiredPlan": "PROFESSIONAL",
    }


async def test_a_used_up_plan_is_told_with_the_other_refusals(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    await use(runtime, venue, 100)

    created = await desk.create(venue.rooms[1], TEN, partySize=9)
    converted = await desk.convert(hold, partySize=9)

    assert created.refusals == ["CAPACITY_EXCEEDED", "PLAN_LIMIT_REACHED"]
    assert converted.refusals == ["CAPACITY_EXCEEDED", "PLAN_LIMIT_REACHED"]


async def test_fifty_at_once_get_the_one_booking_that_is_left(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    await use(runtime, venue, 99)

    answers = await asyncio.gather(
        *(desk.create(venue.rooms[hour % 2], TEN + timedelta(hours=hour)) for hour in range(50))
    )

    refusals = sorted(each.refusals for each in answers)
    assert refusals == [[], *49 * [["PLAN_LIMIT_REACHED"]]]
    assert await usage(desk) == (2, 100)


async def test_holds_count_only_once_they_become_bookings(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))
    other = made(await desk.hold(venue.rooms[1], TEN))
    held = await usage(desk)
    await use(runtime, venue, 99)

    first = await desk.convert(hold)
    second = await desk.convert(other)

    assert held == (2, 0)
    assert (first.refusals, second.refusals) == ([], ["PLAN_LIMIT_REACHED"])
    assert (await desk.booking(other["id"]))["status"] == "HELD"


async def test_a_hold_counts_in_the_month_in_which_it_becomes_a_booking(
    desk: BookingClient, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    await use(runtime, venue, 100)
    clock.now = datetime(2027, 3, 31, 21, 59, tzinfo=UTC)
    hold = made(await desk.hold(venue.rooms[0], datetime(2027, 4, 2, 10, tzinfo=UTC)))
    in_march = await desk.convert(hold)

    clock.now = datetime(2027, 3, 31, 22, 0, tzinfo=UTC)
    in_april = await desk.convert(hold)

    assert (in_march.refusals, in_april.refusals) == (["PLAN_LIMIT_REACHED"], [])
    assert await usage(desk) == (2, 1)


async def test_the_month_is_that_of_the_venues_wall_clock(api: Api, runtime: Runtime) -> None:
    west = await make_venue(runtime, plan=PlanCode.STARTER, time_zone="Pacific/Honolulu")
    desk = BookingClient(api, runtime, west.owner)

    answer = await desk("{ tenant { usage { periodStart periodEnd } } }")

    assert answer.payload["usage"] == {
        "periodStart": "2027-02-01T10:00:00Z",
        "periodEnd": "2027-03-01T10:00:00Z",
    }


async def test_a_cancellation_gives_nothing_back(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    await use(runtime, venue, 99)
    moved(await desk.cancel(made(await desk.create(venue.rooms[0], TEN))))

    assert (await desk.create(venue.rooms[0], TEN)).refusals == ["PLAN_LIMIT_REACHED"]


async def test_a_refused_booking_counts_nothing(desk: BookingClient, venue: Venue) -> None:
    made(await desk.create(venue.rooms[0], TEN))
    refused(await desk.create(venue.rooms[0], TEN))

    assert await usage(desk) == (2, 1)


async def test_a_replayed_booking_counts_once(desk: BookingClient, venue: Venue) -> None:
    made(await desk.create(venue.rooms[0], TEN, idempotencyKey="once"))
    made(await desk.create(venue.rooms[0], TEN, idempotencyKey="once"))

    assert await usage(desk) == (2, 1)


async def test_moving_and_confirming_count_nothing(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, plan=PlanCode.STARTER, requires_confirmation=True)
    desk = BookingClient(api, runtime, venue.owner)
    await use(runtime, venue, 99)

    booking = made(await desk.create(venue.rooms[0], TEN))
    booking = moved(await desk.move(booking, TEN + timedelta(hours=1)))
    made(await desk.confirm(booking))

    assert await usage(desk) == (2, 100)


async def test_usage_is_what_a_recount_finds(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    made(await desk.create(venue.rooms[0], TEN))
    made(await desk.convert(made(await desk.hold(venue.rooms[1], TEN))))
    moved(await desk.cancel(made(await desk.create(venue.rooms[0], TEN + timedelta(hours=1)))))
    made(await desk.hold(venue.rooms[0], TEN + timedelta(hours=2)))
    refused(await desk.create(venue.rooms[0], TEN))
    clock.advance(minutes=5)

    answer = await desk(
        """{ auditLog(filter: {types: [BOOKING_CREATED]}) { nodes { type } }
             rooms(filter: {archived: false}) { totalCount } }"""
    )

    bookings = len(answer.data["auditLog"]["nodes"])
    assert await usage(desk) == (answer.data["rooms"]["totalCount"], bookings) == (2, 3)


# ------------------------------------------------------------------------------ guests


async def book_as_guest(api: Api, venue: Venue, at: datetime) -> Any:
    """Returns the answer of a guest's booking."""
    text = """mutation ($input: BookAsGuestInput!) { bookAsGuest(input: $input) {
                token booking { status } userErrors { code message } } }"""
    arguments = {
        "subdomain": venue.tenant.subdomain,
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": at.isoformat()},
        "durationMinutes": 60,
        "customer": {"name": "Gus", "email": "gus@example.test"},
    }
    return (await api(text, {"input": arguments})).payload


async def cancel_as_guest(api: Api, token: str, *, version: int) -> list[str]:
    text = """mutation ($version: Int!, $token: String!) {
      cancelGuestBooking(version: $version, input: { token: $token }) { userErrors { code } } }"""
    return (await api(text, {"version": version, "token": token})).refusals


async def recounted(desk: BookingClient) -> int:
    """Returns the bookings that count for the plan, by the log: made, less given back."""
    text = """{ auditLog(filter: { types: [BOOKING_CREATED, BOOKING_CANCELLED] }, first: 100) {
                nodes { type changes { field after } } } }"""
    entries = (await desk(text)).payload["nodes"]
    made = [each for each in entries if each["type"] == "BOOKING_CREATED"]
    given_back = [
        each for each in entries if {"field": "countsForPlan", "after": False} in each["changes"]
    ]
    return len(made) - len(given_back)


async def test_strangers_who_confirm_nothing_use_up_no_plan(
    api: Api, desk: BookingClient, venue: Venue, runtime: Runtime
) -> None:
    await use(runtime, venue, 99)
    for hour in range(5):
        booked = await book_as_guest(api, venue, TEN + timedelta(hours=hour))
        assert booked["booking"] == {"status": "HELD"}

    own = await desk.create(venue.rooms[1], TEN)

    assert own.refusals == []
    assert await usage(desk) == (2, 100)


async def test_a_guests_booking_counts_once_it_is_confirmed(
    api: Api, desk: BookingClient, venue: Venue, runtime: Runtime
) -> None:
    token = mailed(runtime, (await book_as_guest(api, venue, TEN))["token"])

    before = await usage(desk)
    await confirm(api, token)
    await confirm(api, token)

    assert (before, await usage(desk)) == ((2, 0), (2, 1))
    assert await recounted(desk) == 1


async def test_a_guest_confirms_nothing_where_the_plan_is_used_up(
    api: Api, desk: BookingClient, venue: Venue, runtime: Runtime
) -> None:
    booked = await book_as_guest(api, venue, TEN)
    await use(runtime, venue, 100)

    by_guest = await confirm(api, mailed(runtime, booked["token"]))
    by_venue = await desk.create(venue.rooms[1], TEN)

    (error,) = by_guest.payload["userErrors"]
    assert (error["code"], error["message"]) == (
        "PLAN_LIMIT_REACHED",
        "The venue takes no more bookings at the moment.",
    )
    assert refused(by_venue)["requiredPlan"] == "PROFESSIONAL"


async def test_a_guests_booking_cancelled_within_the_hour_gives_its_count_back(
    api: Api, desk: BookingClient, venue: Venue, runtime: Runtime, clock: StoppedClock
) -> None:
    tokens = []
    for hour in range(3):
        booked = await book_as_guest(api, venue, TEN + timedelta(hours=hour))
        await confirm(api, mailed(runtime, booked["token"]))
        tokens.append(booked["token"])
    (third,) = (await desk("{ bookings(first: 1) { nodes { id version } } }")).payload["nodes"]

    clock.advance(minutes=59, seconds=59)
    assert await cancel_as_guest(api, tokens[1], version=2) == []
    moved(await desk.cancel(third))
    within, recount = await usage(desk), await recounted(desk)
    clock.advance(seconds=1)
    assert await cancel_as_guest(api, tokens[2], version=2) == []

    assert (within, recount) == ((2, 1), 1)
    assert (await usage(desk), await recounted(desk)) == ((2, 1), 1)


async def test_an_unconfirmed_booking_that_is_cancelled_gives_nothing_back(
    api: Api, desk: BookingClient, venue: Venue
) -> None:
    made(await desk.create(venue.rooms[1], TEN))
    booked = await book_as_guest(api, venue, TEN)

    assert await cancel_as_guest(api, booked["token"], version=1) == []

    assert (await usage(desk), await recounted(desk)) == ((2, 1), 1)


async def test_what_is_given_back_is_that_of_the_month_it_counted_in(
    api: Api, desk: BookingClient, venue: Venue, runtime: Runtime, clock: StoppedClock
) -> None:
    clock.now = datetime(2027, 3, 31, 21, 50, tzinfo=UTC)
    booked = await book_as_guest(api, venue, datetime(2027, 4, 8, 10, tzinfo=UTC))
    await confirm(api, mailed(runtime, booked["token"]))

    clock.advance(minutes=20)
    made(await desk.create(venue.rooms[1], datetime(2027, 4, 8, 10, tzinfo=UTC)))
    assert await cancel_as_guest(api, booked["token"], version=2) == []

    history = await desk("{ tenant { usage { bookings { used } } } }")
    assert history.payload["usage"] == {"bookings": {"used": 1}}


# ------------------------------------------------------------------------------ rooms


async def add_room(desk: BookingClient) -> list[str]:
    answer = await desk(
        """mutation { createRoom(input: {name: "One more", capacity: 2}) {
             room { id } userErrors { code ... on PlanLimitError { limit resetsAt requiredPlan } }
           } }"""
    )
    return answer.refusals


async def test_a_room_out_of_use_does_not_count(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    archive = """mutation ($id: ID!) { archiveRoom(id: $id, version: 1) {
                   room { version } userErrors { code } } }"""
    restore = """mutation ($id: ID!) { unarchiveRoom(id: $id, version: 2) {
                   room { version } userErrors { code } } }"""
    id = api_id(venue.rooms[0])

    three_more = [await add_room(desk) for _ in range(3)]
    one_too_many = await add_room(desk)
    await desk(archive, id=id)
    in_its_place = await add_room(desk)
    back = await desk(restore, id=id)

    assert (three_more, one_too_many) == ([[], [], []], ["PLAN_LIMIT_REACHED"])
    assert (in_its_place, back.refusals) == ([], ["PLAN_LIMIT_REACHED"])
    assert await usage(desk) == (5, 0)


async def test_archiving_again_gives_back_nothing_more(desk: BookingClient, venue: Venue) -> None:
    archive = """mutation ($id: ID!, $version: Int!) {
                   archiveRoom(id: $id, version: $version) { userErrors { code } } }"""
    id = api_id(venue.rooms[0])

    await desk(archive, id=id, version=1)
    await desk(archive, id=id, version=2)

    assert await usage(desk) == (1, 0)
