"""A list updated by the events after its cursor equals a new list, for every role."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import pytest

from kit.runtime import Runtime
from models.customers.customers import Customer
from tests.api.accounts.accounts import last_code
from tests.api.accounts.test_api_keys import create as create_key
from tests.api.accounts.test_email_verification import REGISTER, VERIFY
from tests.support.client import Api, Live, Stream, live
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient
from tests.support.factories import Venue, api_id, make_venue

TUESDAY: Final = datetime(2027, 3, 2, tzinfo=UTC)
NEWCOMER: Final = "new@example.test"
_PATIENCE_SECONDS: Final = 30

READ: Final = "{ bookings(first: 250) { nodes { id version } eventCursor } }"
FOLLOW: Final = """
    subscription ($after: EventCursor, $rooms: [ID!]) {
      bookingChanged(after: $after, roomIds: $rooms) {
        __typename
        ... on BookingChanged { cursor booking { id version } }
        ... on BookingRemoved { cursor bookingId }
        ... on ResyncRequired { cursor reason }
      }
    }
"""
HOLD: Final = """
    mutation ($input: HoldBookingInput!) {
      holdBooking(input: $input) { booking { id } userErrors { code } }
    }
"""

Books = dict[str, int]
"""The version of each booking, by its id."""


@dataclass(slots=True)
class Reader:
    """One client: ``books`` are the bookings that it has read and received."""

    api: Api
    token: str
    books: Books = field(default_factory=dict)
    cursor: str | None = None
    removals: int = 0
    resyncs: int = 0

    async def read(self) -> None:
        self.books, self.cursor = await self.fresh()

    async def fresh(self) -> tuple[Books, str]:
        """Reads the list and its cursor."""
        read = (await self.api(READ, token=self.token)).payload
        return {each["id"]: each["version"] for each in read["nodes"]}, read["eventCursor"]

    async def take(self, stream: Stream, *, within: float) -> None:
        event = (await stream.next(within=within))["bookingChanged"]
        self.cursor = event["cursor"]
        match event["__typename"]:
            case "BookingChanged":
                booking = event["booking"]
                self.books[booking["id"]] = booking["version"]
            case "BookingRemoved":
                self.removals += self.books.pop(event["bookingId"], None) is not None
            case "ResyncRequired":
                self.resyncs += 1
                await self.read()

    async def until_as(self, books: Books, stream: Stream) -> None:
        """Applies events until the state equals a read. Raises AssertionError."""
        while True:
            while not stream.messages.empty():
                await self.take(stream, within=1)
            if self.books == books:
                return
            try:
                await self.take(stream, within=_PATIENCE_SECONDS)
            except TimeoutError:
                assert self.books == books


@dataclass(slots=True)
class Changes:
    """Random changes of bookings' owners and of callers' permissions."""

    api: Api
    runtime: Runtime
    clock: StoppedClock
    venue: Venue
    newcomer: str
    draw: random.Random
    hours: Any = field(default_factory=count)
    is_verified: bool = False

    @property
    def staff(self) -> BookingClient:
        return BookingClient(self.api, self.runtime, self.venue.staff)

    async def some(self, number: int) -> None:
        for _ in range(number):
            await self.draw.choice(self._kinds())()

    def _kinds(self) -> list[Callable[[], Awaitable[object]]]:
        return [
            *3 * [self._book],
            *4 * [self._give],
            self._move,
            self._cancel,
            *2 * [self._hold_as_newcomer],
            self._hold_as_customer,
            *2 * [self._convert],
            self._note,
        ]

    async def verify(self) -> None:
        """Verifies the new user's address, which makes the customer's bookings theirs."""
        code = await last_code(self.runtime, to=NEWCOMER)
        answer = await self.api(VERIFY, {"token": code}, token=self.newcomer)
        assert answer.refusals == []
        # Who calls is remembered for half a second.
        self.clock.advance(seconds=1)

    async def let_holds_run_out(self) -> None:
        self.clock.advance(minutes=1)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            held = "query { bookings(filter: { status: { eq: EXPIRED } }) { nodes { version } } }"
            while any(  # noqa: ASYNC110 - what is waited for happens in the database
                each["version"] == 1 for each in (await self.staff(held)).payload["nodes"]
            ):
                await asyncio.sleep(0.05)

    async def _book(self) -> None:
        await self.staff.create(self.draw.choice(self.venue.rooms), self._time(), **self._for())

    async def _give(self) -> None:
        if booking := await self._one("CONFIRMED"):
            await self.staff.update(booking, **self._for())

    async def _move(self) -> None:
        if booking := await self._one("CONFIRMED"):
            await self.staff.move(booking, self._time(), self.draw.choice(self.venue.rooms))

    async def _cancel(self) -> None:
        if booking := await self._one("CONFIRMED"):
            await self.staff.cancel(booking)

    async def _note(self) -> None:
        if booking := await self._one("CONFIRMED"):
            await self.staff.update(booking, note="Window seat")

    async def _hold_as_newcomer(self) -> None:
        await self._hold(self.newcomer)

    async def _hold_as_customer(self) -> None:
        await self._hold(self.venue.guest.token)

    async def _hold(self, token: str) -> None:
        room = api_id(self.draw.choice(self.venue.rooms))
        start = {"at": self._time().isoformat()}
        given = {"roomId": room, "start": start, "durationMinutes": 30}
        assert (await self.api(HOLD, {"input": given}, token=token)).refusals == []

    async def _convert(self) -> None:
        if hold := await self._one("HELD"):
            await self.staff.convert(hold, **self._for())

    async def _one(self, status: str) -> Any:
        text = "query ($status: BookingStatus!) { bookings(first: 250, filter: "
        text += "{ status: { eq: $status } }) { nodes { id version } } }"
        found = (await self.staff(text, status=status)).payload["nodes"]
        return self.draw.choice(found) if found else None

    def _for(self) -> dict[str, Any]:
        customers: list[Customer] = [self.venue.customer, self.venue.other_customer]
        newcomer = {"new": {"name": "New", "email": NEWCOMER}}
        choices = [*({"id": api_id(each)} for each in customers), newcomer]
        return {"customer": self.draw.choice(choices)}

    def _time(self) -> datetime:
        return TUESDAY + timedelta(hours=next(self.hours))


async def test_a_list_kept_by_events_is_a_fresh_list(
    api: Api, runtime: Runtime, server: str, clock: StoppedClock
) -> None:
    await tried(api, runtime, server, clock, seed=1, rounds=4, changes=8)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
async def test_a_list_kept_by_events_is_a_fresh_list_whatever_happens(
    api: Api, runtime: Runtime, server: str, clock: StoppedClock, seed: int
) -> None:
    await tried(api, runtime, server, clock, seed=seed, rounds=8, changes=15)


async def tried(
    api: Api,
    runtime: Runtime,
    server: str,
    clock: StoppedClock,
    *,
    seed: int,
    rounds: int,
    changes: int,
) -> None:
    """Makes changes in rounds, and compares all subscribers' state with lists."""
    venue = await make_venue(runtime, min_notice_minutes=0, hold_minutes=1)
    arguments = {
        "subdomain": venue.tenant.subdomain,
        "name": "New",
        "email": NEWCOMER,
        "password": "a long enough password",
    }
    registered = await api(REGISTER, {"input": arguments})
    newcomer = registered.payload["session"]["accessToken"]
    key = (await create_key(api, venue.owner.token, "bookings:read")).payload["secret"]
    api.http.cookies.clear()
    tokens = (venue.owner.token, venue.staff.token, key, venue.guest.token, newcomer)
    turmoil = Changes(api, runtime, clock, venue, newcomer, random.Random(seed))
    # What it may see has just changed: it joined.
    clock.advance(seconds=10)

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(live(server, token=each)) for each in tokens]
        readers = [Reader(api, each) for each in tokens]
        streams = [await following(*each) for each in zip(clients, readers, strict=True)]
        for number in range(rounds):
            away = [Reader(api, each) for each in tokens]
            for reader in away:
                await reader.read()
            await turmoil.some(changes)
            if number % 2:
                await turmoil.let_holds_run_out()
            if number == rounds - 2:
                await turmoil.verify()

            for client, stream, reader, absent in zip(clients, streams, readers, away, strict=True):
                books, _ = await reader.fresh()
                await reader.until_as(books, stream)
                replayed = await client.subscribe(FOLLOW, {"after": absent.cursor})
                await absent.until_as(books, replayed)
                await client.stop(replayed)

    *team, customer, new = readers
    assert customer.removals > 0
    assert [reader.removals for reader in team] == [0] * len(team)
    assert [reader.resyncs for reader in (*team, customer)] == [0] * (len(team) + 1)
    # The one whose permissions change reads anew then, and again if that is told late.
    assert new.removals > 0 and new.resyncs > 0


async def following(client: Live, reader: Reader) -> Stream:
    await reader.read()
    return await client.subscribe(FOLLOW, {"after": reader.cursor})


# ------------------------------------------------------------------------------ one by one


async def test_a_booking_given_to_somebody_else_is_removed_without_being_shown(
    api: Api, runtime: Runtime, server: str
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)
    desk = BookingClient(api, runtime, venue.staff)
    mine = {"id": api_id(venue.customer)}
    made = await desk.create(venue.rooms[0], TUESDAY, customer=mine)
    booking = made.payload["booking"]
    reader = Reader(api, venue.guest.token)

    async with live(server, token=venue.guest.token) as client:
        stream = await following(client, reader)
        other = {"id": api_id(venue.other_customer)}
        changed = await desk.update(booking, customer=other, note="A secret")
        # Of what becomes of it from here on, nothing is told.
        await desk.cancel(changed.payload["booking"])
        await desk.create(venue.rooms[0], TUESDAY + timedelta(hours=5), customer=mine)

        removed = (await stream.next())["bookingChanged"]
        again = (await stream.next())["bookingChanged"]

    assert removed == {
        "__typename": "BookingRemoved",
        "cursor": removed["cursor"],
        "bookingId": booking["id"],
    }
    assert again["__typename"] == "BookingChanged"
    assert again["booking"]["id"] != booking["id"]


async def test_a_booking_that_left_the_room_and_the_caller_is_removed(
    api: Api, runtime: Runtime, server: str
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)
    desk = BookingClient(api, runtime, venue.staff)
    made = await desk.create(venue.rooms[0], TUESDAY, customer={"id": api_id(venue.customer)})
    booking = made.payload["booking"]
    reader = Reader(api, venue.guest.token)
    await reader.read()
    (moved,) = (await desk.move(booking, TUESDAY, venue.rooms[1])).payload["bookings"]
    await desk.update(moved, customer={"id": api_id(venue.other_customer)})

    async with live(server, token=venue.guest.token) as client:
        rooms = [api_id(venue.rooms[0])]
        stream = await client.subscribe(FOLLOW, {"after": reader.cursor, "rooms": rooms})
        event = (await stream.next())["bookingChanged"]

    assert (event["__typename"], event["bookingId"]) == ("BookingRemoved", booking["id"])


async def test_nobody_is_told_of_the_removal_of_what_was_never_theirs(
    api: Api, runtime: Runtime, server: str
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)
    desk = BookingClient(api, runtime, venue.staff)
    new = {"new": {"name": "Somebody", "email": "somebody@example.test"}}
    made = await desk.create(venue.rooms[0], TUESDAY, customer=new)
    reader = Reader(api, venue.guest.token)

    async with live(server, token=venue.guest.token) as client:
        stream = await following(client, reader)
        await desk.update(made.payload["booking"], customer={"id": api_id(venue.other_customer)})
        own = await desk.create(
            venue.rooms[0], TUESDAY + timedelta(hours=5), customer={"id": api_id(venue.customer)}
        )
        event = (await stream.next())["bookingChanged"]

    assert event["__typename"] == "BookingChanged"
    assert event["booking"]["id"] == own.payload["booking"]["id"]
