"""The GraphQL requests of every target: documents and variables."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import repeat
from typing import Any, Final

import orjson

from benchmarks.data import BOOKINGS_A_WEEK, MINUTES, ROOMS, Data, Slot
from schema.core.global_ids import encode_id

NEXT: Final = 5
FOUND: Final = "customer 01"
AVAILABILITY_ROOMS: Final = 10
MONTH_ROOMS: Final = 6
"""As many as may have 10,000 slots in 31 days."""

_BOOKING: Final = (
    "id reference status startsAt endsAt partySize room { name color } customer { name email }"
)
_FREE: Final = """
    query Free($query: AvailabilityQuery!) {
      availability(query: $query) { slots { startsAt endsAt price { amount } room { id } } }
    }
"""
TEXTS: Final = {
    "week": f"""
        query Week($since: DateTime!, $until: DateTime!) {{
          bookings(first: 250, filter: {{ startsAt: {{ gte: $since, lt: $until }} }}) {{
            nodes {{ {_BOOKING} }}
          }}
        }}
    """,
    "one": f"query One($id: ID!) {{ booking(id: $id) {{ {_BOOKING} }} }}",
    "to_many": f"""
        query Next($now: DateTime!) {{
          rooms(first: {ROOMS}) {{
            nodes {{
              id name
              bookings(first: {NEXT}, filter: {{ startsAt: {{ gte: $now }} }}) {{
                nodes {{ id reference status startsAt endsAt customer {{ name }} }}
              }}
            }}
          }}
        }}
    """,
    "search": f"""
        query Search($text: String!, $now: DateTime!) {{
          bookings(first: 20, filter: {{ search: $text, startsAt: {{ gte: $now }} }}) {{
            totalCount nodes {{ {_BOOKING} }}
          }}
        }}
    """,
    "create_booking": """
        mutation Create($input: CreateBookingInput!) {
          createBooking(input: $input) {
            booking { id status startsAt endsAt partySize room { name } customer { name } }
            userErrors { message }
          }
        }
    """,
    "availability": _FREE,
    "availability_month": _FREE,
    "availability_rooms": _FREE,
}
BENCHMARKS: Final = tuple(TEXTS)
# Measured by latency, not by throughput.
ONE_AT_A_TIME: Final = frozenset({"availability", "availability_month", "availability_rooms"})
# A response without it is a refusal, whatever its HTTP status.
SIGNS: Final = {"create_booking": b'"userErrors":[]'}
# How many rows a response must have: an empty one would be the fastest.
SIZES: Final[dict[str, Callable[[Any], bool]]] = {
    "week": lambda data: len(data["bookings"]["nodes"]) == BOOKINGS_A_WEEK,
    "one": lambda data: data["booking"]["room"]["name"] == "Room 00",
    "to_many": lambda data: all(
        len(room["bookings"]["nodes"]) == NEXT for room in data["rooms"]["nodes"]
    ),
    "search": lambda data: data["bookings"]["totalCount"] == len(data["bookings"]["nodes"]) == 10,
    "create_booking": lambda data: data["createBooking"]["booking"]["status"] == "CONFIRMED",
    "availability": lambda data: len(data["availability"]["slots"]) > 1000,
    "availability_month": lambda data: len(data["availability"]["slots"]) > 4000,
    "availability_rooms": lambda data: len(data["availability"]["slots"]) > 3000,
}


def bodies(benchmark: str, data: Data) -> Iterator[bytes]:
    """Yields the JSON bodies to post; each createBooking has a free slot."""
    text = " ".join(TEXTS[benchmark].split())
    if benchmark == "create_booking":
        return (creating(slot, data) for slot in data.slots)
    return repeat(_body(text, _variables(benchmark, venue_of(benchmark, data))))


def venue_of(benchmark: str, data: Data) -> Data:
    """Returns the venue that a benchmark asks about."""
    return data.wide if benchmark == "availability_rooms" and data.wide else data


def creating(slot: Slot, data: Data, **more: object) -> bytes:
    """Returns the JSON body that books a slot; ``more`` are other fields of the input."""
    text = " ".join(TEXTS["create_booking"].split())
    return _body(text, {"input": {**_creating(slot, data), **more}})


def comparable(benchmark: str, data: Any) -> Any:
    """Returns the part that must be equal between targets, without ids of new bookings."""
    if benchmark != "create_booking":
        return data
    created = dict(data["createBooking"]["booking"])
    for own in ("id", "startsAt", "endsAt", "room"):
        created[own] = bool(created[own])
    return created


def _variables(benchmark: str, data: Data) -> dict[str, Any]:
    since, until, now = (instant(each) for each in (data.since, data.until, data.now))
    day, month = (instant(data.since + timedelta(days=days)) for days in (1, 31))
    rooms = [encode_id("Room", room) for room in data.room_ids[:AVAILABILITY_ROOMS]]
    free = {"from": since, "to": until, "durationMinutes": 60}
    variables: dict[str, dict[str, Any]] = {
        "week": {"since": since, "until": until},
        "one": {"id": data.booking_node_id},
        "to_many": {"now": now},
        "search": {"text": FOUND, "now": now},
        "availability": {"query": {**free, "roomIds": rooms}},
        "availability_month": {"query": {**free, "to": month, "roomIds": rooms[:MONTH_ROOMS]}},
        "availability_rooms": {"query": {**free, "to": day}},
    }
    return variables[benchmark]


def _creating(slot: Slot, data: Data) -> dict[str, Any]:
    return {
        "roomId": encode_id("Room", slot.room_id),
        "start": {"at": instant(slot.starts_at)},
        "durationMinutes": MINUTES,
        "customer": {"id": encode_id("Customer", data.customer_id)},
        "partySize": 2,
    }


def instant(at: Any) -> str:
    return str(at.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _body(text: str, variables: dict[str, Any]) -> bytes:
    return orjson.dumps({"query": text, "variables": variables})
