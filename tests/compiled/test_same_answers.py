"""What is compiled answers what is worked out field by field, to the letter."""

from datetime import UTC, datetime, timedelta

import pytest
import structlog.testing

from domain.bookings import Status
from kit.scope import Runtime
from tests.clock import StoppedClock
from tests.compiled.conftest import Both
from tests.factories import api_id, make_booking, make_venue

QUERIES = [
    "{ bookings { nodes { id reference version status partySize startsAt note room { id name } customer { id name email } } } }",
    "{ bookings(first: 2) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }",
    "{ bookings(last: 2) { edges { cursor node { id } } pageInfo { endCursor startCursor hasPreviousPage hasNextPage } } }",
    "{ bookings(first: 0) { nodes { id } pageInfo { hasNextPage startCursor endCursor } } }",
    "{ bookings(last: 0) { nodes { id } pageInfo { hasPreviousPage startCursor endCursor } } }",
    "{ bookings(first: 3, last: 2) { nodes { id } } }",
    "{ bookings(first: 300) { nodes { id } } }",
    '{ bookings(after: "nonsense") { nodes { id } } }',
    "{ bookings(orderBy: [{field: CREATED_AT, direction: DESC}, {field: STARTS_AT}], first: 2) { edges { cursor } nodes { reference createdAt } } }",
    "{ bookings(filter: {status: {eq: EXPIRED}}) { totalCount nodes { status holdExpiresAt } } }",
    "{ bookings(filter: {status: {in: [HELD, CONFIRMED]}}) { totalCount(mode: EXACT) nodes { status } } }",
    '{ bookings(filter: {search: "gue"}) { nodes { reference customer { name phone notes } } } }',
    '{ bookings(filter: {search: "50%_/"}) { nodes { reference } } }',
    "{ bookings { __typename } }",
    "{ rooms { __typename nodes { __typename id name hourlyRate { amount currencyCode } timeZone archivedAt bookings(first: 2) { totalCount nodes { id room { name bookings(first: 1) { nodes { id } } } } pageInfo { hasNextPage } } } } }",
    '{ rooms(filter: {minCapacity: 5, archived: false, search: "room"}, orderBy: [{field: CAPACITY, direction: DESC}]) { edges { cursor node { capacity } } } }',
    "{ bookings { nodes { local { timeZone start end utcOffsetStart utcOffsetEnd } price { total { amount currencyCode } lines { label minutes startsAt endsAt amount { amount } } discount { amount } } } } }",
    "{ customers { nodes { id name email phone notes createdAt bookings { totalCount nodes { reference } } } } }",
    '{ customers(filter: {email: " GUEST@venue.test ", phone: "+1 2"}) { totalCount } }',
    "{ tenant { id name timeZone settings { slotMinutes holdMinutes } version createdAt } }",
    "{ viewer { id name email role tenant { name } customer { id name } } }",
    "{ users { nodes { id email role } } }",
    "{ a: rooms { n: nodes { i: id } } b: bookings { totalCount } __typename }",
    "{ plans { code } rooms { nodes { id } } apiKeys { nodes { name prefix permissions } } }",
    "{ sessions { nodes { id createdAt } } }",
    "{ rooms { nodes { id } } rooms { nodes { name } totalCount } }",
    "query ($x: Boolean = true) { rooms { nodes { id @skip(if: $x) ...F @include(if: $x) } } } fragment F on Room { name ... on Node { id } }",
    "{ bookings { nodes { allowedTransitions } } rooms { totalCount } }",
    "{ auditLog { nodes { at } } }",
]


@pytest.mark.asyncio
async def test_both_ways_say_the_same(both: Both, runtime: Runtime, clock: StoppedClock) -> None:
    venue = await make_venue(runtime)
    now = clock()
    start = now.replace(microsecond=0)
    booked = [
        await make_booking(runtime, venue, start + timedelta(hours=3 * n), room=venue.rooms[n % 2])
        for n in range(5)
    ]
    await make_booking(
        runtime,
        venue,
        start + timedelta(days=3),
        status=Status.HELD,
        hold_expires_at=now - timedelta(minutes=1, milliseconds=20),
    )
    ids = [api_id(booked[0]), api_id(venue.rooms[0]), "nothing", api_id(venue.tenant), api_id(venue.customer), api_id(venue.staff.user)]
    for person in (venue.owner, venue.staff, venue.guest):
        for text in QUERIES:
            print(text)
            await both(text, token=person.token)
        for id in ids:
            one = 'query ($id: ID!) { node(id: $id) { id __typename ... on Booking { reference } ... on Room { name } } booking(id: $id) { id customer { name } } room(id: $id) { name } customer(id: $id) { email bookings(first: 1) { nodes { id } } } }'
            await both(one, {"id": id}, token=person.token)
        await both('query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename ... on Booking { reference room { name } } } }', {"ids": ids}, token=person.token)
        await both('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {"ids": []}, token=person.token)
        week = {"f": {"startsAt": {"gte": start.isoformat().replace("+00:00","Z"), "lt": "2199-01-01T00:00:00Z"}, "roomId": {"in": [api_id(r) for r in venue.rooms]}}}
        first = await both('query ($f: BookingFilter, $a: String) { bookings(filter: $f, first: 2, after: $a) { pageInfo { endCursor hasNextPage hasPreviousPage } nodes { id } } }', week, token=person.token)
        cursor = first.data["bookings"]["pageInfo"]["endCursor"]
        await both('query ($f: BookingFilter, $a: String) { bookings(filter: $f, first: 2, after: $a) { pageInfo { endCursor hasNextPage hasPreviousPage } nodes { id } } }', {**week, "a": cursor}, token=person.token)
        await both('query ($f: BookingFilter, $a: String) { bookings(filter: $f, last: 1, before: $a) { pageInfo { endCursor hasNextPage hasPreviousPage } nodes { id } } }', {**week, "a": cursor}, token=person.token)
