"""Past bookings are completed by the system, once, each by a job."""

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select
from sqlmodel import col

from domain.bookings.lifecycle import Status, is_over
from jobs.due_bookings import find_past_bookings
from kit.actor import Request
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.audit.log import LogEntry
from models.bookings.bookings import Booking
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.factories import Venue, make_booking, make_venue
from tests.support.work import run_due_jobs

AT_NINE = MONDAY_MORNING
AT_TEN = MONDAY_MORNING + timedelta(hours=1)
DAY = timedelta(days=1)
MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("status", "after_its_end", "expected"),
    [
        (Status.CHECKED_IN, -MOMENT, False),
        (Status.CHECKED_IN, timedelta(0), True),
        (Status.CONFIRMED, DAY - MOMENT, False),
        (Status.CONFIRMED, DAY, True),
        (Status.PENDING, 9 * DAY, False),
        (Status.HELD, 9 * DAY, False),
        (Status.NO_SHOW, 9 * DAY, False),
    ],
)
def test_when_a_booking_is_over(status: Status, after_its_end: timedelta, expected: bool) -> None:
    assert is_over(status, AT_TEN, now=AT_TEN + after_its_end) is expected


async def complete(runtime: Runtime, relay: Database) -> None:
    await find_past_bookings(runtime, relay)
    await run_due_jobs(runtime)


async def state_of(runtime: Runtime, venue: Venue, id: UUID) -> tuple[str, list[tuple[str, str]]]:
    """Returns the booking's status, and its log entries with their actors."""
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        booking = await scope.one(select(Booking).where(col(Booking.id) == id))
        entries = await scope.all(select(LogEntry).where(col(LogEntry.subject_id) == id))
    finally:
        await scope.close()
    assert booking is not None
    return booking.status, [(each.type, each.actor_kind) for each in entries]


@pytest.mark.parametrize(
    ("status", "start", "waits", "expected"),
    [
        (Status.CHECKED_IN, AT_NINE, timedelta(hours=1), ("completed", "BOOKING_COMPLETED")),
        # Until then, the venue can mark it as a no-show.
        (Status.CONFIRMED, AT_NINE, timedelta(hours=25), ("completed", "BOOKING_COMPLETED")),
    ],
)
async def test_a_past_booking_is_closed_once_and_to_the_second(
    runtime: Runtime,
    relay: Database,
    clock: StoppedClock,
    *,
    status: Status,
    start: datetime,
    waits: timedelta,
    expected: tuple[str, str],
) -> None:
    venue = await make_venue(runtime)
    booking = await make_booking(runtime, venue, start, status=status)

    clock.advance(seconds=waits.total_seconds() - 1)
    await complete(runtime, relay)
    before, _ = await state_of(runtime, venue, booking.id)
    clock.advance(seconds=1)
    await complete(runtime, relay)
    await complete(runtime, relay)

    closed, event = expected
    assert before == status
    assert await state_of(runtime, venue, booking.id) == (closed, [(event, "SYSTEM")])


async def test_bookings_of_every_tenant_are_completed_in_several_batches(
    runtime: Runtime,
    relay: Database,
    clock: StoppedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobs.due_bookings.BATCH", 2)
    first, second = await make_venue(runtime), await make_venue(runtime)
    pairs = [
        (venue, await make_booking(runtime, venue, AT_NINE - hours, status=Status.CHECKED_IN))
        for venue in (first, second)
        for hours in (timedelta(0), timedelta(hours=1), timedelta(hours=2))
    ]
    clock.advance(hours=1)

    await complete(runtime, relay)

    for venue, booking in pairs:
        assert (await state_of(runtime, venue, booking.id))[0] == "completed"


async def test_a_booking_whose_job_is_dead_gets_no_other(
    runtime: Runtime, relay: Database, clock: StoppedClock, queue: asyncpg.Connection
) -> None:
    venue = await make_venue(runtime)
    booking = await make_booking(runtime, venue, AT_NINE, status=Status.CHECKED_IN)
    clock.advance(hours=1)
    await queue.execute(
        """INSERT INTO queue.pgqueuer (priority, status, entrypoint, headers)
           VALUES (0, 'failed', 'complete_booking', jsonb_build_object('key', $1::text))""",
        str(booking.id),
    )

    await find_past_bookings(runtime, relay)

    assert await queue.fetchval("SELECT count(*) FROM queue.pgqueuer") == 1
