"""Exports over the API: files of what the caller may read, for a week."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import asyncpg
import pytest_asyncio

from domain.bookings.lifecycle import Status
from domain.tenants.plans import PlanCode
from jobs.exports import purge_exports
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.accounts.test_api_keys import made as make_key
from tests.api.analytics.exporting import (
    RETRY,
    create,
    download,
    export,
    exported,
    rows_of,
)
from tests.support.client import Api, live
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BookingClient, made
from tests.support.factories import Person, Venue, api_id, make_booking, make_venue
from tests.support.work import run_due_jobs

SPAN = {"from": "2027-03-01", "until": "2027-03-08"}
LIST = "{ exports { nodes { id kind } totalCount } }"
CHANGED = "subscription ($id: ID!) { exportChanged(id: $id) { status rowCount url } }"
AUDIT = "{ auditLog(first: 20) { nodes { type actor { kind } ipAddress } } }"


async def booked_venue(runtime: Runtime) -> Venue:
    """Returns a venue with three bookings, one of them cancelled, and a hold."""
    venue = await make_venue(runtime, time_zone="America/New_York", currency="USD")
    start = MONDAY_MORNING + timedelta(hours=6)
    await make_booking(runtime, venue, start, reference="AAAA1111")
    await make_booking(
        runtime, venue, start + timedelta(days=1), reference="BBBB2222", room=venue.rooms[1]
    )
    await make_booking(
        runtime, venue, start + timedelta(days=2), reference="CCCC3333", status=Status.CANCELLED
    )
    await make_booking(
        runtime,
        venue,
        start + timedelta(days=3),
        reference="DDDD4444",
        status=Status.HELD,
        hold_expires_at=start + timedelta(days=30),
    )
    return venue


@pytest_asyncio.fixture
async def admin(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


async def test_a_manager_exports_bookings_and_downloads_them(api: Api, runtime: Runtime) -> None:
    venue = await booked_venue(runtime)

    created = (await create(api, venue.manager, "BOOKINGS", span=SPAN)).payload["requestedExport"]
    assert (created["status"], created["progress"], created["url"]) == ("QUEUED", 0, None)
    await run_due_jobs(runtime)
    made = await export(api, venue.manager, created["id"])

    assert (made["status"], made["progress"], made["rowCount"]) == ("DONE", 100, 3)
    assert (made["from"], made["until"], made["failure"]) == ("2027-03-01", "2027-03-08", None)
    assert made["expiresAt"] == "2027-03-08T09:00:00Z"
    response = await download(api, made["url"])
    assert response.status_code == 200
    assert len(response.content) == made["byteCount"]
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == (
        'attachment; filename="bookings-2027-03-01-2027-03-08.csv"'
    )
    first, second, third = await rows_of(api, made)
    assert first == {
        "Id": first["Id"],
        "Reference": "AAAA1111",
        "Status": "CONFIRMED",
        "Room": "Room 1",
        "Category": "",
        "Starts at": "2027-03-01T10:00:00-05:00",
        "Ends at": "2027-03-01T11:00:00-05:00",
        "Party size": "1",
        "Price": "",
        "Currency code": "USD",
        "Customer id": api_id(venue.customer),
        "Customer": venue.customer.name,
        "Email": venue.customer.email,
        "Phone": "",
        "Note": "",
        "Created at": first["Created at"],
        "Also rooms": "",
    }
    assert [second["Room"], third["Status"]] == ["Room 2", "CANCELLED"]


async def test_each_format_has_the_same_rows(api: Api, runtime: Runtime) -> None:
    venue = await booked_venue(runtime)

    lines = await exported(api, runtime, venue.owner, "BOOKINGS", "JSONL")
    sheet = await exported(api, runtime, venue.owner, "BOOKINGS", "XLSX")

    rows = await rows_of(api, lines)
    assert [row["reference"] for row in rows] == ["AAAA1111", "BBBB2222", "CCCC3333"]
    assert rows[0]["startsAt"] == "2027-03-01T10:00:00-05:00"
    content = (await download(api, sheet["url"])).content
    with ZipFile(BytesIO(content)) as archive:
        text = archive.read("xl/worksheets/sheet1.xml").decode()
    assert [text.count(each) for each in ("AAAA1111", "BBBB2222", "CCCC3333", "DDDD4444")] == [
        1,
        1,
        1,
        0,
    ]
    assert sheet["rowCount"] == 3


async def test_a_filter_restricts_the_rooms(api: Api, runtime: Runtime) -> None:
    venue = await booked_venue(runtime)
    other = await make_venue(runtime)

    made = await exported(
        api, runtime, venue.owner, "BOOKINGS", filter={"roomIds": [api_id(venue.rooms[1])]}
    )
    refused = [
        await create(api, venue.owner, "BOOKINGS", filter={"roomIds": [api_id(other.rooms[0])]}),
        await create(api, venue.owner, "CUSTOMERS", filter={"categories": ["Hall"]}),
        await create(api, venue.owner, "OCCUPANCY"),
        await create(api, venue.owner, "SALES", span={"from": "2027-03-02", "until": "2027-03-02"}),
        await create(api, venue.owner, "SALES", span={"from": "2027-03-02", "until": "2030-03-02"}),
    ]

    assert [row["Reference"] for row in await rows_of(api, made)] == ["BBBB2222"]
    assert [each.refusals for each in refused] == [
        ["NOT_FOUND"],
        ["INVALID"],
        ["REQUIRED"],
        ["INVALID"],
        ["INVALID"],
    ]
    assert refused[0].payload["userErrors"][0]["path"] == ["input", "filter", "roomIds", "0"]


async def test_a_filter_finds_bookings_by_any_of_their_rooms(api: Api, runtime: Runtime) -> None:
    venue = await booked_venue(runtime)
    first, second = venue.rooms
    start = MONDAY_MORNING + timedelta(hours=8)
    desk = BookingClient(api, runtime, venue.staff)
    both = made(await desk.create(first, start, alsoRoomIds=[api_id(second)]))

    file = await exported(
        api, runtime, venue.owner, "BOOKINGS", filter={"roomIds": [api_id(second)]}
    )

    rows = await rows_of(api, file)
    assert [(row["Reference"], row["Room"], row["Also rooms"]) for row in rows] == [
        (both["reference"], "Room 1", "Room 2"),
        ("BBBB2222", "Room 2", ""),
    ]


async def test_occupancy_has_a_row_for_each_room_and_date(api: Api, runtime: Runtime) -> None:
    venue = await booked_venue(runtime)

    made = await exported(api, runtime, venue.owner, "OCCUPANCY", "JSONL", span=SPAN)

    rows = await rows_of(api, made)
    assert len(rows) == made["rowCount"] == 14
    assert rows[0] == {
        "date": "2027-03-01",
        "room": "Room 1",
        "category": None,
        "openMinutes": 1440,
        "bookedMinutes": 60,
        "occupancy": "0.0417",
    }
    assert sum(row["bookedMinutes"] for row in rows) == 120


async def test_customers_and_staff_actions_are_exported(api: Api, runtime: Runtime) -> None:
    venue = await booked_venue(runtime)
    await create(api, venue.owner, "BOOKINGS", filter={"roomIds": [api_id(venue.rooms[0])]})

    customers = await exported(api, runtime, venue.owner, "CUSTOMERS", "JSONL")
    actions = await exported(api, runtime, venue.owner, "STAFF_ACTIONS", "JSONL")

    rows = {row["id"]: row for row in await rows_of(api, customers)}
    theirs = rows[api_id(venue.customer)]
    assert (theirs["email"], theirs["bookings"]) == (venue.customer.email, 2)
    assert theirs["lastStartsAt"] == "2027-03-02T10:00:00-05:00"
    found = await rows_of(api, actions)
    assert {row["type"] for row in found} == {"EXPORT_CREATED"}
    assert found[0]["actor"] == "Owner"
    assert json.loads(found[0]["changes"]) == {
        "categories": [None, None],
        "format": [None, "CSV"],
        "kind": [None, "BOOKINGS"],
        "roomIds": [None, [api_id(venue.rooms[0])]],
        "spanFrom": [None, None],
        "spanUntil": [None, None],
    }


async def test_a_download_is_resumed_where_it_ended(api: Api, runtime: Runtime) -> None:
    venue = await booked_venue(runtime)
    made = await exported(api, runtime, venue.owner, "BOOKINGS")
    whole = await download(api, made["url"])
    etag = whole.headers["etag"]

    rest = await download(api, made["url"], Range="bytes=100-", If_Range=etag)
    last = await download(api, made["url"], Range="bytes=-10")
    other = await download(api, made["url"], Range="bytes=100-", If_Range='"other"')
    beyond = await download(api, made["url"], Range="bytes=999999-")
    same = await download(api, made["url"], If_None_Match=etag)
    head = await api.http.head(made["url"])

    size = len(whole.content)
    assert whole.headers["accept-ranges"] == "bytes"
    assert (rest.status_code, whole.content[:100] + rest.content) == (206, whole.content)
    assert rest.headers["content-range"] == f"bytes 100-{size - 1}/{size}"
    assert last.content == whole.content[-10:]
    assert (other.status_code, other.content) == (200, whole.content)
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert (same.status_code, same.content) == (304, b"")
    assert (head.status_code, head.headers["content-length"]) == (200, str(size))


async def test_a_file_has_only_what_its_creator_may_read(api: Api, runtime: Runtime) -> None:
    venue = await booked_venue(runtime)
    secret = (await make_key(api, venue, "analytics:read", "bookings:read"))["secret"]

    made = await exported(api, runtime, _with(secret, venue), "BOOKINGS")
    refused = await create(api, _with(secret, venue), "CUSTOMERS")
    staff = await create(api, venue.staff, "BOOKINGS")

    (row, *_) = await rows_of(api, made)
    assert "Reference" in row and "Note" in row
    assert not {"Price", "Customer", "Email", "Phone", "Customer id"} & row.keys()
    assert (refused.codes, staff.codes) == (["FORBIDDEN"], ["FORBIDDEN"])
    # Its address is not for those who couldn't have made it.
    owners = await exported(api, runtime, venue.owner, "BOOKINGS")
    assert owners["url"] is not None
    assert (await export(api, _with(secret, venue), owners["id"]))["url"] is None


async def test_a_link_ends_with_the_rights_of_whoever_requested_it(
    api: Api, runtime: Runtime, admin: asyncpg.Connection
) -> None:
    venue = await booked_venue(runtime)
    of_manager = await exported(api, runtime, venue.manager, "BOOKINGS")
    key = await make_key(api, venue, "analytics:read", "bookings:read")
    of_key = await exported(api, runtime, _with(key["secret"], venue), "BOOKINGS")
    assert (await download(api, of_manager["url"])).status_code == 200
    assert (await download(api, of_key["url"])).status_code == 200

    await admin.execute("UPDATE users SET role = 'STAFF' WHERE id = $1", venue.manager.user.id)
    await admin.execute("UPDATE api_keys SET revoked_at = now()")

    assert (await download(api, of_manager["url"])).status_code == 403
    assert (await download(api, of_key["url"])).status_code == 403
    await admin.execute(
        "UPDATE users SET role = 'MANAGER', deactivated_at = now() WHERE id = $1",
        venue.manager.user.id,
    )
    assert (await download(api, of_manager["url"])).status_code == 403


async def test_links_expire_and_can_not_be_made_up(
    api: Api, runtime: Runtime, clock: StoppedClock
) -> None:
    venue = await booked_venue(runtime)
    made = await exported(api, runtime, venue.owner, "BOOKINGS")
    head, body, signature = made["url"].split(".")

    forged = f"{head}.{body}.{signature[:-4]}AAAA"
    clock.advance(days=7)

    assert (await download(api, forged)).status_code == 404
    assert (await download(api, "/exports/none")).status_code == 404
    assert (await download(api, made["url"])).status_code == 410


async def test_expired_exports_are_deleted_with_their_files(
    api: Api,
    runtime: Runtime,
    relay: Database,
    settings: Settings,
    clock: StoppedClock,
    admin: asyncpg.Connection,
) -> None:
    venue = await booked_venue(runtime)
    await exported(api, runtime, venue.owner, "BOOKINGS")
    stored = settings.data / "storage" / "exports"
    assert [each.suffix for each in stored.rglob("*.*")] == [".csv"]

    clock.advance(days=6)
    await purge_exports(runtime, relay)
    kept = [*stored.rglob("*.*")]
    clock.advance(days=1)
    await purge_exports(runtime, relay)

    assert len(kept) == 1
    assert [*stored.rglob("*.*")] == []
    ours = "SELECT count(*) FROM exports WHERE tenant_id = $1"
    assert await admin.fetchval(ours, venue.tenant.id) == 0


async def test_the_plan_has_to_include_it(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, plan=PlanCode.STARTER)

    answer = await create(api, venue.owner, "BOOKINGS")

    assert answer.refusals == ["FEATURE_NOT_INCLUDED"]


async def test_a_key_makes_one_export_of_a_repeated_request(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    first = (await create(api, venue.owner, "SALES", idempotencyKey="one")).payload
    again = (await create(api, venue.owner, "SALES", idempotencyKey="one")).payload
    listed = (await api(LIST, token=venue.owner.token)).payload

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["requestedExport"]["id"] == again["requestedExport"]["id"]
    assert listed == {
        "nodes": [{"id": first["requestedExport"]["id"], "kind": "SALES"}],
        "totalCount": 1,
    }


async def test_only_so_many_wait_at_once(
    api: Api, runtime: Runtime, admin: asyncpg.Connection
) -> None:
    venue = await make_venue(runtime)
    for _ in range(5):
        await exported(api, runtime, venue.owner, "SALES")
    await admin.execute("UPDATE exports SET status = 'RUNNING', expires_at = NULL")

    answer = await create(api, venue.owner, "SALES")

    assert answer.refusals == ["QUOTA_EXCEEDED"]


async def test_exports_of_others_are_unknown(api: Api, runtime: Runtime) -> None:
    venue, other = await booked_venue(runtime), await make_venue(runtime)
    made = await exported(api, runtime, venue.owner, "BOOKINGS")

    assert await export(api, other.owner, made["id"]) is None
    answer = await api(RETRY, {"id": made["id"]}, token=other.owner.token)
    assert answer.refusals == ["NOT_FOUND"]


async def test_what_happens_to_an_export_is_on_the_log(api: Api, runtime: Runtime) -> None:
    venue = await booked_venue(runtime)
    made = await exported(api, runtime, venue.owner, "BOOKINGS")
    await download(api, made["url"])
    await download(api, made["url"], Range="bytes=10-")

    entries = (await api(AUDIT, token=venue.owner.token)).payload["nodes"]

    assert [(each["type"], each["actor"]["kind"]) for each in entries] == [
        ("EXPORT_DOWNLOADED", "SYSTEM"),
        ("EXPORT_COMPLETED", "SYSTEM"),
        ("EXPORT_CREATED", "USER"),
    ]
    assert entries[0]["ipAddress"] is not None


async def test_progress_is_live(server: str, api: Api, runtime: Runtime) -> None:
    venue = await booked_venue(runtime)
    id = (await create(api, venue.owner, "BOOKINGS")).payload["requestedExport"]["id"]

    async with live(server, token=venue.owner.token) as client:
        stream = await client.subscribe(CHANGED, {"id": id})
        unknown = await client.subscribe(CHANGED, {"id": api_id(venue.customer)})
        states = [(await stream.next())["exportChanged"]]
        await run_due_jobs(runtime)
        while states[-1]["status"] != "DONE":
            states.append((await stream.next())["exportChanged"])
        message = await unknown.message()

    assert states[-1]["rowCount"] == 3 and states[-1]["url"].startswith("/exports/")
    assert message["payload"] is not None and "There is no such export." in str(message)


def _with(secret: str, venue: Venue) -> Person:
    """Returns a caller with this API key."""
    return Person(venue.owner.user, secret, venue.owner.session)
