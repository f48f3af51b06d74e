"""Twenty operations as clients send them, with their data."""

from typing import Any, Final

ID: Final = "Qm9va2luZzowMTg5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE="
DAY: Final = {"gte": "2027-03-01T00:00:00Z", "lt": "2027-03-02T00:00:00Z"}

NAMED: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "week": (
        """query ($filter: BookingFilter, $first: Int) {
             bookings(filter: $filter, first: $first) { nodes {
               id reference status startsAt endsAt partySize
               room { name color } customer { name email }
             } } }""",
        {"filter": {"overlaps": DAY}, "first": 250},
    ),
    "one_booking": (
        """query ($id: ID!) { booking(id: $id) {
             id reference status startsAt room { name } customer { name } } }""",
        {"id": ID},
    ),
    "one_booking_in_full": (
        """query ($id: ID!) { booking(id: $id) { __typename
             id reference version status partySize note holdExpiresAt createdAt updatedAt
             local { timeZone start end utcOffsetStart utcOffsetEnd }
             price { lines { label startsAt endsAt minutes amount { amount currencyCode } }
                     subtotal { amount } total { amount } } } }""",
        {"id": ID},
    ),
    "calendar_with_cursor": (
        "{ bookings { nodes { id version } eventCursor } }",
        {},
    ),
    "first_page": (
        """{ bookings(first: 10) {
             edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }""",
        {},
    ),
    "next_page": (
        """query ($after: String) { bookings(first: 10, after: $after) {
             nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }""",
        {
            "after": "WyJzdGFydHNfYXQsaWQiLCIyMDI3LTAzLTAxVDA5OjAwOjAwKzAwOjAwIiwiMDFhMWZlYTUt"
            "ODY1YS03NTYzLWJiYTctMTAzOTA4NTVlNGQ2Il0"
        },
    ),
    "last_page": (
        """{ bookings(last: 10) {
             nodes { id } pageInfo { hasPreviousPage startCursor endCursor } } }""",
        {},
    ),
    "sorted_twice": (
        """{ bookings(orderBy: [{field: UPDATED_AT, direction: DESC}, {field: STARTS_AT}]) {
             edges { cursor } } }""",
        {},
    ),
    "search_with_count": (
        """query ($text: String) { bookings(filter: {search: $text}) {
             totalCount nodes { reference customer { name phone } } } }""",
        {"text": "ann"},
    ),
    "counted_only": (
        "{ bookings(filter: {status: {in: [HELD, CONFIRMED]}}) { totalCount(mode: EXACT) } }",
        {},
    ),
    "of_some_rooms": (
        """query ($ids: [ID!]) { bookings(filter: {roomId: {in: $ids}}) { nodes { id } } }""",
        {"ids": [ID, ID]},
    ),
    "rooms_with_next_bookings": (
        """{ rooms(first: 20) { nodes { id name
               bookings(first: 5) { nodes { id startsAt } pageInfo { hasNextPage } } } } }""",
        {},
    ),
    "rooms_with_prices": (
        """{ rooms(filter: {archived: false}) {
             nodes { name timeZone hourlyRate { amount currencyCode } } } }""",
        {},
    ),
    "customers_found": (
        """query ($email: String, $phone: String) {
             customers(filter: {email: $email, phone: $phone}) {
               nodes { id name email notes } } }""",
        {"email": "ann@example.com", "phone": "+1 212 555 0100"},
    ),
    "customer_with_bookings": (
        """query ($id: ID!) { customer(id: $id) {
             name bookings(first: 3) { totalCount nodes { reference room { name } } } } }""",
        {"id": ID},
    ),
    "node": (
        """query ($id: ID!) { node(id: $id) { id ... on Booking { reference room { name } } } }""",
        {"id": ID},
    ),
    "nodes": (
        """query ($ids: [ID!]!) { nodes(ids: $ids) {
             __typename ... on Booking { reference } ... on Room { name } } }""",
        {"ids": [ID, "Um9vbTowMTg5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE="]},
    ),
    "viewer": (
        "{ viewer { id name email role tenant { name } customer { id } } }",
        {},
    ),
    "tenant": (
        "{ tenant { name timeZone settings { slotMinutes holdMinutes } version } }",
        {},
    ),
    "several_roots": (
        "{ hours: tenant { timeZone } rooms { totalCount } bookings { totalCount } __typename }",
        {},
    ),
}
