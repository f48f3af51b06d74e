"""Reads the outcome of a race from the database: bookings, log and counter."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from domain.core.intervals import Interval
from domain.core.log_events import EventType
from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from schema.core.global_ids import encode_id
from tests.support.factories import Venue
from tests.support.occupancy import OVERLAPS

_LOG = text("SELECT type, subject_type, subject_id FROM log ORDER BY xid, position")
_USED = text("SELECT coalesce(sum(used), 0) FROM usage_counters WHERE meter = 'bookings'")
_STANDING = text("""
    SELECT id, starts_at, ends_at FROM bookings
    WHERE status IN ('held', 'pending', 'confirmed', 'checked_in')
""")


@dataclass(frozen=True, slots=True)
class Books:
    """``log`` has types and ids of objects in commit order; ``standing`` is who has which time."""

    overlaps: int
    log: Sequence[tuple[EventType, str]]
    used: int
    standing: dict[str, Interval]

    @property
    def of_clients(self) -> list[tuple[EventType, str]]:
        """The callers' changes of bookings, without expiries of holds."""
        return [
            (type, id)
            for type, id in self.log
            if type.startswith("BOOKING_") and type is not EventType.BOOKING_EXPIRED
        ]

    def logged(self, type: EventType) -> list[str]:
        """Returns the objects of all events of a type."""
        return [id for each, id in self.log if each is type]

    def after(self, type: EventType) -> list[tuple[EventType, str]]:
        """Returns everything after the first event of a type."""
        types = [each for each, _ in self.log]
        return list(self.log[types.index(type) + 1 :])


async def books(runtime: Runtime, venue: Venue) -> Books:
    """Reads the venue's tables."""
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        return Books(
            overlaps=await scope.value(text(OVERLAPS)),
            log=[
                (EventType(type), encode_id(kind, id)) for type, kind, id in await scope.rows(_LOG)
            ],
            used=await scope.value(_USED),
            standing={
                encode_id("Booking", id): Interval(start, end)
                for id, start, end in await scope.rows(_STANDING)
            },
        )
    finally:
        await scope.close()
