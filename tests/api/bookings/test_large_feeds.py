"""A calendar feed of 20,000 bookings is made in less than a second of processor time."""

from time import process_time
from typing import Final

import asyncpg
import pytest

from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from tests.api.bookings.test_calendar_feeds import fetch, made
from tests.support.client import Api
from tests.support.factories import make_venue

COUNT: Final = 20_000
FILL: Final = """
    INSERT INTO bookings (
        tenant_id, id, reference, room_id, customer_id, status, starts_at, ends_at, occupied,
        party_size, note, currency_code, was_confirmed, version, link_version, created_at,
        updated_at
    )
    SELECT $1, gen_random_uuid(), 'N' || number, ($2::uuid[])[1 + number % 4], $3, 'confirmed',
        start, start + interval '1 hour', tstzrange(start, start + interval '1 hour'), 4,
        'Zwölf Stühle, bitte; am Fenster', 'EUR', false, 1, 1, start, start
    FROM generate_series(0, $4 - 1) AS number,
        LATERAL (SELECT timestamptz '2027-03-02Z' + number / 4 * interval '1 hour') AS at (start)
"""


@pytest.mark.soak
@pytest.mark.parametrize("detail", ["BUSY", "FULL"])
async def test_a_large_feed_is_made_within_a_second(
    api: Api, runtime: Runtime, database: DatabaseUrls, detail: str
) -> None:
    venue = await make_venue(runtime, rooms=4)
    admin = await asyncpg.connect(database.owner)
    rooms = [room.id for room in venue.rooms]
    await admin.execute(FILL, venue.tenant.id, rooms, venue.customer.id, COUNT)
    await admin.close()
    feed = await made(api, venue.staff, detail=detail)

    begun = process_time()
    response = await fetch(api, feed["url"])
    seconds = process_time() - begun
    begun = process_time()
    same = await fetch(api, feed["url"], response.headers["etag"])
    seconds_of_same = process_time() - begun

    assert response.content.count(b"BEGIN:VEVENT") == COUNT
    assert same.status_code == 304
    assert seconds < 1
    assert seconds_of_same < 0.1
