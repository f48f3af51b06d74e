"""Due work is done once, although the database stops under the workers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from time import monotonic
from typing import Final

import pytest
import pytest_asyncio

from domain.bookings.lifecycle import Status
from jobs.due_bookings import find_past_bookings
from kit.clock import system_clock
from kit.postgres.connection_urls import trusted_urls
from kit.postgres.database import Database
from schema.core.global_ids import encode_id
from tests.faults.conftest import Say
from tests.faults.ledger import logged
from tests.faults.postgres_faults import FaultyPostgres
from tests.support.factories import Venue, make_booking

NUMBER: Final = 40
_PATIENCE_SECONDS: Final = 120

_SLOW: Final = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN new; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION slow();
"""


@pytest_asyncio.fixture
async def slow(house: FaultyPostgres) -> AsyncIterator[None]:
    """Something to be killed in, however fast the machine."""
    await house.execute(_SLOW)
    yield
    await house.execute("DROP FUNCTION slow CASCADE")


@pytest.mark.usefixtures("app", "slow")
async def test_what_is_due_is_done_once_though_the_postmaster_is_killed(
    house: FaultyPostgres, venue: Venue, say: Say
) -> None:
    """By the worker of a server that goes on, with the connections that it has left."""
    holds, past = await _due(house, venue)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await logged(house, venue, "Booking", "BOOKING_COMPLETED"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    await house.kill_everything()

    back = monotonic()
    done = await logged(house, venue, "Booking", "BOOKING_COMPLETED")
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while await _undone(house, venue):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    say(
        f"{len(done)} of {NUMBER} bookings were completed when the postmaster was killed; the "
        f"rest, and {NUMBER} holds, {monotonic() - back:.1f} s after the database was back"
    )
    assert await logged(house, venue, "Booking", "BOOKING_EXPIRED") == Counter(holds)
    assert await logged(house, venue, "Booking", "BOOKING_COMPLETED") == Counter(past)
    assert len(done) < NUMBER


async def _due(house: FaultyPostgres, venue: Venue) -> tuple[list[str], list[str]]:
    """Returns the ids of holds that end in a moment, and of bookings that are over, in jobs."""
    now = system_clock().replace(minute=0, second=0, microsecond=0)
    soon = system_clock() + timedelta(seconds=1)
    async with house.runtime() as runtime:
        holds = [
            await make_booking(
                runtime,
                venue,
                now + timedelta(days=2, hours=hours),
                status=Status.HELD,
                hold_expires_at=soon,
            )
            for hours in range(NUMBER)
        ]
        past = [
            await make_booking(
                runtime, venue, now - timedelta(days=2, hours=hours), status=Status.CHECKED_IN
            )
            for hours in range(NUMBER)
        ]
        relay = Database(trusted_urls(house.url).relay.sqlalchemy, pool_size=1)
        await find_past_bookings(runtime, relay)
        await relay.close()
    holds_ids, past_ids = ([encode_id("Booking", each.id) for each in all] for all in (holds, past))
    return holds_ids, past_ids


async def _undone(house: FaultyPostgres, venue: Venue) -> int:
    """Counts bookings yet to be expired or completed, and waiting jobs."""
    async with house.connected() as connection:
        number: int = await connection.fetchval(
            """SELECT (SELECT count(*) FROM bookings WHERE tenant_id = $1
                       AND status IN ('held', 'checked_in'))
               + (SELECT count(*) FROM queue.pgqueuer WHERE status <> 'failed')""",
            venue.tenant.id,
        )
    return number
