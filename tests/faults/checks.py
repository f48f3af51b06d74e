"""Checks that must hold after every fault."""

from collections.abc import Sequence

from tests.faults.ledger import ledger
from tests.faults.postgres_faults import FaultyPostgres
from tests.faults.writers import Report
from tests.support.factories import Venue


async def check_books(
    house: FaultyPostgres, venue: Venue, report: Report, *, besides: Sequence[str] = ()
) -> None:
    """Checks that acknowledged changes are stored once, and nothing else but some bookings."""
    kept = await ledger(house, venue)
    assert set(report.refusals) <= {"SLOT_TAKEN"}
    assert max(len(ids) for ids in report.won.values()) == 1
    assert kept.bookings == {*report.bookings, *besides}
    assert kept.rooms == set(report.rooms) and len(kept.rooms) == len(report.rooms)
    assert kept.logged_bookings == dict.fromkeys(report.bookings, 1)
    assert kept.logged_rooms == dict.fromkeys(report.rooms, 1)
    assert kept.used == len(report.bookings)
    assert kept.overlaps == 0
