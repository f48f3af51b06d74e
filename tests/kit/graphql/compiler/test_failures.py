"""What is read at once fails as fields do: masked, with a code, and under the request's id."""

import asyncpg
import pytest
from structlog.testing import capture_logs

from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from tests.differential.comparison import Findings
from tests.support.client import Api
from tests.support.factories import make_venue

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
        answer = await api(ROOMS, token=venue.owner.token)

    assert answer.data == {"rooms": {"nodes": [{"name": "Room 1"}, {"name": "Room 2"}]}}
    assert [each["sqlstate"] for each in logs if each["event"] == "read.failed"] == ["22012"]
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
