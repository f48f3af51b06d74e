"""After a crash, PostgreSQL reuses transaction ids, but none that a cursor contains."""

from collections.abc import AsyncIterator
from datetime import timedelta
from time import monotonic
from typing import Any, Final

import pytest
import pytest_asyncio

from kit.clock import system_clock
from tests.faults.changes import cursor_now
from tests.faults.postgres_faults import App, FaultyPostgres
from tests.races.clients import Client
from tests.support.client import live
from tests.support.factories import Venue, api_id

_BURNT: Final = 60
_TRIES: Final = 10
_BOOK: Final = """mutation ($room: ID!, $at: DateTime!) {
  createBooking(input: {roomId: $room, start: {at: $at}, durationMinutes: 60}) {
    booking { id } userErrors { code }
  }
}"""
_NEW: Final = """subscription ($after: EventCursor) {
  bookingChanged(after: $after) {
    ... on BookingChanged { booking { id } }
    ... on ResyncRequired { reason }
  }
}"""


@pytest_asyncio.fixture
async def forgetful(house: FaultyPostgres) -> AsyncIterator[None]:
    """A server that takes ten seconds to write commits that aren't awaited."""
    await house.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
    await house.execute("SELECT pg_reload_conf()")
    yield
    await house.execute("ALTER SYSTEM RESET wal_writer_delay")
    await house.execute("SELECT pg_reload_conf()")


@pytest.mark.usefixtures("forgetful")
async def test_what_is_done_under_an_id_that_was_given_out_before_is_told(
    house: FaultyPostgres, app: App, venue: Venue
) -> None:
    for number in range(_TRIES):
        given_out = await _burn(house)
        after = await cursor_now(app.address, venue)

        await house.kill_everything()

        await app.is_ready()
        booking = await _book(app, venue, hours=24 + number)
        if await _last_xid(house, venue) <= given_out:
            break
    else:
        pytest.fail("no transaction id was given out again")
    # So that the horizon, which was before, lies beyond again.
    await _burn(house)
    async with live(app.address, token=venue.owner.token) as client:
        stream = await client.subscribe(_NEW, {"after": after})
        event = (await stream.next())["bookingChanged"]

    assert event == {"booking": booking}


async def _burn(house: FaultyPostgres) -> int:
    """Uses up transaction ids by rollbacks, and returns the last one."""
    xid = 0
    async with house.connected() as connection:
        for _ in range(_BURNT):
            await connection.execute("BEGIN")
            xid = await connection.fetchval("SELECT pg_current_xact_id()::text::bigint")
            await connection.execute("ROLLBACK")
    return xid


async def _book(app: App, venue: Venue, *, hours: int) -> Any:
    """Makes a booking, once the database accepts it."""
    at = system_clock().replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
    client = await Client.connect(app.address, token=venue.owner.token)
    deadline = monotonic() + 30
    answer = None
    while answer is None or answer.codes:
        assert monotonic() < deadline, answer
        answer = await client.ask(_BOOK, {"room": api_id(venue.rooms[0]), "at": at})
    await client.close()
    assert answer.refusals == []
    return answer.payload["booking"]


async def _last_xid(house: FaultyPostgres, venue: Venue) -> int:
    async with house.connected() as connection:
        last = "SELECT max(xid::text::bigint) FROM log WHERE tenant_id = $1"
        xid: int = await connection.fetchval(last, venue.tenant.id)
    return xid
