"""Compiled reads return exactly the same bytes as field-by-field execution."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlmodel import col

from domain.bookings.lifecycle import Status
from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking
from resolvers.core.transactions import perform
from tests.kit.graphql.compiler.conftest import Both
from tests.support.factories import Venue, api_id, make_booking, make_venue

QUERIES = (
    "{ bookings { nodes { id reference version status partySize startsAt note room { id "
    "name } customer { id name email } } } }",
    "{ bookings(first: 2) { edges { cursor node { id } } pageInfo { hasNextPage "
    "hasPreviousPage startCursor endCursor } totalCount } }",
    "{ bookings(last: 2) { edges { cursor node { id } } pageInfo { endCursor startCursor "
    "hasPreviousPage hasNextPage } } }",
    "{ bookings(first: 0) { nodes { id } pageInfo { hasNextPage startCursor endCursor } } }",
    "{ bookings(last: 0) { nodes { id } pageInfo { hasPreviousPage startCursor endCursor } } }",
    "{ bookings(first: 3, last: 2) { nodes { id } } }",
    "{ bookings(first: 300) { nodes { id } } }",
    '{ bookings(after: "nonsense") { nodes { id } } }',
    "{ bookings(orderBy: [{field: CREATED_AT, direction: DESC}, {field: STARTS_AT}], "
    "first: 2) { edges { cursor } nodes { reference createdAt } } }",
    "{ bookings(filter: {status: {eq: EXPIRED}}) { totalCount nodes { status holdExpiresAt } } }",
    "{ bookings(filter: {status: {in: [HELD, CONFIRMED]}}) { totalCount(mode: EXACT) "
    "nodes { status } } }",
    '{ bookings(filter: {search: "gue"}) { nodes { reference customer { name phone notes } } } }',
    '{ bookings(filter: {search: "50%_/"}) { nodes { reference } } }',
    "{ bookings { __typename eventCursor } }",
    "{ rooms { __typename nodes { __typename id name hourlyRate { amount currencyCode } "
    "timeZone archivedAt bookings(first: 2) { totalCount nodes { id room { name "
    "bookings(first: 1) { nodes { id } } } } pageInfo { hasNextPage } } } } }",
    '{ rooms(filter: {minCapacity: 5, archived: false, search: "room"}, orderBy: [{field: '
    "CAPACITY, direction: DESC}]) { edges { cursor node { capacity } } } }",
    "{ bookings { nodes { local { timeZone start end utcOffsetStart utcOffsetEnd } price "
    "{ total { amount currencyCode } lines { label minutes startsAt endsAt amount { "
    "amount } } discount { amount } } } } }",
    "{ customers { nodes { id name email phone notes createdAt bookings { totalCount "
    "nodes { reference } } } } }",
    '{ customers(filter: {email: " GUEST@venue.test ", phone: "+1 2"}) { totalCount } }',
    "{ tenant { id name timeZone settings { slotMinutes holdMinutes } version createdAt } }",
    "{ viewer { id name email role tenant { name } customer { id name } } }",
    "{ users { nodes { id email role } } }",
    "{ a: rooms { n: nodes { i: id } } b: bookings { totalCount } __typename }",
    "{ plans { code } rooms { nodes { id } } apiKeys { nodes { name prefix permissions } } }",
    "{ sessions { nodes { id createdAt } } }",
    "{ rooms { nodes { id } } rooms { nodes { name } totalCount } }",
    "query ($x: Boolean = true) { rooms { nodes { id @skip(if: $x) ...F @include(if: $x) "
    "} } } fragment F on Room { name ... on Node { id } }",
    "{ bookings { nodes { allowedTransitions } } rooms { totalCount } }",
    "{ auditLog { nodes { at } } }",
)

ONE = """
query ($id: ID!) {
  node(id: $id) { id __typename ... on Booking { reference } ... on Room { name } }
  booking(id: $id) { id customer { name } }
  room(id: $id) { name }
  customer(id: $id) { email bookings(first: 1) { nodes { id } } }
}
"""
SEVERAL = """
query ($ids: [ID!]!) {
  nodes(ids: $ids) { id __typename ... on Booking { reference room { name } } }
}
"""
PAGE = """
query ($filter: BookingFilter, $first: Int, $last: Int, $after: String, $before: String) {
  bookings(filter: $filter, first: $first, last: $last, after: $after, before: $before) {
    pageInfo { endCursor hasNextPage hasPreviousPage startCursor } nodes { id }
  }
}
"""


TIMES = 200


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    """A venue with bookings of all kinds: of two rooms and customers, with prices, a stale hold."""
    venue = await make_venue(runtime)
    now = runtime.clock()
    for number in range(6):
        await make_booking(
            runtime,
            venue,
            now + timedelta(hours=3 * number, milliseconds=number),
            room=venue.rooms[number % 2],
            customer=(venue.customer, venue.other_customer)[number % 2],
        )
    await make_booking(
        runtime,
        venue,
        now + timedelta(days=3),
        status=Status.HELD,
        hold_expires_at=now - timedelta(minutes=1, milliseconds=20),
    )
    lines: list[dict[str, Any]] = [
        {
            "label": 'Room \u00e9\\ "1"\n',
            "start": now.isoformat(),
            "end": (now + timedelta(hours=1, milliseconds=20)).isoformat(),
        },
        {"label": "Chairs", "start": None, "end": None},
    ]
    priced = [
        {**line, "minutes": None, "amount_minor": minor}
        for line, minor in zip(lines, (-5, 4005), strict=True)
    ]

    async def price(scope: Scope) -> None:
        await scope.lock()
        await scope.run(
            update(Booking)
            .where(
                col(Booking.tenant_id) == venue.tenant.id, col(Booking.room_id) == venue.rooms[0].id
            )
            .values(price_lines=priced, price_minor=4000)
        )

    await perform(runtime, venue.owner.actor, Request(new_id()), price)
    return venue


@pytest.mark.parametrize("role", ["owner", "staff", "guest"])
async def test_both_ways_say_the_same(both: Both, venue: Venue, role: str) -> None:
    token = getattr(venue, role).token

    for text in QUERIES:
        await both(text, token=token)


@pytest.mark.parametrize("role", ["owner", "staff", "guest"])
async def test_both_ways_find_the_same_by_id(both: Both, venue: Venue, role: str) -> None:
    token = getattr(venue, role).token
    page = await both("{ bookings { nodes { id } } }", token=token)
    mine = [each["id"] for each in page.data["bookings"]["nodes"][:2]]
    rows: list[Any] = [*venue.rooms, venue.tenant, venue.customer, venue.other_customer]
    ids = [*mine, *map(api_id, rows), api_id(venue.staff.user), "nothing", ""]

    await both(SEVERAL, {"ids": ids}, token=token)
    await both(SEVERAL, {"ids": []}, token=token)
    for id in ids:
        await both(ONE, {"id": id}, token=token)


async def test_both_ways_turn_the_same_pages(both: Both, venue: Venue) -> None:
    token = venue.staff.token
    rooms = {"roomId": {"in": [api_id(each) for each in venue.rooms]}}

    first = await both(PAGE, {"filter": rooms, "first": 2}, token=token)
    cursor = first.data["bookings"]["pageInfo"]["endCursor"]
    for place in ("after", "before"):
        for size, number in (
            ("first", 1),
            ("last", 1),
            ("first", 250),
            ("last", 250),
            ("first", 0),
        ):
            given = {"filter": rooms, place: cursor, size: number}
            await both(PAGE, given, token=token)
    await both(PAGE, {"after": cursor[:-4]}, token=token)


async def test_the_cursor_of_a_page_is_the_end_of_the_log(both: Both, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    before = await end_of_log(both, venue)

    made = await both.compiled(
        "mutation ($input: CreateRoomInput!) { createRoom(input: $input) { room { id } } }",
        {"input": {"name": "Attic", "capacity": 2}},
        token=venue.manager.token,
    )

    assert made.data
    # What was written stays above the horizon while somebody else is writing.
    for _ in range(TIMES):
        if await end_of_log(both, venue) != before:
            break
        await asyncio.sleep(0.05)
    assert await end_of_log(both, venue) != before


async def end_of_log(both: Both, venue: Venue) -> str:
    page = await both("{ bookings { eventCursor } }", token=venue.staff.token)
    found: str = page.data["bookings"]["eventCursor"]
    return found
