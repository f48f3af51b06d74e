"""A booking's history and the tenant's audit log, which can't be edited."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from jobs.purge import purge_expired
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import Person, Venue, api_id, make_venue
from tests.support.statements import statements

CREATE_BOOKING = """
    mutation ($input: CreateBookingInput!) {
      createBooking(input: $input) { booking { id } userErrors { code } }
    }
"""
RESCHEDULE = """
    mutation ($id: ID!, $input: RescheduleBookingInput!) {
      rescheduleBooking(id: $id, version: 1, input: $input) { userErrors { code } }
    }
"""
HISTORY = """
    query ($id: ID!, $first: Int, $after: String) {
      booking(id: $id) {
        history(first: $first, after: $after) {
          nodes {
            cursor type at reason
            actor { kind name user { id } }
            changes { field before after }
          }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
"""
AUDIT_LOG = """
    query ($first: Int, $after: String, $filter: AuditFilter) {
      auditLog(first: $first, after: $after, filter: $filter) {
        nodes {
          type at reason requestId ipAddress userAgent subjectId
          actor { kind name user { id } }
          subject { id ... on Room { capacity } }
          changes { field before after }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
"""
CREATE_ROOM = """
    mutation ($name: String!) {
      createRoom(input: { name: $name, capacity: 4 }) { room { id } userErrors { code } }
    }
"""


async def book(api: Api, venue: Venue, start: str = "2027-03-02T18:00:00Z") -> str:
    given = {
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": start},
        "durationMinutes": 60,
        "customer": {"id": api_id(venue.customer)},
        "note": "by the window",
    }
    answer = await api(CREATE_BOOKING, {"input": given}, token=venue.staff.token)
    assert answer.refusals == []
    id: str = answer.payload["booking"]["id"]
    return id


async def history(api: Api, person: Person, id: str, **page: Any) -> Any:
    answer = await api(HISTORY, {"id": id, **page}, token=person.token)
    return answer.payload["history"]


async def audit_log(api: Api, person: Person, **arguments: Any) -> Any:
    return (await api(AUDIT_LOG, arguments, token=person.token)).payload


async def types(api: Api, person: Person, **filters: Any) -> list[str]:
    entries = await audit_log(api, person, filter=filters)
    return [each["type"] for each in entries["nodes"]]


# ------------------------------------------------------------------------------ history


async def test_a_history_tells_who_did_what(
    runtime: Runtime, api: Api, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    id = await book(api, venue)
    clock.advance(minutes=3)
    move = {
        "roomId": api_id(venue.rooms[1]),
        "start": {"at": "2027-03-02T20:00:00Z"},
        "reason": "asked by phone",
    }
    await api(RESCHEDULE, {"id": id, "input": move}, token=venue.owner.token)

    created, moved = (await history(api, venue.manager, id))["nodes"]

    assert (created["type"], created["at"]) == ("BOOKING_CREATED", "2027-03-01T09:00:00Z")
    assert created["actor"] == {
        "kind": "USER",
        "name": "Staff",
        "user": {"id": api_id(venue.staff.user)},
    }
    assert (moved["type"], moved["at"]) == ("BOOKING_RESCHEDULED", "2027-03-01T09:03:00Z")
    assert moved["actor"]["name"] == "Owner"
    assert moved["reason"] == "asked by phone"
    assert moved["changes"] == [
        {
            "field": "endsAt",
            "before": "2027-03-02T19:00:00Z",
            "after": "2027-03-02T21:00:00Z",
        },
        {
            "field": "roomId",
            "before": api_id(venue.rooms[0]),
            "after": api_id(venue.rooms[1]),
        },
        {
            "field": "startsAt",
            "before": "2027-03-02T18:00:00Z",
            "after": "2027-03-02T20:00:00Z",
        },
    ]


async def test_a_history_shows_values_as_the_api_does(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    id = await book(api, venue)

    (created,) = (await history(api, venue.staff, id))["nodes"]

    after = {each["field"]: each["after"] for each in created["changes"]}
    assert after["status"] == "CONFIRMED"
    assert after["customerId"] == api_id(venue.customer)
    assert after["price"] == {"amount": "40.00", "currencyCode": "EUR"}


async def test_free_text_changes_without_being_shown(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    id = await book(api, venue)

    (created,) = (await history(api, venue.staff, id))["nodes"]

    assert {"field": "note", "before": None, "after": None} in created["changes"]


async def test_a_history_is_read_page_by_page(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    id = await book(api, venue)
    move = {"start": {"at": "2027-03-02T20:00:00Z"}}
    await api(RESCHEDULE, {"id": id, "input": move}, token=venue.staff.token)

    first = await history(api, venue.staff, id, first=1)
    second = await history(api, venue.staff, id, first=1, after=first["pageInfo"]["endCursor"])

    assert [each["type"] for each in first["nodes"]] == ["BOOKING_CREATED"]
    assert first["pageInfo"]["hasNextPage"] is True
    assert [each["type"] for each in second["nodes"]] == ["BOOKING_RESCHEDULED"]
    assert second["pageInfo"]["hasNextPage"] is False


async def test_histories_of_many_bookings_take_one_statement(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    await book(api, venue, "2027-03-02T10:00:00Z")
    await book(api, venue, "2027-03-02T12:00:00Z")
    await book(api, venue, "2027-03-02T14:00:00Z")
    query = "{ bookings { nodes { history { nodes { type actor { name } } } } } }"

    with statements(runtime) as sent:
        answer = await api(query, token=venue.staff.token)

    actors = [each["history"]["nodes"][0]["actor"]["name"] for each in answer.payload["nodes"]]
    assert actors == ["Staff", "Staff", "Staff"]
    assert len(sent) == 3


async def test_a_guest_cannot_see_a_history(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    id = await book(api, venue)

    answer = await api(
        "query ($id: ID!) { booking(id: $id) { status history { nodes { type } } } }",
        {"id": id},
        token=venue.guest.token,
    )

    assert answer.partial == {"booking": {"status": "CONFIRMED", "history": None}}
    assert answer.codes == ["FORBIDDEN"]
    assert answer.errors[0]["path"] == ["booking", "history"]


# ------------------------------------------------------------------------------ the audit log


async def test_the_audit_log_tells_from_where_a_change_was_asked(
    runtime: Runtime, api: Api
) -> None:
    venue = await make_venue(runtime)
    created = await api(
        CREATE_ROOM,
        {"name": "Attic"},
        token=venue.manager.token,
        headers={"User-Agent": "Kiosk/1.0"},
    )

    (entry,) = (await audit_log(api, venue.owner))["nodes"]

    room_id = created.payload["room"]["id"]
    changes = entry.pop("changes")
    assert {"field": "capacity", "before": None, "after": 4} in changes
    assert entry == {
        "type": "ROOM_CREATED",
        "at": "2027-03-01T09:00:00Z",
        "reason": None,
        "requestId": created.extensions["requestId"],
        "ipAddress": "127.0.0.1",
        "userAgent": "Kiosk/1.0",
        "subjectId": room_id,
        "actor": {
            "kind": "USER",
            "name": "Manager",
            "user": {"id": api_id(venue.manager.user)},
        },
        "subject": {"id": room_id, "capacity": 4},
    }


async def test_the_newest_comes_first_page_by_page(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    await api(CREATE_ROOM, {"name": "Attic"}, token=venue.owner.token)
    await book(api, venue)

    first = await audit_log(api, venue.owner, first=1)
    second = await audit_log(api, venue.owner, first=1, after=first["pageInfo"]["endCursor"])

    assert [each["type"] for each in first["nodes"]] == ["BOOKING_CREATED"]
    assert [each["type"] for each in second["nodes"]] == ["ROOM_CREATED"]
    assert second["pageInfo"]["hasNextPage"] is False


async def test_a_page_of_the_audit_log_takes_a_statement_for_each_kind(
    runtime: Runtime, api: Api
) -> None:
    venue = await make_venue(runtime)
    await api(CREATE_ROOM, {"name": "Attic"}, token=venue.owner.token)
    await api(CREATE_ROOM, {"name": "Cellar"}, token=venue.manager.token)
    await book(api, venue, "2027-03-02T10:00:00Z")
    await book(api, venue, "2027-03-02T12:00:00Z")

    with statements(runtime) as sent:
        entries = await audit_log(api, venue.owner)

    # The log, the users, the origins, the rooms and the bookings.
    assert len(entries["nodes"]) == 4
    assert len(sent) == 5


async def test_the_log_is_narrowed_by_type_time_user_and_subject(
    runtime: Runtime, api: Api, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    room = await api(CREATE_ROOM, {"name": "Attic"}, token=venue.owner.token)
    clock.advance(minutes=1)
    await book(api, venue)
    owner = venue.owner

    assert await types(api, owner, types=["ROOM_CREATED"]) == ["ROOM_CREATED"]
    assert await types(api, owner, at={"gte": "2027-03-01T09:01:00Z"}) == ["BOOKING_CREATED"]
    assert await types(api, owner, at={"lt": "2027-03-01T09:01:00Z"}) == ["ROOM_CREATED"]
    assert await types(api, owner, userId=api_id(venue.staff.user)) == ["BOOKING_CREATED"]
    assert await types(api, owner, subjectId=room.payload["room"]["id"]) == ["ROOM_CREATED"]
    assert await types(api, owner, subjectId="nonsense") == []
    assert await types(api, owner, types=["ROOM_CREATED"], userId=api_id(venue.staff.user)) == []


async def test_a_time_finds_entries_that_stand_out_of_its_order(
    database: DatabaseUrls, runtime: Runtime, api: Api, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    # Clocks of different processes, and a transaction that had to wait.
    hours = [-200, -100, -99.5, -99.8, -52, -51.9, -52.1, -51, -2, -3, -1.5, 0]
    connection = await asyncpg.connect(database.owner)
    try:
        await connection.executemany(
            """INSERT INTO log (tenant_id, type, at, actor_kind, request_id, subject_type,
                   subject_id)
               VALUES ($1, 'ROOM_UPDATED', $2, 'SYSTEM', gen_random_uuid(), 'Room',
                   gen_random_uuid())""",
            [(venue.tenant.id, clock() + timedelta(hours=hour)) for hour in hours],
        )
    finally:
        await connection.close()

    spans = [(-52, -51), (-99.8, -51.9), (None, -99.5), (-3, None), (-300, 1), (-90, -60)]
    for since, until in spans:
        span = {
            name: (clock() + timedelta(hours=hour)).isoformat()
            for name, hour in (("gte", since), ("lt", until))
            if hour is not None
        }
        entries = await audit_log(api, venue.owner, filter={"at": span, "types": ["ROOM_UPDATED"]})

        found = [clock() + timedelta(hours=hour) for hour in reversed(hours)]
        expected = [
            at
            for at in found
            if (since is None or at >= clock() + timedelta(hours=since))
            and (until is None or at < clock() + timedelta(hours=until))
        ]
        assert [datetime.fromisoformat(each["at"]) for each in entries["nodes"]] == expected


async def test_the_log_of_another_tenant_is_not_seen(runtime: Runtime, api: Api) -> None:
    ours, theirs = await make_venue(runtime), await make_venue(runtime)
    room = await api(CREATE_ROOM, {"name": "Attic"}, token=ours.owner.token)

    assert await types(api, theirs.owner) == []
    assert await types(api, theirs.owner, subjectId=room.payload["room"]["id"]) == []


async def test_staff_cannot_see_the_audit_log(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)

    answer = await api("{ auditLog { nodes { type } } }", token=venue.staff.token)

    assert answer.partial == {"auditLog": None}
    assert answer.codes == ["FORBIDDEN"]


async def test_contact_data_is_never_kept(
    runtime: Runtime, api: Api, database: DatabaseUrls
) -> None:
    venue = await make_venue(runtime)
    created = await api(
        """
        mutation {
          createCustomer(input: { name: "Marguerite", email: "marguerite@example.com" }) {
            userErrors { code }
          }
        }
        """,
        token=venue.staff.token,
    )

    (entry,) = (await audit_log(api, venue.owner))["nodes"]

    assert created.refusals == []
    assert {"field": "name", "before": None, "after": None} in entry["changes"]
    assert "arguerite" not in await whole_log(database)


async def test_where_from_is_forgotten_and_the_change_stays(
    runtime: Runtime, api: Api, clock: StoppedClock, database: DatabaseUrls
) -> None:
    venue = await make_venue(runtime)
    await api(CREATE_ROOM, {"name": "Attic"}, token=venue.owner.token)
    clock.advance(days=90, seconds=1)
    relay = Database(database.relay.sqlalchemy)
    await purge_expired(runtime, relay)
    await relay.close()
    clock.advance(days=-90, seconds=-1)

    (entry,) = (await audit_log(api, venue.owner))["nodes"]

    assert (entry["type"], entry["ipAddress"], entry["userAgent"]) == ("ROOM_CREATED", None, None)


# ------------------------------------------------------------------------------ append-only


@pytest.mark.parametrize(
    "statement", ["UPDATE log SET reason = 'other'", "DELETE FROM log", "TRUNCATE log"]
)
@pytest.mark.parametrize("role", ["app", "relay"])
async def test_nobody_at_work_can_edit_the_log(
    database: DatabaseUrls, role: str, statement: str
) -> None:
    connection = await asyncpg.connect(getattr(database, role))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def whole_log(database: DatabaseUrls) -> str:
    connection = await asyncpg.connect(database.relay)
    try:
        return str(await connection.fetch("SELECT * FROM log"))
    finally:
        await connection.close()
