"""A failing compiled read is masked and logged like a failing field."""

from datetime import UTC, datetime

import asyncpg
import pytest
from structlog.testing import capture_logs

from kit.graphql.compiler.selection import Selection, Selector
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from tests.differential.comparison import Findings
from tests.support.client import Api
from tests.support.factories import api_id, make_booking, make_venue

MONDAY = datetime(2027, 3, 8, 9, tzinfo=UTC)
ROOMS = "{ rooms { nodes { name } } }"


async def test_what_waits_too_long_is_unavailable(
    api: Api, runtime: Runtime, database: DatabaseUrls
) -> None:
    venue = await make_venue(runtime)
    owner = await asyncpg.connect(database.owner)

    async with owner.transaction():
        await owner.execute("LOCK TABLE rooms IN ACCESS EXCLUSIVE MODE")
        answer = await api(ROOMS, token=venue.owner.token)
    await owner.close()

    assert answer.status == 503
    assert answer.codes == ["UNAVAILABLE"]
    assert [each["path"] for each in answer.errors] == [["rooms"]]
    assert answer.headers["x-request-id"] == answer.extensions["requestId"]


async def test_what_postgresql_refuses_is_logged_and_read_field_by_field(
    api: Api, runtime: Runtime, both_ways: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)
    read = runtime.database.text

    async def divided(*_: object, **__: object) -> asyncpg.Record:
        return await read("SELECT 1 / 0", [])

    monkeypatch.setattr(runtime.database, "text", divided)
    with capture_logs() as logs:
        answer = await api(f"query Rooms {ROOMS}", token=venue.owner.token)

    assert answer.data == {"rooms": {"nodes": [{"name": "Room 1"}, {"name": "Room 2"}]}}
    assert [each for each in logs if each["event"] == "read.failed"] == [
        {
            "event": "read.failed",
            "log_level": "warning",
            "request": answer.extensions["requestId"],
            "name": "Rooms",
            "fields": ["rooms"],
            "reason": "DivisionByZeroError",
            "sqlstate": "22012",
        }
    ]
    # It can't be read as it was planned, which is what is wanted here.
    both_ways.differences.clear()


async def test_what_needs_no_database_is_answered_while_it_is_away(
    api: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)

    async def away(*_: object, **__: object) -> asyncpg.Record:
        raise asyncpg.InterfaceError("the connection is closed")

    monkeypatch.setattr(runtime.database, "text", away)
    text = "{ __typename rooms { totalCount } kind: __typename }"
    answer = await api(text, token=venue.owner.token)

    assert answer.codes == ["UNAVAILABLE"]
    assert answer.partial == {"__typename": "Query", "rooms": None, "kind": "Query"}


async def test_a_plan_that_cannot_be_made_is_logged_without_what_it_was_asked_with(
    api: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)

    def broken(*_: object) -> Selection:
        raise ZeroDivisionError("gus@example.test")

    monkeypatch.setattr(Selector, "operation", broken)
    with capture_logs() as logs:
        answer = await api("query Rooms { hers: rooms { totalCount } }", token=venue.owner.token)

    assert answer.data == {"hers": {"totalCount": 2}}
    assert [each for each in logs if each["event"] == "plan.failed"] == [
        {
            "event": "plan.failed",
            "log_level": "warning",
            "request": answer.extensions["requestId"],
            "name": "Rooms",
            "fields": ["rooms"],
            "reason": "ZeroDivisionError",
            "sqlstate": None,
        }
    ]


async def test_a_changed_row_whose_plan_cannot_be_made_is_logged_once(
    api: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)

    def broken(*_: object) -> Selection:
        raise ZeroDivisionError("gus@example.test")

    monkeypatch.setattr(Selector, "rows", broken)
    text = """mutation ($id: ID!) { cancelBooking(id: $id, version: 1, input: {}) {
      bookings { room { name } }
    } }"""
    booking = await make_booking(runtime, venue, MONDAY)
    with capture_logs() as logs:
        answer = await api(text, {"id": api_id(booking)}, token=venue.owner.token)

    assert answer.payload == {"bookings": [{"room": {"name": "Room 1"}}]}
    (warning,) = [each for each in logs if each["event"] == "plan.failed"]
    assert (warning["field"], warning["reason"]) == ("bookings", "ZeroDivisionError")


async def test_a_field_that_is_not_compiled_is_logged_with_the_reason_when_it_is_planned(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    text = "{ tenant { weeklyHours { weekday } } }"

    with capture_logs() as logs:
        await api(text, token=venue.owner.token)
        await api(text, token=venue.owner.token)

    assert [each["reason"] for each in logs if each["event"] == "read.not_compiled"] == [
        "Tenant.weeklyHours: it declares no source"
    ]
