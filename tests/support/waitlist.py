"""Queues of a waitlist that are stored directly, and what each of their entries has got."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text

from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.waitlist import WaitlistEntry
from resolvers.core.transactions import perform
from tests.support.factories import Venue
from tests.support.occupancy import OVERLAPS

# An entry with each standing hold of its customer for its time, in the order of the queue.
_OFFERED: Final = text("""
    SELECT e.status, b.room_id, b.starts_at, b.status AS held,
           (SELECT count(*) FROM waitlist_entries o WHERE o.hold_id = b.id) AS entries,
           b.customer_id = e.customer_id AS is_theirs,
           b.starts_at BETWEEN e.first_start_at AND e.last_start_at AS is_wanted
    FROM waitlist_entries e LEFT JOIN bookings b ON b.id = e.hold_id
    ORDER BY e.id
""")
_LOGGED: Final = text("SELECT count(*) FROM log WHERE type = 'WAITLIST_OFFERED'")
_STANDING: Final = text("SELECT room_id, starts_at FROM bookings WHERE status = 'held'")


@dataclass(frozen=True, slots=True)
class Offered:
    """What a queue has got: ``places`` are those of the entries with an offer."""

    places: Sequence[int]
    slots: Sequence[tuple[Any, datetime]]
    held: Sequence[tuple[Any, datetime]]
    are_right: bool
    overlaps: int
    logged: int


async def make_queue(
    runtime: Runtime, venue: Venue, wishes: Sequence[tuple[datetime, datetime]]
) -> None:
    """Adds an entry for an hour in any room for each span of starts, one after the other.

    A span of one start is an exact one; others are of whole days.
    """

    async def make(scope: Scope) -> None:
        await scope.lock()
        customers = (venue.customer, venue.other_customer)
        for number, (first, last) in enumerate(wishes):
            dates = {"first_date": first.date(), "last_date": last.date()}
            time: dict[str, Any] = {"starts_at": first} if first == last else dates
            scope.add(
                WaitlistEntry(
                    tenant_id=venue.tenant.id,
                    customer_id=customers[number % 2].id,
                    duration_minutes=60,
                    party_size=1,
                    first_start_at=first,
                    last_start_at=last,
                    created_at=scope.now() + timedelta(milliseconds=number),
                    updated_at=scope.now(),
                    **time,
                )
            )

    await perform(runtime, venue.owner.actor, Request(new_id()), make)


async def offered(runtime: Runtime, venue: Venue) -> Offered:
    """Reads the venue's queue."""
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        rows = list(enumerate(await scope.rows(_OFFERED)))
        got = [(place, row) for place, row in rows if row.status == "offered"]
        return Offered(
            places=[place for place, _ in got],
            slots=[(row.room_id, row.starts_at) for _, row in got],
            held=[(row.room_id, row.starts_at) for row in await scope.rows(_STANDING)],
            are_right=all(
                row.held == "held" and row.entries == 1 and row.is_theirs and row.is_wanted
                for _, row in got
            ),
            overlaps=await scope.value(text(OVERLAPS)),
            logged=await scope.value(_LOGGED),
        )
    finally:
        await scope.close()
