"""What the database has kept of all that writers did, whatever happened meanwhile."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from schema.ids import encode_id
from tests.factories import Venue
from tests.faults.house import House

_OVERLAPS: Final = """
    SELECT count(*) FROM bookings a JOIN bookings b USING (tenant_id, room_id)
    WHERE a.tenant_id = $1 AND a.id < b.id AND a.occupied && b.occupied
    AND a.status IN ('held', 'pending', 'confirmed', 'checked_in')
    AND b.status IN ('held', 'pending', 'confirmed', 'checked_in')
"""
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
    told_bookings: Counter[str]
    told_rooms: Counter[str]


async def ledger(house: House, venue: Venue) -> Ledger:
    """All that the venue's tables say now."""
    tenant_id = venue.tenant.id
    async with house.connected() as connection:

        async def ids(kind: str, sql: str, *values: Any) -> list[str]:
            rows = await connection.fetch(sql, tenant_id, *values)
            return [encode_id(kind, row[0]) for row in rows]

        return Ledger(
            overlaps=await connection.fetchval(_OVERLAPS, tenant_id),
            bookings=set(await ids("Booking", _BOOKINGS)),
            rooms=set(await ids("Room", _ROOMS)),
            used=await connection.fetchval(_USED, tenant_id),
            told_bookings=Counter(await ids("Booking", _TOLD, "BOOKING_CREATED")),
            told_rooms=Counter(await ids("Room", _TOLD, "ROOM_CREATED")),
        )
