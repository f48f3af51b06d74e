"""New documents are compiled in a thread, so that the event loop isn't blocked."""

from threading import current_thread, main_thread
from typing import Any

import pytest
import pytest_asyncio

from kit.graphql.compiler.plans import MadePlan, Plans
from kit.runtime import Runtime
from tests.api.bookings.test_live import EVENTS, book, cursor_now
from tests.support.client import Api
from tests.support.factories import Venue, make_venue
from tests.support.sse import events


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def planned_in_thread(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each plan that is made, whether that is in a thread."""
    made: list[bool] = []
    compile_plan = Plans._compile

    def compile_noted(plans: Plans, *given: Any) -> MadePlan:
        made.append(current_thread() is not main_thread())
        return compile_plan(plans, *given)

    monkeypatch.setattr(Plans, "_compile", compile_noted)
    return made


async def test_a_query_is_planned_in_a_thread_once(
    api: Api, venue: Venue, planned_in_thread: list[bool]
) -> None:
    for _ in range(2):
        await api("{ rooms { nodes { name } } }", token=venue.staff.token)

    assert planned_in_thread == [True]


async def test_what_a_mutation_returns_is_planned_in_a_thread_once(
    api: Api, venue: Venue, planned_in_thread: list[bool]
) -> None:
    for hour in ("10", "12"):
        made = await book(api, venue, f"2027-03-02T{hour}:00:00Z")
        assert made["version"] == 1

    assert planned_in_thread == [True]


async def test_what_an_event_shows_is_planned_in_a_thread(
    api: Api, server: str, venue: Venue, planned_in_thread: list[bool]
) -> None:
    after = await cursor_now(api, venue.staff)
    await book(api, venue, "2027-03-02T10:00:00Z")
    planned_in_thread.clear()

    async with events(server, EVENTS, {"after": after}, token=venue.staff.token) as stream:
        first = await stream.event()

    assert first["data"]["bookingChanged"]["booking"]["version"] == 1
    assert planned_in_thread == [True]


async def test_a_payload_whose_plan_can_not_be_made_is_read_field_by_field(
    api: Api, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> MadePlan:
        raise RuntimeError("not to be told")

    monkeypatch.setattr(Plans, "_compile", fail)

    made = await book(api, venue, "2027-03-02T10:00:00Z")

    assert made["version"] == 1
