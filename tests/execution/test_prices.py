"""The time that a point of cost buys of each root field: at most 4 ms."""

import gc
from collections.abc import Iterator
from datetime import timedelta
from time import process_time
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from kit.security.tokens import PlatformKey
from kit.settings import Settings
from schema import schema
from tests.attacks.generator import selection
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.factories import Venue, api_id, make_booking, make_series, make_venue

ROOMS: Final = 20
BOOKINGS: Final = 50
# 2 on a machine of its own, and twice that beside other work.
MILLISECONDS_A_POINT: Final = 4.0
TIMES: Final = 2

QUERY: Any = schema._schema.query_type
DAY: Final = '{from: "2027-03-02T00:00:00Z", to: "2027-03-03T00:00:00Z", durationMinutes: 60}'
WEEK: Final = '{from: "2027-03-02T00:00:00Z", to: "2027-03-09T00:00:00Z", durationMinutes: 60}'

# What is asked of them besides everything that can be selected without arguments.
ARGUMENTS: Final = {
    "analytics": 'span: {from: "2026-01-01", until: "2028-03-01"}',
    "apiKeys": "first: 50",
    "article": "id: $booking",
    "articles": "first: 50",
    "assistantUsage": 'span: {from: "2026-01-01", until: "2028-03-01"}',
    "auditLog": "first: 50",
    "availability": f"query: {DAY}",
    "blackouts": 'overlaps: {gte: "2027-03-01T00:00:00Z", lt: "2027-04-01T00:00:00Z"}',
    "booking": "id: $booking",
    "bookings": "first: 50",
    "bookingSeries": "first: 50",
    "calendarFeeds": "first: 50",
    "conversation": "id: $booking",
    "conversations": "first: 50",
    "coupons": "first: 50",
    "customer": "id: $customer",
    "customers": "first: 50",
    "explainSlot": 'roomId: $room, start: {at: "2027-03-02T10:00:00Z"}, durationMinutes: 60',
    "exports": "first: 50",
    "guestBooking": 'token: "none"',
    "hoursExceptions": 'from: "2027-03-01", to: "2027-04-01"',
    "inbox": "first: 50",
    "import": "id: $booking",
    "imports": "first: 50",
    "node": "id: $booking",
    "nodes": "ids: [$booking, $room, $customer]",
    "notificationDeliveries": "first: 50",
    # The longest text, of words that may be misspelled ones.
    "parseBookingRequest": f'text: "{"wensday thuesday " * 29}"',
    "platformMetrics": 'span: {from: "2026-01-01", until: "2028-03-01"}',
    "previewNotification": "kind: BOOKING_CONFIRMED, channel: EMAIL, bookingId: $booking",
    "previewRecurrence": """rrule: "FREQ=DAILY;COUNT=366", durationMinutes: 60, roomId: $room,
        partySize: 1000, start: {date: "2027-03-02", time: "10:00"}""",
    "quote": """input: {
        roomId: $room, start: {at: "2027-03-02T10:00:00Z"}, durationMinutes: 44640
    }""",
    "room": "id: $room",
    "rooms": "first: 50",
    "series": "id: $series",
    "sessions": "first: 50",
    "searchArticles": 'text: "How can I cancel my booking in time?", first: 20',
    "suggestTimes": 'input: {durationMinutes: 60, firstDate: "2027-03-02", first: 10}',
    "cannedReplies": "first: 50",
    "guestTicket": 'token: "none"',
    "ticket": "id: $booking",
    "tickets": "first: 50",
    "users": "first: 50",
    "venue": "subdomain: $subdomain",
    "webhookEndpoints": "first: 20",
}
MORE: Final = {
    "explainSlot of 31 days": """{ explainSlot(
        roomId: $room, start: {at: "2027-03-02T10:00:00Z"}, durationMinutes: 44640
    ) { state reasons { code message } } }""",
    "tenant with usage and weekly hours": """{ tenant {
        usage { rooms { used } bookings { used } } weeklyHours { weekday intervals { opensAt } }
    } }""",
    "rooms with their hours": """{ rooms(first: 50) { nodes {
        weeklyHours { weekday intervals { opensAt } }
        openingHours(from: "2027-03-02", days: 7) { date }
    } } }""",
    "bookings with their payments": """{ bookings(first: 50) { nodes {
        payments { status } refunds { status } amountPaid { amount } balanceDue { amount }
        cancellationQuote { refund { amount } }
    } } }""",
    "auditLog with actor and subject": """{ auditLog(first: 50) { nodes {
        actor { name user { name } } subject { id __typename } changes { field before after }
    } } }""",
    "rooms with their bookings": """{ rooms(first: 20) { nodes {
        name bookings(first: 20) { totalCount nodes { reference customer { name } } }
    } } }""",
    "rooms with their bookings, uncompiled": """{ rooms(first: 20) { nodes {
        weeklyHours { weekday }
        bookings(first: 20) { totalCount nodes { reference customer { name } allowedTransitions } }
    } } }""",
    "a venue with its rooms and times": """{ venue(subdomain: $subdomain) {
        rooms(first: 20) { nodes { name openingHours(from: "2027-03-02", days: 7) { date } } }
        availability(query: QUERY) { slots { startsAt } }
    } }""".replace("QUERY", WEEK),
    "the schema": "{ __schema { types { name description fields { name description "
    "args { name type { name kind ofType { name kind } } } type { name kind ofType { name } } } "
    "inputFields { name type { name } } enumValues { name } } directives { name } } }",
}
USUAL: Final = "startsAt endsAt state price { amount currencyCode } room { id name }"
NOBODY_FITS: Final = "partySize: 1000, includeUnavailable: true, from"
SLOTS: Final = {
    "a week of 20 rooms": f"{{ availability(query: {WEEK}) {{ slots {{ {USUAL} }} }} }}",
    "a week of 20 rooms with reasons": f"""{{ availability(query: {
        WEEK.replace("from", NOBODY_FITS)
    }) {{ slots {{ startsAt reasons {{ code message rule freesAt }} }} }} }}""",
    "a day of 20 rooms with their hours": f"""{{ availability(query: {DAY}) {{ slots {{
        room {{ name weeklyHours {{ weekday intervals {{ opensAt closesAt }} }} }}
    }} }} }}""",
    "a day of 20 rooms with their bookings": f"""{{ availability(query: {DAY}) {{ slots {{
        room {{ bookings(first: 1) {{ nodes {{ reference customer {{ name }} }} }} }}
    }} }} }}""",
    "nothing that is ever free": f"""{{ availability(query: {DAY.replace("from", NOBODY_FITS)}) {{
        {" ".join(f"n{number}: nextFreeSlot {{ startsAt }}" for number in range(20))}
    }} }}""",
    "a public week of 20 rooms": f"""{{ venue(subdomain: $subdomain) {{
        availability(query: {WEEK}) {{ slots {{ {USUAL} }} nextFreeSlot {{ {USUAL} }} }}
    }} }}""",
}
FINE: Final = {
    "nothing of a fine grid": "computedAt",
    "a fine grid": f"slots {{ {USUAL} }}",
    "a fine grid's next": "nextFreeSlot { startsAt }",
    "a fine grid a second time": "a: slots { state } b: slots { state }",
}
OPERATOR_KEY: Final = PlatformKey.new()
VARIABLES: Final = ("booking", "customer", "room", "series", "subdomain")


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """Freezes garbage collection, as a server process does."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a key of the operator, for the fields that nobody else reads."""
    return settings.model_copy(update={"platform_keys": (OPERATOR_KEY.hash.hex(),)})


@pytest.fixture
def both_ways() -> None:
    """Disables the comparison of both ways, which more than doubles the time."""


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    made = await make_venue(runtime, rooms=ROOMS)
    for number in range(BOOKINGS):
        await make_booking(
            runtime,
            made,
            MONDAY_MORNING + timedelta(days=1, hours=number // ROOMS),
            room=made.rooms[number % ROOMS],
        )
    return made


def operations() -> Iterator[tuple[str, str]]:
    """Yields a name and an operation for each root field, and for more."""
    asked = MORE | SLOTS
    for name, field in QUERY.fields.items():
        given = f"({ARGUMENTS[name]})" if name in ARGUMENTS else ""
        asked[name] = f"{{ {name}{given} {selection(field, 2)} }}"
    for name, text in asked.items():
        used = [each for each in VARIABLES if f"${each}" in text]
        kinds = ", ".join(f"${each}: {'String' if each == 'subdomain' else 'ID'}!" for each in used)
        yield name, f"query {f'({kinds}) ' if kinds else ''}{text}"


class Row(NamedTuple):
    """The fastest measurement of an operation."""

    each: float
    points: int
    least: float
    name: str


async def row(api: Api, name: str, text: str, given: dict[str, Any], *, token: str) -> Row:
    spent: list[float] = []
    for _ in range(1 + TIMES):
        began = process_time()
        answer = await api(text, given, token=token)
        spent.append((process_time() - began) * 1000)
        assert answer.status == 200, answer.errors
        is_secret = name in ("guestBooking", "guestTicket")
        assert is_secret or "errors" not in answer.body, (name, answer.errors)
    # The first one reads the document, which is paid for by itself.
    least, points = min(spent[1:]), answer.extensions["cost"]["actualQueryCost"]
    return Row(least / max(points, 1), points, least, name)


def too_cheap(table: list[Row]) -> list[tuple[str, float]]:
    for each, points, least, name in sorted(table):
        print(f"{each:8.3f} ms a point {points:6} points {least:8.1f} ms  {name}")  # noqa: T201
    return [(name, round(each, 2)) for each, *_, name in table if each > MILLISECONDS_A_POINT]


async def test_no_root_field_takes_more_than_four_milliseconds_a_point(
    api: Api, venue: Venue, runtime: Runtime, clock: StoppedClock
) -> None:
    booking = await make_booking(
        runtime, venue, MONDAY_MORNING + timedelta(days=3), room=venue.rooms[0]
    )
    variables = {
        "booking": api_id(booking),
        "customer": api_id(venue.customer),
        "room": api_id(venue.rooms[0]),
        "series": api_id(await make_series(runtime, venue, MONDAY_MORNING)),
        "subdomain": venue.tenant.subdomain,
    }
    table = []
    for name, text in operations():
        given = {each: variables[each] for each in VARIABLES if f"${each}" in text}
        token = str(OPERATOR_KEY) if name == "platformMetrics" else venue.owner.token
        table.append(await row(api, name, text, given, token=token))

    assert too_cheap(table) == []


async def test_slots_are_covered_by_the_price_where_the_grid_is_fine(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, rooms=33, slot_minutes=5)
    table = []
    for name, selected in FINE.items():
        text = f"{{ availability(query: {DAY}) {{ {selected} }} }}"
        table.append(await row(api, name, text, {}, token=venue.owner.token))

    assert too_cheap(table) == []
    # The price is that of 20 rooms and a day, as it isn't known beforehand how many there are.
    assert {each.name: each.points for each in table} == dict.fromkeys(FINE, 21)


async def test_a_usual_week_of_10_rooms_costs_days_times_rooms(api: Api, runtime: Runtime) -> None:
    office = {day: [(8 * 60, 18 * 60)] for day in Weekday}
    venue = await make_venue(runtime, rooms=10, hours=office)
    rooms = ", ".join(f'"{api_id(room)}"' for room in venue.rooms)
    week = WEEK.replace("from", f"roomIds: [{rooms}], from")

    text = f"{{ availability(query: {week}) {{ slots {{ {USUAL} }} nextFreeSlot {{ {USUAL} }} }} }}"
    # The first one pays for reading the document, too.
    await api(text, token=venue.owner.token)
    answer = await api(text, token=venue.owner.token)

    assert len(answer.payload["slots"]) == 10 * 7 * 19
    assert answer.extensions["cost"]["requestedQueryCost"] == 71
    assert answer.extensions["cost"]["actualQueryCost"] == 71
