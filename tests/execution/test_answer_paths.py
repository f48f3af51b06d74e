"""Each operation is counted by how it was answered: by a compiled read, in part, or by fields."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from app import build_app
from execution.metrics import AnswerPath
from kit.graphql.compiler.selection import Selection, Selector
from kit.runtime import Runtime
from kit.security.passwords import Passwords
from kit.settings import Settings
from tests.differential.comparison import Findings
from tests.support.client import Api, live
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue

ROOMS = "{ rooms { totalCount } }"
NOT_COMPILABLE = "{ tenant { weeklyHours { weekday } } }"
CREATE_ROOM = """
    mutation ($input: CreateRoomInput!) { createRoom(input: $input) { room { name } } }
"""
BOOKING_CHANGED = "subscription { bookingChanged { __typename } }"


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest_asyncio.fixture
async def plain(settings: Settings, clock: StoppedClock) -> AsyncIterator[Api]:
    """An app without compiled reads."""
    app: Starlette = build_app(
        settings.model_copy(update={"compiled": False}),
        clock=clock,
        services={Passwords: Passwords.cheap()},
        with_graphiql=False,
    )
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        yield Api(http)


async def counted(api: Api) -> dict[tuple[str, str], int]:
    """Counts operations by how they were answered and why, without zeros."""
    page = (await api.http.get("/metrics")).text
    numbers = {}
    for path in AnswerPath:
        line = f'boom_operation_paths_total{{how="{path.how}",why="{path}"}} '
        (number,) = [each.removeprefix(line) for each in page.splitlines() if line in each]
        if float(number):
            numbers[path.how, path.value] = int(float(number))
    return numbers


@pytest.mark.parametrize(
    ("text", "variables", "how", "why"),
    [
        (ROOMS, {}, "compiled", "compilable"),
        ("{ rooms { totalCount } __schema { description } }", {}, "in_part", "partly_compilable"),
        (NOT_COMPILABLE, {}, "by_fields", "not_compilable"),
        ("{ rooms(first: 1000) { totalCount } }", {}, "by_fields", "arguments_refused"),
        (CREATE_ROOM, {"input": {"name": "Nave", "capacity": 9}}, "by_fields", "mutation"),
    ],
    ids=["compiled", "in part", "not compilable", "arguments refused", "mutation"],
)
async def test_an_operation_is_counted_by_how_it_was_answered(
    api: Api, venue: Venue, text: str, variables: dict[str, Any], how: str, why: str
) -> None:
    # Once while its plan is made, and once with the plan that is kept.
    await api(text, variables, token=venue.owner.token)
    await api(text, variables, token=venue.owner.token)

    assert await counted(api) == {(how, why): 2}


async def test_a_strangers_query_is_counted_as_anonymous(api: Api) -> None:
    await api("{ __typename }")

    assert await counted(api) == {("by_fields", "anonymous"): 1}


async def test_what_is_refused_before_it_runs_is_not_counted(api: Api, venue: Venue) -> None:
    await api("{", token=venue.owner.token)
    await api("{ nothing }", token=venue.owner.token)

    assert await counted(api) == {}


async def test_queries_of_an_installation_that_compiles_nothing_are_counted(
    plain: Api, venue: Venue
) -> None:
    await plain(ROOMS, token=venue.owner.token)

    assert await counted(plain) == {("by_fields", "off"): 1}


async def test_a_read_that_postgresql_refuses_is_counted(
    api: Api, runtime: Runtime, venue: Venue, both_ways: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = runtime.database.text

    async def divided(*_: object, **__: object) -> asyncpg.Record:
        return await read("SELECT 1 / 0", [])

    monkeypatch.setattr(runtime.database, "text", divided)
    await api(ROOMS, token=venue.owner.token)

    assert await counted(api) == {("by_fields", "read_failed"): 1}
    both_ways.differences.clear()


async def test_a_read_while_the_database_is_away_is_counted(
    api: Api, runtime: Runtime, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> asyncpg.Record:
        raise asyncpg.InterfaceError("the connection is closed")

    monkeypatch.setattr(runtime.database, "text", away)
    await api(ROOMS, token=venue.owner.token)

    assert await counted(api) == {("by_fields", "away"): 1}


async def test_a_plan_that_cannot_be_made_is_counted(
    api: Api, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Selection:
        raise ZeroDivisionError

    monkeypatch.setattr(Selector, "operation", broken)
    await api(ROOMS, token=venue.owner.token)

    assert await counted(api) == {("by_fields", "plan_failed"): 1}


async def test_a_subscription_is_counted(api: Api, server: str, venue: Venue) -> None:
    async with live(server, token=venue.owner.token) as socket:
        await socket.subscribe(BOOKING_CHANGED)
        async with asyncio.timeout(60):
            while not (found := await counted(api)):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)

    assert found == {("by_fields", "subscription"): 1}
