"""A week at a community centre: its calendar from the price list to the figures, over the API."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import pytest

from jobs.due_bookings import find_deadlines
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.venue.rooms import Room
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import REFUSAL, BookingClient, made, refused, rfc
from tests.support.factories import Venue, api_id, make_venue
from tests.support.occupancy import OVERLAPS
from tests.support.work import run_due_jobs

BOOKED: Final = "booking { id version status startsAt endsAt room { name } }"
CALENDAR: Final = """query ($at: DateTime) { bookings(first: 50, asOf: $at) { nodes {
    reference status startsAt endsAt room { name } price { total { amount } }
} } }"""
FIGURES: Final = """query ($span: DateSpan!) { analytics(span: $span) {
    totals { bookings cancelled noShows completed }
} }"""
WEEK: Final = {"from": "2027-03-01", "until": "2027-03-08"}


class Centre:
    """The people of the venue, and its rooms: two halves of a hall, the hall, and two others."""

    def __init__(self, api: Api, runtime: Runtime, venue: Venue) -> None:
        self.venue = venue
        self.owner = BookingClient(api, runtime, venue.owner)
        self.staff = BookingClient(api, runtime, venue.staff)
        self.guest = BookingClient(api, runtime, venue.guest)
        self.left, self.right, self.hall, self.studio, self.gym = venue.rooms
        self.other = {"id": api_id(venue.other_customer)}

    async def change(self, desk: BookingClient, mutation: str, shown: str, **given: Any) -> Any:
        """Runs a mutation whose arguments are given with their types, and returns what it shows."""
        types = ", ".join(f"${name}: {kind}" for name, (kind, _) in given.items())
        arguments = ", ".join(f"{name}: ${name}" for name in given)
        answer = await desk(
            f"mutation ({types}) {{ {mutation}({arguments}) {{"
            f" {shown} userErrors {{ ...Refused }} }} }} {REFUSAL}",
            **{name: value for name, (_, value) in given.items()},
        )
        assert answer.refusals == [], answer.payload
        return answer.payload

    async def set_up(self) -> None:
        """Divides the hall, gives the gym seats, and sets prices, a quota and releases."""
        await self.change(
            self.owner,
            "setRoomParts",
            "room { parts { name } }",
            id=("ID!", api_id(self.hall)),
            version=("Int!", 1),
            partIds=("[ID!]!", [api_id(self.left), api_id(self.right)]),
        )
        await self.change(
            self.owner,
            "updateRoom",
            "room { sharing }",
            id=("ID!", api_id(self.gym)),
            version=("Int!", 1),
            input=("UpdateRoomInput!", {"capacity": 10, "seats": 4}),
        )
        peak = {
            "label": "Weekend evening",
            "amount": {"amount": "60.00", "currencyCode": "EUR"},
            "conditions": {
                "weekdays": ["FRIDAY", "SATURDAY"],
                "startsAt": "18:00",
                "endsAt": "02:00",
            },
        }
        await self.change(
            self.owner,
            "createPriceRule",
            "priceRule { id }",
            input=("CreatePriceRuleInput!", peak),
        )
        await self.change(
            self.owner,
            "createCoupon",
            "coupon { id }",
            input=("CreateCouponInput!", {"code": "SPRING", "discount": {"percent": 25}}),
        )
        await self.change(
            self.owner,
            "createQuota",
            "quota { id }",
            input=("CreateQuotaInput!", {"measure": "BOOKINGS", "period": "WEEK", "limit": 3}),
        )
        tenant = (await self.owner("{ tenant { version } }")).payload
        await self.change(
            self.owner,
            "updateTenantSettings",
            "tenant { version }",
            version=("Int!", tenant["version"]),
            input=("UpdateTenantSettingsInput!", {"autoReleaseMinutes": 15}),
        )

    async def calendar(self, at: datetime | None = None) -> Any:
        return (await self.staff(CALENDAR, at=at and rfc(at))).payload["nodes"]

    async def state(self, room: Room, at: datetime) -> Any:
        return (await self.staff.explain(room, at)).payload["state"]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Returns a local time of a day in March 2027; the first is a Monday."""
    return datetime(2027, 3, day, hour - 1, minute, tzinfo=UTC)


@pytest.fixture
async def centre(api: Api, runtime: Runtime) -> Centre:
    venue = await make_venue(runtime, rooms=5, min_notice_minutes=0)
    centre = Centre(api, runtime, venue)
    await centre.set_up()
    return centre


async def test_a_week_from_the_price_list_to_the_figures(
    centre: Centre,
    runtime: Runtime,
    relay: Database,
    clock: StoppedClock,
    database: DatabaseUrls,
) -> None:
    staff, guest = centre.staff, centre.guest

    # Monday. A choir books the left half of the hall for the next Tuesdays.
    choir = await centre.change(
        staff,
        "createBooking",
        f"{BOOKED} series {{ id }}",
        input=(
            "CreateBookingInput!",
            {
                "roomId": api_id(centre.left),
                "start": {"at": rfc(at(2, 19))},
                "durationMinutes": 120,
                "customer": {"new": {"name": "Choir", "email": "choir@example.org"}},
                "recurrence": {"rrule": "FREQ=WEEKLY;COUNT=4"},
            },
        ),
    )
    assert await centre.state(centre.hall, at(9, 20)) == "BUSY"
    assert await centre.state(centre.right, at(9, 20)) == "FREE"

    # A guest looks at the hall for Saturday from five to eight; two of three hours cost more, and
    # a coupon takes off a quarter.
    slot = (await guest.available(at(6, 17), at(6, 17, 1), durationMinutes=180))["slots"]
    price = next(each["price"] for each in slot if each["room"]["name"] == centre.hall.name)
    assert price["amount"] == "160.00"
    quoted = await guest(
        """query ($input: QuoteInput!) { quote(input: $input) { price { total {
             amount currencyCode } } dueNow { amount } } }""",
        input={
            "roomId": api_id(centre.hall),
            "start": {"at": rfc(at(6, 17))},
            "durationMinutes": 180,
            "couponCode": "spring",
        },
    )
    total = quoted.payload["price"]["total"]
    party = made(
        await guest.create(
            centre.hall,
            at(6, 17),
            minutes=180,
            partySize=2,
            couponCode="spring",
            expectedTotal=total,
        )
    )
    assert total["amount"] == party["price"]["total"]["amount"] == "120.00"
    labels = [line["label"] for line in party["price"]["lines"]]
    assert labels == [centre.hall.name, "Weekend evening"]
    assert await centre.state(centre.right, at(6, 18)) == "BUSY"
    on_monday, monday = await centre.calendar(), clock.now
    clock.advance(hours=8)

    # Tuesday. The choir sings.
    clock.now = at(2, 18, 50)
    singing = made(await staff.check_in(choir["booking"]))
    clock.now = at(2, 21)
    made(await staff.complete(singing))

    # Wednesday. The gym fills up; who comes too late waits, and gets the seat that is given up.
    lesson = at(3, 18)
    two = made(await staff.create(centre.gym, lesson, partySize=2, customer=centre.other))
    one = made(await guest.create(centre.gym, lesson))
    anna = {"new": {"name": "Anna", "email": "anna@example.org"}}
    last = made(await staff.create(centre.gym, lesson, customer=anna))
    ben = {"new": {"name": "Ben", "email": "ben@example.org"}}
    full = refused(await staff.create(centre.gym, lesson, customer=ben))
    assert full["code"] == "SLOT_TAKEN"
    waiting = {"start": {"at": rfc(lesson)}, "durationMinutes": 60, "customer": centre.other}
    entry = await centre.change(
        staff,
        "joinWaitlist",
        "entry { id status }",
        input=("JoinWaitlistInput!", {**waiting, "roomIds": [api_id(centre.gym)]}),
    )
    await run_due_jobs(runtime)
    made(await staff.cancel(last))
    await run_due_jobs(runtime)
    accepted = await centre.change(
        staff,
        "acceptWaitlistOffer",
        "entry { status booking { id version status startsAt seats } }",
        id=("ID!", entry["entry"]["id"]),
    )
    seat = accepted["entry"]["booking"]
    assert (seat["status"], seat["startsAt"], seat["seats"]) == ("CONFIRMED", rfc(lesson), 1)
    clock.now = lesson
    for booking in (two, one, seat):
        made(await staff.complete(made(await staff.check_in(booking))))

    # Thursday. Two parties exchange their rooms, and a mistake at the desk is undone.
    clock.now = at(4, 9)
    small = made(await staff.create(centre.studio, at(4, 18), customer=centre.other))
    large = made(await guest.create(centre.right, at(4, 18)))
    clock.advance(minutes=1)
    swapped = await centre.change(
        staff,
        "swapBookings",
        "first { id version room { name } } second { id version room { name } }",
        firstId=("ID!", small["id"]),
        firstVersion=("Int!", small["version"]),
        secondId=("ID!", large["id"]),
        secondVersion=("Int!", large["version"]),
    )
    small, large = swapped["first"], swapped["second"]
    assert (small["room"]["name"], large["room"]["name"]) == (
        centre.right.name,
        centre.studio.name,
    )
    clock.advance(minutes=1)
    (gone,) = made(await staff.cancel(large))
    clock.advance(minutes=1)
    back = await centre.change(
        staff,
        "undoChange",
        BOOKED,
        bookingId=("ID!", gone["id"]),
        version=("Int!", gone["version"]),
    )
    assert back["booking"]["status"] == "CONFIRMED"

    # The guest has three bookings this week by now: the party, the lesson, and this one.
    assert refused(await guest.create(centre.studio, at(5, 18)))["code"] == "QUOTA_EXCEEDED"

    # Thursday evening passes, and on Friday nobody comes; somebody at the door takes the rest.
    clock.now = at(4, 18)
    for booking in (small, back["booking"]):
        made(await staff.complete(made(await staff.check_in(booking))))
    missed = made(await staff.create(centre.studio, at(5, 18), minutes=120, customer=centre.other))
    clock.now = at(5, 18, 15)
    await find_deadlines(runtime, relay)
    await run_due_jobs(runtime)
    assert (await staff.booking(missed["id"]))["status"] == "NO_SHOW"
    walked_in = made(await staff.create(centre.studio, at(5, 18, 15), minutes=105))
    assert walked_in["price"]["total"]["amount"] == "105.00"
    made(await staff.complete(made(await staff.check_in(walked_in))))

    # Saturday. The party goes so well that it is extended, and ends when all have left.
    clock.now = at(6, 17)
    party = made(await staff.check_in(party))
    clock.now = at(6, 19, 45)
    longer = await centre.change(
        staff,
        "extendBooking",
        f"{BOOKED.removesuffix('}')} price {{ total {{ amount }} }} }}",
        id=("ID!", party["id"]),
        version=("Int!", party["version"]),
        input=("ExtendBookingInput!", {"minutes": 60}),
    )
    assert longer["booking"]["price"]["total"]["amount"] == "180.00"
    assert await centre.state(centre.left, at(6, 20)) == "BUSY"
    clock.now = at(6, 20, 30)
    ended = await centre.change(
        staff,
        "endBookingEarly",
        BOOKED,
        id=("ID!", party["id"]),
        version=("Int!", longer["booking"]["version"]),
    )
    assert (ended["booking"]["status"], ended["booking"]["endsAt"]) == (
        "COMPLETED",
        rfc(at(6, 20, 30)),
    )
    assert await centre.state(centre.left, at(6, 20, 30)) == "FREE"

    # Sunday. The centre looks back.
    clock.now = at(7, 9)
    assert await centre.calendar(monday) == on_monday
    assert await _overlaps(database) == 0
    expected = {"bookings": 9, "cancelled": 1, "noShows": 1, "completed": 8}
    assert await _counted(centre, expected) == expected


async def _counted(centre: Centre, expected: Any) -> Any:
    """Returns the figures of the week, at the latest when the worker should have counted all."""
    totals: Any = None
    for _ in range(100):
        totals = (await centre.owner(FIGURES, span=WEEK)).payload["totals"]
        if totals == expected:
            break
        await asyncio.sleep(0.1)
    return totals


async def _overlaps(database: DatabaseUrls) -> Any:
    connection = await asyncpg.connect(database.owner)
    try:
        return await connection.fetchval(OVERLAPS)
    finally:
        await connection.close()
