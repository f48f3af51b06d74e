"""Killed workers lose no free time, and offer none twice."""

import asyncio
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Final

import asyncpg
from sqlalchemy import update
from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.core.log_events import Event, EventType
from jobs.event_handlers import EVENT_HANDLERS
from jobs.event_reader import begin
from kit.actor import Request
from kit.clock import system_clock
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking
from resolvers.core.transactions import perform
from tests.jobs.worker_processes import Workers, quick
from tests.support.factories import Venue, make_booking, make_venue
from tests.support.waitlist import make_queue, offered

PATIENCE_SECONDS: Final = 90
FREED: Final = 20
KILLS: Final = 3

# A worker is killed in the middle of an offer.
_SLOW: Final = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN new; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON log FOR EACH ROW
    WHEN (new.type = 'WAITLIST_OFFERED') EXECUTE FUNCTION slow();
"""


async def _cancel(runtime: Runtime, venue: Venue, booking: Booking) -> None:
    async def cancel(scope: Scope) -> None:
        await scope.lock(("room", booking.room_id))
        await scope.run(
            update(Booking)
            .where(col(Booking.id) == booking.id)
            .values(status=Status.CANCELLED.value, version=2)
        )
        scope.emit(Event(EventType.BOOKING_CANCELLED, "Booking", booking.id))

    await perform(runtime, venue.owner.actor, Request(new_id()), cancel)


async def test_killed_workers_offer_each_free_time_to_exactly_one(
    present: Runtime, database: DatabaseUrls, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    venue = await make_venue(present, rooms=2, time_zone="UTC")
    tomorrow = system_clock().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    starts = [tomorrow + timedelta(hours=number) for number in range(FREED // 2)]
    booked = [
        await make_booking(present, venue, start, room=room)
        for start in starts
        for room in venue.rooms
    ]
    await make_queue(present, venue, [(start, start) for start in starts for _ in range(3)])
    relay = Database(database.relay.sqlalchemy, pool_size=1)
    for handler in EVENT_HANDLERS:
        await begin(relay, handler)
    await relay.close()
    await admin.execute(_SLOW)
    for booking in booked:
        await _cancel(present, venue, booking)

    workers, killed = Workers(quick, database, tmp_path), 0
    deadline = monotonic() + PATIENCE_SECONDS
    try:
        workers.start()
        workers.start()
        while (got := len((await offered(present, venue)).slots)) < FREED:
            assert monotonic() < deadline, workers.printed
            workers.check()
            if killed < KILLS and got >= FREED * (killed + 1) // (KILLS + 2):
                workers.kill(oldest=True)
                workers.start()
                killed += 1
            await asyncio.sleep(0.01)
        # What was interrupted is done again, and finds nothing more to offer.
        while await admin.fetchval(
            "SELECT count(*) FROM queue.pgqueuer WHERE entrypoint LIKE '%waitlist'"
        ):
            assert monotonic() < deadline, workers.printed
            await asyncio.sleep(0.05)
    finally:
        workers.end()

    now = await offered(present, venue)
    assert killed == KILLS
    assert sorted(now.slots) == sorted(
        {(room.id, start) for room in venue.rooms for start in starts}
    )
    assert now.are_right
    assert (now.overlaps, now.logged) == (0, FREED)
    # Two of the three who want a start get it, and the third waits on.
    assert now.places == [place for place in range(3 * len(starts)) if place % 3 < 2]
