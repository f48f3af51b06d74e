"""Handlers of later areas run in the transaction of the change."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from app import build_app
from domain.core.log_events import EventType
from domain.core.refusals import Invalid
from kit.actor import ANONYMOUS, Request
from kit.clock import Clock
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.passwords import Passwords
from kit.settings import Settings
from resolvers.bookings.hooks import BookingChange
from resolvers.core.hooks import Handler, Hooks
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, refused
from tests.support.factories import make_venue

MONDAY = datetime(2027, 3, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Renamed:
    type: EventType = EventType.ROOM_UPDATED


@pytest.fixture
def scope(runtime: Runtime) -> Scope:
    return Scope(runtime, ANONYMOUS, Request(new_id()))


def noting(heard: list[str], name: str) -> Handler[Any]:
    async def note(_: Scope, change: Any) -> None:
        heard.append(f"{name}: {change.type}")

    return note


async def test_handlers_run_in_the_order_of_their_areas(scope: Scope) -> None:
    heard: list[str] = []
    first = {EventType.ROOM_UPDATED: noting(heard, "first")}
    second = {EventType.ROOM_UPDATED: noting(heard, "second")}

    await Hooks(first, second).run(scope, Renamed())

    assert heard == ["first: ROOM_UPDATED", "second: ROOM_UPDATED"]


async def test_only_those_of_its_type_run(scope: Scope) -> None:
    heard: list[str] = []
    hooks = Hooks({EventType.ROOM_ARCHIVED: noting(heard, "archived")}, {})

    await hooks.run(scope, Renamed())

    assert heard == []


async def test_after_a_refusal_no_handler_runs(scope: Scope) -> None:
    heard: list[str] = []
    hooks = Hooks(
        {EventType.ROOM_UPDATED: refuse}, {EventType.ROOM_UPDATED: noting(heard, "second")}
    )

    with pytest.raises(Invalid):
        await hooks.run(scope, Renamed())

    assert heard == []


async def refuse(_: Scope, __: Any) -> None:
    raise Invalid("Not on Mondays.", path=("start",))


# ------------------------------------------------------------------------------ a booking's


@asynccontextmanager
async def desk_with(
    settings: Settings, clock: Clock, handlers: Mapping[EventType, Handler[BookingChange]]
) -> AsyncIterator[tuple[BookingClient, Any]]:
    """Returns a manager's client of an app with only these handlers."""
    services: dict[type, object] = {Passwords: Passwords.cheap(), Hooks: Hooks(handlers)}
    app = build_app(settings, clock=clock, services=services, with_graphiql=False)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        runtime: Runtime = app.state.runtime
        venue = await make_venue(runtime)
        yield BookingClient(Api(http), runtime, venue.manager), venue.rooms[0]


async def test_a_handler_that_refuses_undoes_the_whole_change(
    settings: Settings, clock: StoppedClock
) -> None:
    async with desk_with(settings, clock, {EventType.BOOKING_CREATED: refuse}) as (desk, room):
        answer = await desk.create(room, MONDAY)

        assert refused(answer)["message"] == "Not on Mondays."
        assert await desk.bookings() == []
        usage = await desk("{ tenant { usage { bookings { used } } } }")
        assert usage.payload["usage"]["bookings"]["used"] == 0


async def test_a_handler_that_refuses_leaves_a_hold_as_it_was(
    settings: Settings, clock: StoppedClock
) -> None:
    async with desk_with(settings, clock, {EventType.BOOKING_CREATED: refuse}) as (desk, room):
        hold = made(await desk.hold(room, MONDAY))

        await desk.convert(hold)

        assert await desk.booking(hold["id"]) == hold
        assert [each["type"] for each in await desk.history(hold)] == ["BOOKING_HELD"]


async def test_a_handler_is_given_the_booking_and_what_it_was(
    settings: Settings, clock: StoppedClock
) -> None:
    heard: list[tuple[Any, ...]] = []

    async def note(scope: Scope, change: BookingChange) -> None:
        heard.append((change.type, change.status_before, change.booking.status, scope.locked))

    handlers = {EventType.BOOKING_CREATED: note, EventType.BOOKING_CANCELLED: note}
    async with desk_with(settings, clock, handlers) as (desk, room):
        booking = made(await desk.create(room, MONDAY))

        await desk.cancel(booking)

    assert heard == [
        ("BOOKING_CREATED", None, "confirmed", True),
        ("BOOKING_CANCELLED", "confirmed", "cancelled", True),
    ]
