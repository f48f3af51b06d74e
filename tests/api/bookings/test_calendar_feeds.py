"""Calendar feeds over HTTP, as the `icalendar` package reads them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from icalendar import Calendar

from domain.bookings.lifecycle import Status
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from resolvers.bookings import calendar_feeds
from tests.api.accounts.test_api_keys import create as create_key
from tests.api.bookings.test_room_parts import set_parts
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BookingClient
from tests.support.factories import Person, Venue, api_id, make_booking, make_venue
from tests.support.horizon import until_behind_the_horizon

NOON: Final = MONDAY_MORNING + timedelta(days=1, hours=3)
HOUR: Final = timedelta(hours=1)
CREATE: Final = """
    mutation ($input: CreateCalendarFeedInput!) {
      createCalendarFeed(input: $input) {
        feed { id detail room { name } customer { name } createdBy { name } createdAt revokedAt }
        url
        userErrors { code path message }
      }
    }
"""
REVOKE: Final = """
    mutation ($id: ID!) {
      revokeCalendarFeed(id: $id) { feed { revokedAt } userErrors { code path } }
    }
"""
LIST: Final = "{ calendarFeeds { totalCount nodes { id detail revokedAt } } }"
RESCHEDULE: Final = """
    mutation ($id: ID!, $input: RescheduleBookingInput!) {
      rescheduleBooking(id: $id, version: 1, input: $input) { userErrors { code message } }
    }
"""
CANCEL: Final = """
    mutation ($id: ID!, $version: Int!) {
      cancelBooking(id: $id, version: $version) { userErrors { code message } }
    }
"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0, time_zone="America/New_York")


@pytest_asyncio.fixture
async def admin(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


async def create(api: Api, token: str, **given: object) -> Answer:
    return await api(CREATE, {"input": {"detail": "FULL", **given}}, token=token)


async def made(api: Api, by: Person, **given: object) -> Any:
    """Returns a new feed: the payload."""
    answer = await create(api, by.token, **given)
    assert answer.refusals == []
    return answer.payload


async def fetch(api: Api, url: str, etag: str = "") -> httpx2.Response:
    return await api.http.get(url, headers={"If-None-Match": etag} if etag else {})


async def events(api: Api, url: str) -> list[Any]:
    """Returns the events of a feed, in the order of their starts."""
    response = await fetch(api, url)
    assert response.status_code == 200, response.text
    found: list[Any] = Calendar.from_ical(response.content).walk("VEVENT")
    return sorted(found, key=lambda each: each["DTSTART"].dt)


async def test_a_feed_follows_the_bookings(api: Api, runtime: Runtime, venue: Venue) -> None:
    booking = await make_booking(runtime, venue, NOON, reference="AAAA-1111")
    pending = await make_booking(runtime, venue, NOON + timedelta(days=1), status=Status.PENDING)
    feed = await made(api, venue.staff)
    assert feed["feed"] | {"id": ...} == {
        "id": ...,
        "detail": "FULL",
        "room": None,
        "customer": None,
        "createdBy": {"name": "Staff"},
        "createdAt": "2027-03-01T09:00:00Z",
        "revokedAt": None,
    }

    first, second = await events(api, feed["url"])
    assert (first["DTSTART"].dt, first["DTEND"].dt) == (NOON, NOON + HOUR)
    assert (first["SUMMARY"], first["LOCATION"]) == (venue.customer.name, "Room 1")
    assert first["DESCRIPTION"] == "Reference: AAAA-1111\nGuests: 1"
    assert (first["STATUS"], second["STATUS"]) == ("CONFIRMED", "TENTATIVE")
    assert first["SEQUENCE"] == 0

    later = {"start": {"at": "2027-03-02T15:00:00Z"}, "roomId": api_id(venue.rooms[1])}
    moved = {"id": api_id(booking), "input": later}
    assert (await api(RESCHEDULE, moved, token=venue.staff.token)).refusals == []
    (again, _) = await events(api, feed["url"])
    assert again["UID"] == first["UID"]
    assert again["SEQUENCE"] > first["SEQUENCE"]
    assert again["DTSTART"].dt == datetime(2027, 3, 2, 15, tzinfo=UTC)
    assert again["LOCATION"] == "Room 2"

    gone = {"id": api_id(pending), "version": 1}
    assert (await api(CANCEL, gone, token=venue.staff.token)).refusals == []
    assert [each["UID"] for each in await events(api, feed["url"])] == [first["UID"]]


async def test_a_busy_feed_tells_the_times_alone(api: Api, runtime: Runtime, venue: Venue) -> None:
    booking = await make_booking(runtime, venue, NOON, reference="AAAA-1111")
    feed = await made(api, venue.staff, detail="BUSY")

    (entry,) = await events(api, feed["url"])

    text = (await fetch(api, feed["url"])).text
    assert entry["DTSTART"].dt == NOON
    assert set(entry) == {"UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "SUMMARY"}
    assert entry["SUMMARY"] == "Busy"
    for secret in (booking.reference, venue.customer.name, "Room 1", str(booking.id)):
        assert secret not in text


async def test_a_feed_is_of_a_room_or_a_customer(api: Api, runtime: Runtime, venue: Venue) -> None:
    await make_booking(runtime, venue, NOON)
    await make_booking(
        runtime, venue, NOON, room=venue.rooms[1], customer=venue.other_customer, minutes=90
    )
    of_room = await made(api, venue.staff, roomId=api_id(venue.rooms[1]))
    of_customer = await made(api, venue.staff, customerId=api_id(venue.customer))
    of_all = await made(api, venue.staff)

    (in_room,) = await events(api, of_room["url"])
    (of_guest,) = await events(api, of_customer["url"])

    assert of_room["feed"]["room"] == {"name": "Room 2"}
    assert in_room["DTEND"].dt == NOON + timedelta(minutes=90)
    assert f"X-WR-CALNAME:Room 2\\, {venue.tenant.name}" in (await fetch(api, of_room["url"])).text
    # A customer knows their own name.
    assert (of_guest["SUMMARY"], of_guest["LOCATION"]) == (venue.tenant.name, "Room 1")
    assert len(await events(api, of_all["url"])) == 2


async def test_a_rooms_feed_has_what_takes_time_of_its_parts(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=4, min_notice_minutes=0)
    hall, left, right, studio = venue.rooms
    desk = BookingClient(api, runtime, venue.manager)
    assert (await set_parts(desk, hall, [left, right])).refusals == []
    customer = {"id": api_id(venue.customer)}
    for room, hours, also in ((hall, 0, []), (left, 2, []), (studio, 4, [api_id(right)])):
        at = NOON + hours * HOUR
        booked = await desk.create(room, at, customer=customer, alsoRoomIds=also)
        assert booked.refusals == []

    feeds = [await made(api, venue.staff, roomId=api_id(each)) for each in (hall, left, right)]

    found = [await events(api, each["url"]) for each in feeds]
    starts = [[(each["DTSTART"].dt - NOON) // HOUR for each in shown] for shown in found]
    assert starts == [[0, 2, 4], [0, 2], [0, 4]]
    assert found[2][1]["LOCATION"] == "Room 4, Room 3"


async def test_a_feed_shows_what_takes_place_within_its_window(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    midnight = MONDAY_MORNING.replace(hour=0)
    first, last = midnight - timedelta(days=90), midnight + timedelta(days=400)
    for start in (first - HOUR, first, last - HOUR, last):
        status = Status.COMPLETED if start < MONDAY_MORNING else Status.CONFIRMED
        await make_booking(runtime, venue, start, status=status)
    for status in (Status.CANCELLED, Status.REJECTED, Status.NO_SHOW, Status.EXPIRED):
        await make_booking(runtime, venue, NOON, status=status)
    await make_booking(runtime, venue, NOON, status=Status.HELD, hold_expires_at=NOON - HOUR)
    feed = await made(api, venue.staff)

    found = [each["DTSTART"].dt for each in await events(api, feed["url"])]

    assert found == [first, last - HOUR]


async def test_what_a_reader_has_is_not_sent_again(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    booking = await make_booking(runtime, venue, NOON)
    feed = await made(api, venue.staff)
    whole = await fetch(api, feed["url"])
    etag = whole.headers["etag"]
    assert etag.startswith('W/"')
    assert whole.headers["content-type"] == "text/calendar; charset=utf-8"
    assert whole.headers["cache-control"] == "private, no-cache"

    # An entry of the log that changes no feed.
    await made(api, venue.staff)
    same = await fetch(api, feed["url"], etag)
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    head = await api.http.head(feed["url"])
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))

    gone = {"id": api_id(booking), "version": 1}
    assert (await api(CANCEL, gone, token=venue.staff.token)).refusals == []
    await until_behind_the_horizon(runtime, venue.owner)
    changed = await fetch(api, feed["url"], etag)
    assert changed.status_code == 200 and b"VEVENT" not in changed.content
    clock.advance(days=1)
    assert (await fetch(api, feed["url"], changed.headers["etag"])).status_code == 200


async def test_a_reader_is_told_of_a_change_that_is_committed_late(
    api: Api, runtime: Runtime, venue: Venue, admin: asyncpg.Connection
) -> None:
    bookings = [await make_booking(runtime, venue, NOON + hours * HOUR) for hours in (0, 2)]
    feed = await made(api, venue.staff)
    gone = [{"id": api_id(each), "version": 1} for each in bookings]
    async with admin.transaction():
        # Nothing that is committed meanwhile has a place in the log yet.
        await admin.execute("SELECT pg_current_xact_id()")
        assert (await api(CANCEL, gone[0], token=venue.staff.token)).refusals == []
        early = (await fetch(api, feed["url"])).headers["etag"]
        assert (await api(CANCEL, gone[1], token=venue.staff.token)).refusals == []
    await until_behind_the_horizon(runtime, venue.owner)

    late = await fetch(api, feed["url"], early)

    assert late.status_code == 200 and b"VEVENT" not in late.content


async def test_a_revoked_feed_is_unknown(api: Api, venue: Venue) -> None:
    feed = await made(api, venue.staff)
    revoked = await api(REVOKE, {"id": feed["feed"]["id"]}, token=venue.manager.token)
    assert revoked.payload["feed"] == {"revokedAt": "2027-03-01T09:00:00Z"}
    tenant = venue.tenant.id.hex

    answers = [
        await fetch(api, url)
        for url in (
            feed["url"],
            feed["url"].replace(".ics", "x.ics"),
            f"/feeds/{new_id().hex}.{'x' * 43}.ics",
            f"/feeds/{tenant}.ics",
            f"/feeds/{tenant}.%00%FF.ics",
            f"/feeds/{'x' * 5_000}.ics",
        )
    ]

    assert {(each.status_code, each.text) for each in answers} == {
        (404, '{"message":"There is no such feed."}')
    }
    again = await api(REVOKE, {"id": feed["feed"]["id"]}, token=venue.manager.token)
    assert again.refusals == []


async def test_a_feed_ends_with_the_rights_of_its_creator(
    api: Api, runtime: Runtime, venue: Venue, admin: asyncpg.Connection
) -> None:
    await make_booking(runtime, venue, NOON, reference="AAAA-1111")
    scopes = ("feeds:write", "bookings:read")
    key = (await create_key(api, venue.owner.token, *scopes)).payload["secret"]
    alone = "mutation { createCalendarFeed(input: { detail: FULL }) { url } }"
    of_key = (await api(alone, token=key)).payload
    of_staff = await made(api, venue.staff, detail="BUSY")

    (entry,) = await events(api, of_key["url"])
    customers = await create(api, key, customerId=api_id(venue.customer))
    assert entry["SUMMARY"] == "Booking AAAA-1111"
    assert customers.codes == ["FORBIDDEN"]

    await admin.execute("UPDATE api_keys SET permissions = '[\"feeds:write\"]'")
    await admin.execute(
        "UPDATE users SET deactivated_at = now() WHERE id = $1", venue.staff.user.id
    )
    answers = [await fetch(api, each["url"]) for each in (of_key, of_staff)]
    assert [each.status_code for each in answers] == [403, 403]


async def test_feeds_are_of_what_there_is_and_one_may_see(
    api: Api, runtime: Runtime, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await make_venue(runtime)
    room, customer = api_id(venue.rooms[0]), api_id(venue.customer)
    await made(api, venue.staff)
    monkeypatch.setattr(calendar_feeds, "MAX_FEEDS", 1)

    by_guest = await create(api, venue.guest.token)
    of_other = await create(api, venue.guest.token, customerId=api_id(venue.other_customer))
    refused = [
        await create(api, venue.staff.token, roomId=room, customerId=customer),
        await create(api, venue.staff.token, roomId=api_id(other.rooms[0])),
        await create(api, venue.staff.token, customerId=api_id(other.customer)),
        await create(api, venue.staff.token),
    ]

    assert (by_guest.codes, of_other.codes) == (["FORBIDDEN"], ["FORBIDDEN"])
    errors = [error for each in refused for error in each.payload["userErrors"]]
    assert [(each["code"], each["path"]) for each in errors] == [
        ("INVALID", ["input", "customerId"]),
        ("NOT_FOUND", ["input", "roomId"]),
        ("NOT_FOUND", ["input", "customerId"]),
        ("QUOTA_EXCEEDED", None),
    ]
    assert (await api(LIST, token=venue.staff.token)).payload["totalCount"] == 1


async def test_a_customer_has_feeds_of_their_own_bookings(
    api: Api, runtime: Runtime, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar_feeds, "MAX_OWN_FEEDS", 1)
    monkeypatch.setattr(calendar_feeds, "MAX_FEEDS", 1)
    await make_booking(runtime, venue, NOON)
    await make_booking(runtime, venue, NOON + HOUR, customer=venue.other_customer)
    create_own = f"""mutation {{
      createCalendarFeed(input: {{ detail: FULL, customerId: "{api_id(venue.customer)}" }}) {{
        feed {{ id detail }} url userErrors {{ code }}
      }}
    }}"""
    await made(api, venue.staff)

    own = (await api(create_own, token=venue.guest.token)).payload
    again = await api(create_own, token=venue.guest.token)
    listed = await api(LIST, token=venue.guest.token)
    (entry,) = await events(api, own["url"])

    assert again.refusals == ["QUOTA_EXCEEDED"]
    assert [each["id"] for each in listed.payload["nodes"]] == [own["feed"]["id"]]
    assert (entry["DTSTART"].dt, entry["SUMMARY"]) == (NOON, venue.tenant.name)
    revoked = await api(REVOKE, {"id": own["feed"]["id"]}, token=venue.guest.token)
    assert revoked.refusals == []
    assert (await fetch(api, own["url"])).status_code == 404


async def test_only_the_hash_of_an_address_is_kept(
    api: Api, venue: Venue, admin: asyncpg.Connection
) -> None:
    feed = await made(api, venue.staff)
    secret = feed["url"].removeprefix("/feeds/").removesuffix(".ics")

    sql = "SELECT * FROM calendar_feeds WHERE tenant_id = $1"
    row: Any = await admin.fetchrow(sql, venue.tenant.id)
    logged = await admin.fetchval(
        "SELECT after::text FROM log WHERE tenant_id = $1 AND type = 'CALENDAR_FEED_CREATED'",
        venue.tenant.id,
    )

    assert secret.partition(".")[2] not in repr(row) + logged
    assert len(row["secret_hash"]) == 32
