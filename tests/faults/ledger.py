"""Reads what the database stored of the writers' changes."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from schema.core.global_ids import encode_id
from tests.faults.postgres_faults import FaultyPostgres
from tests.support.factories import Venue
from tests.support.occupancy import OVERLAPS

_BOOKINGS: Final = "SELECT id FROM bookings WHERE tenant_id = $1"
_ROOMS: Final = "SELECT id FROM rooms WHERE tenant_id = $1 AND name LIKE 'Added %'"
_TOLD: Final = "SELECT subject_id FROM log WHERE tenant_id = $1 AND type = $2"
_USED: Final = """
    SELECT coalesce(sum(used), 0)::int FROM usage_counters
    WHERE tenant_id = $1 AND meter = 'bookings'
"""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Ids as clients know them; what was ``told`` are the objects of the log's events."""

    overlaps: int
    bookings: set[str]
    rooms: set[str]
    used: int
    logged_bookings: Counter[str]
    logged_rooms: Counter[str]


async def ledger(house: FaultyPostgres, venue: Venue) -> Ledger:
    """Reads the venue's tables."""
    tenant_id = venue.tenant.id
    async with house.connected() as connection:
        bookings = await connection.fetch(_BOOKINGS, tenant_id)
        rooms = await connection.fetch(_ROOMS, tenant_id)
        return Ledger(
            overlaps=await connection.fetchval(OVERLAPS),
            bookings={encode_id("Booking", row["id"]) for row in bookings},
            rooms={encode_id("Room", row["id"]) for row in rooms},
            used=await connection.fetchval(_USED, tenant_id),
            logged_bookings=await logged(house, venue, "Booking", "BOOKING_CREATED"),
            logged_rooms=await logged(house, venue, "Room", "ROOM_CREATED"),
        )


async def logged(house: FaultyPostgres, venue: Venue, kind: str, event: str) -> Counter[str]:
    """Counts log entries by object of a type."""
    async with house.connected() as connection:
        rows = await connection.fetch(_TOLD, venue.tenant.id, event)
    return Counter(encode_id(kind, row["subject_id"]) for row in rows)
