"""The selection set of a payload or event is read in one statement too."""

from datetime import UTC, datetime

import pytest_asyncio

from kit.runtime import Runtime
from tests.api.bookings.test_live import cursor_now
from tests.kit.graphql.compiler.conftest import Both, ordered
from tests.support.client import Api, live
from tests.support.desk import BookingClient, made
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.horizon import until_behind_the_horizon
from tests.support.statements import statements

MONDAY = datetime(2027, 3, 8, 9, tzinfo=UTC)
SHOWN = """
  id reference version status startsAt partySize room { name bookings(first: 2) { totalCount } }
  customer { name email } local { start } price { total { amount } }
"""
UPDATE = f"""
mutation ($id: ID!, $version: Int!, $size: Int) {{
  updateBooking(id: $id, version: $version, input: {{partySize: $size}}) {{
    booking {{ {SHOWN} }} userErrors {{ code }}
  }}
}}
"""
READ = f"query ($id: ID!) {{ booking(id: $id) {{ {SHOWN} }} }}"


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def test_the_payload_is_what_is_read_afterwards(
    api: Api, both: Both, runtime: Runtime, venue: Venue
) -> None:
    booking = await make_booking(runtime, venue, MONDAY)
    desk = BookingClient(api, runtime, venue.staff)

    answer = await desk(UPDATE, id=api_id(booking), version=booking.version, size=3)
    read = await both(READ, {"id": api_id(booking)}, token=venue.staff.token)

    assert made(answer)["partySize"] == 3
    assert ordered(made(answer)) == ordered(read.data["booking"])


async def test_what_it_reads_is_read_by_the_statement_that_stores(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    booking = await make_booking(runtime, venue, MONDAY)
    desk = BookingClient(api, runtime, venue.staff)
    plain = UPDATE.replace(SHOWN, "id version")

    with statements(runtime) as without:
        await desk(plain, id=api_id(booking), version=1, size=3)
    with statements(runtime) as sent:
        await desk(UPDATE, id=api_id(booking), version=2, size=4)

    assert len(sent) == len(without)


async def test_several_rows_take_one_statement(api: Api, runtime: Runtime, venue: Venue) -> None:
    booking = await make_booking(runtime, venue, MONDAY)
    desk = BookingClient(api, runtime, venue.staff)
    cancel = f"""mutation ($id: ID!, $version: Int!) {{
      cancelBooking(id: $id, version: $version, input: {{}}) {{
        bookings {{ {SHOWN} }} userErrors {{ code }}
      }} }}"""

    answer = await desk(cancel, id=api_id(booking), version=1)

    (cancelled,) = made(answer)
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["room"]["bookings"] == {"totalCount": 1}


async def test_an_event_shows_what_a_query_shows(
    api: Api, both: Both, runtime: Runtime, venue: Venue, server: str
) -> None:
    booking = await make_booking(runtime, venue, MONDAY)
    desk = BookingClient(api, runtime, venue.staff)
    text = f"""subscription ($after: EventCursor) {{ bookingChanged(after: $after) {{
      ... on BookingChanged {{ type booking {{ {SHOWN} }} }} }} }}"""

    await until_behind_the_horizon(runtime, venue.staff)
    after = await cursor_now(api, venue.staff)
    async with live(server, token=venue.staff.token) as client:
        stream = await client.subscribe(text, {"after": after})
        await desk(UPDATE, id=api_id(booking), version=1, size=2)
        event = await stream.next()
    read = await both(READ, {"id": api_id(booking)}, token=venue.staff.token)

    assert ordered(event["bookingChanged"]["booking"]) == ordered(read.data["booking"])
