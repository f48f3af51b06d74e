"""Bookings as of an instant: what a reader saw then, whatever has changed since."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from alembic import command

from commands.migrate import migrations
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from schema.core.global_ids import encode_id
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BookingClient, made, moved, rfc
from tests.support.factories import Person, Venue, api_id, make_venue

SEEN = """query ($asOf: DateTime) {
  all: bookings(asOf: $asOf, first: 100, orderBy: [{ field: CREATED_AT, direction: DESC }]) {
    totalCount nodes { ...Then }
  }
  some: bookings(asOf: $asOf, first: 5, filter: {
    status: { notIn: [CANCELLED, EXPIRED] }
    overlaps: { gte: "2027-03-02T00:00:00Z", lt: "2027-03-05T00:00:00Z" }
  }) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { ...Then } } }
}
fragment Then on Booking {
  id reference version status startsAt endsAt holdExpiresAt partySize createdAt updatedAt
  room { name } customer { id } local { start }
  price { total { amount } } %s
}"""
UNLOGGED = "note price { lines { label minutes amount { amount } } }"
INSTANTS = 100
BEFORE = "0042"
ID = encode_id("Booking", UUID(int=1))
KINDS = ["create", "hold", "note", "party", "give", "move", "move", "end"]


class Story:
    """Random changes of a venue's bookings, and what its people saw at random instants."""

    def __init__(self, api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue) -> None:
        self.api, self.runtime, self.clock, self.venue = api, runtime, clock, venue
        self.random = Random(3)
        self.known: list[dict[str, Any]] = []
        self.snapshots: dict[datetime, Any] = {}
        self.kinds: set[str] = set()

    def desk(self, person: Person) -> BookingClient:
        return BookingClient(self.api, self.runtime, person)

    async def seen(self, as_of: datetime | None, *, also: str = UNLOGGED) -> Any:
        """Returns what the owner sees, or every now and then what the customer does."""
        given = rfc(as_of) if as_of else None
        is_customers = (as_of or self.clock.now).second % 4 == 0
        person = self.venue.guest if is_customers else self.venue.owner
        found = (await self.desk(person)(SEEN % also, asOf=given)).data
        for node in found["all"]["nodes"]:
            if node["status"] == "EXPIRED":
                # A job stores that at any time after it; only the version shows it.
                del node["version"], node["updatedAt"]
        return found

    async def tell(self) -> None:
        for _ in range(INSTANTS):
            self.clock.advance(seconds=self.random.randint(1, 500))
            if self.random.random() < 0.7:
                await self.change()
                self.clock.advance(seconds=self.random.randint(0, 3))
            self.snapshots[self.clock.now] = await self.seen(None)

    async def change(self) -> None:
        """Changes something at random; what is refused changes nothing."""
        owner, room = self.desk(self.venue.owner), self.random.choice(self.venue.rooms)
        start = MONDAY_MORNING + timedelta(days=1, hours=self.random.randint(0, 90))
        booking = self.random.choice(self.known) if self.known else None
        match self.random.choice(
            ["create", "hold", "note", "party", "give", "move", "move", "end"]
        ):
            case "create" if len(self.known) < 40:
                customer = {"id": api_id(self.random.choice(self.customers))}
                answer = await owner.create(room, start, customer=customer, note="first")
            case "hold" if len(self.known) < 40:
                answer = await self.desk(self.venue.guest).hold(room, start)
            case "note" if booking:
                answer = await owner.update(booking, note=f"note {self.random.random()}")
            case "party" if booking:
                answer = await owner.update(booking, partySize=self.random.randint(1, 4))
            case "give" if booking:
                customer = {"id": api_id(self.random.choice(self.customers))}
                answer = await owner.update(booking, customer=customer)
            case "move" if booking:
                minutes = self.random.choice([60, 90])
                answer = await owner.move(booking, start, room, durationMinutes=minutes)
            case "end" if booking and self.random.random() < 0.5:
                answer = await owner.cancel(booking)
            case _:
                return
        (payload,) = answer.data.values()
        if not payload["userErrors"]:
            changed = payload.get("booking") or payload["bookings"][0]
            self.kinds.add(changed["status"])
            self.known = [each for each in self.known if each["id"] != changed["id"]]
            self.known.append(changed)

    @property
    def customers(self) -> tuple[Any, ...]:
        return self.venue.customer, self.venue.other_customer


@pytest_asyncio.fixture
async def story(api: Api, runtime: Runtime, clock: StoppedClock) -> AsyncIterator[Story]:
    venue = await make_venue(runtime)
    yield Story(api, runtime, clock, venue)


async def test_bookings_as_of_an_instant_are_what_was_seen_then(
    story: Story, database: DatabaseUrls
) -> None:
    await story.tell()

    for instant, snapshot in story.snapshots.items():
        assert await story.seen(instant) == snapshot, instant

    assert len(story.snapshots) == INSTANTS
    assert {"CONFIRMED", "CANCELLED", "HELD"} <= story.kinds

    sample = story.random.sample(sorted(story.snapshots), 20)
    logged = {instant: await story.seen(instant, also="") for instant in sample}
    await asyncio.to_thread(command.downgrade, migrations(database.owner), BEFORE)
    await asyncio.to_thread(command.upgrade, migrations(database.owner), "head")

    for instant, snapshot in logged.items():
        assert await story.seen(instant, also="") == snapshot, instant


async def test_a_booking_is_shown_as_it_was_beside_what_it_is(story: Story) -> None:
    owner, clock = story.desk(story.venue.owner), story.clock
    clock.advance(minutes=1)
    booking = made(await owner.create(story.venue.rooms[0], "2027-03-02T10:00:00Z"))
    clock.advance(minutes=1)
    after = moved(await owner.move(booking, "2027-03-03T10:00:00Z", story.venue.rooms[1]))
    clock.advance(minutes=1)
    then = "booking(id: $id, asOf: $asOf) { startsAt version room { name } allowedTransitions }"

    answer = await owner(
        f"""query ($id: ID!, $asOf: DateTime!) {{
              now: booking(id: $id) {{ startsAt version room {{ name }} }}
              then: {then}
              before: booking(id: $id, asOf: "2027-03-01T09:00:00Z") {{ id }}
              listed: bookings(asOf: $asOf) {{ totalCount nodes {{ version }} }}
            }}""",
        id=booking["id"],
        asOf=booking["createdAt"],
    )

    assert after["version"] == 2
    assert answer.data == {
        "now": {"startsAt": "2027-03-03T10:00:00Z", "version": 2, "room": {"name": "Room 2"}},
        "then": {
            "startsAt": "2027-03-02T10:00:00Z",
            "version": 1,
            "room": {"name": "Room 1"},
            "allowedTransitions": [],
        },
        "before": None,
        "listed": {"totalCount": 1, "nodes": [{"version": 1}]},
    }


@pytest.mark.parametrize(
    ("as_of", "problem"),
    [
        (
            "2027-03-01T09:00:00.001Z",
            "`asOf` is in the future.",
        ),
        (
            "2027-03-01T08:59:59.999Z",
            "`asOf` can be 2027-03-01T09:00:00.000Z at the earliest: the venue's registration.",
        ),
    ],
    ids=["future", "before the log"],
)
@pytest.mark.parametrize(
    "field",
    ["bookings(asOf: $asOf) { totalCount }", f'booking(id: "{ID}", asOf: $asOf) {{ id }}'],
    ids=["list", "one"],
)
async def test_an_instant_outside_of_the_log_is_refused(
    story: Story, field: str, as_of: str, problem: str
) -> None:
    answer = await story.desk(story.venue.owner)(
        f"query ($asOf: DateTime) {{ {field} }}", asOf=as_of
    )

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.errors[0]["message"] == problem
    assert answer.errors[0]["extensions"]["argumentPath"] == ["asOf"]
