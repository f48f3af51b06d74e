"""Limits on a caller's open subscriptions, and the cost of events."""

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed

from domain.tenants.plans import PlanCode
from execution.caller_rate_limit import RateLimiter
from execution.subscriber import Place, Subscriber
from kit.actor import ANONYMOUS
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.bookings.test_live import CURSOR, EVENTS, book, change_often, next_event
from tests.attacks.test_throttling import POINTS_2000
from tests.support.client import Api, Live, live, socket
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue
from tests.support.sse import events
from tests.web.graphql.test_websocket import INIT

HOME = "198.51.100.7"
HOTEL = "203.0.113.9"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"rate_limit": True})


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, plan=PlanCode.STARTER)


async def refused(server: str, *, address: str, token: str | None = None) -> tuple[int, str]:
    """Returns the close code of a new socket."""
    payload = f'{{"authorization": "{token}"}}' if token else "{}"
    async with socket(server, address=address) as connection:
        with suppress(ConnectionClosed):
            await connection.send(f'{{"type": "connection_init", "payload": {payload}}}')
        async with asyncio.timeout(60):
            await connection.wait_closed()
        assert connection.close_code is not None and connection.close_reason is not None
        return connection.close_code, connection.close_reason


def different(number: int) -> str:
    return f"subscription {{ n{number}: bookingChanged {{ __typename }} }}"


async def live_for(stack: AsyncExitStack, server: str, token: str, *, times: int) -> list[Live]:
    return [
        await stack.enter_async_context(live(server, token=token, address=HOME))
        for _ in range(times)
    ]


async def test_the_21st_socket_of_an_address_is_closed(server: str) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(20):
            await stack.enter_async_context(socket(server, address=HOME))

        assert await refused(server, address=HOME) == (
            4429,
            "Too many sockets of one address: at most 20 may be open at once.",
        )
        async with events(server, "{ __typename }", address=HOME) as stream:
            assert (stream.status, stream.headers["retry-after"]) == (429, "30")
        async with socket(server, address=HOTEL) as other:
            await other.send(INIT)
            assert "connection_ack" in str(await other.recv())


async def test_the_6th_socket_of_a_login_is_closed_until_another_is(
    server: str, venue: Venue
) -> None:
    token = venue.staff.token
    async with AsyncExitStack() as stack:
        clients = await live_for(stack, server, token, times=4)
        async with events(server, EVENTS, token=token):
            assert await refused(server, address=HOTEL, token=token) == (
                4429,
                "Too many sockets of one login: at most 5 may be open at once.",
            )
        async with live(server, token=venue.owner.token, address=HOME):
            pass

        await clients[0].socket.close()
        await live_for(stack, server, token, times=1)


async def test_the_51st_question_of_a_login_is_refused_for_its_id_alone(
    server: str, venue: Venue
) -> None:
    async with AsyncExitStack() as stack:
        first, second = await live_for(stack, server, venue.staff.token, times=2)
        streams = [await first.subscribe(different(number)) for number in range(50)]
        await (await first.subscribe("{ __typename }")).next()

        (error,) = await (await second.subscribe(different(50))).errors()
        again = await second.subscribe(different(7))
        await first.stop(streams[0])
        await (await first.subscribe("{ __typename }")).next()
        instead = await second.subscribe(different(50))
        await (await second.subscribe("{ __typename }")).next()

        assert error["extensions"] == {"code": "THROTTLED", "retryAfterSeconds": 30}
        assert error["message"] == (
            "Too many different subscriptions of one login: at most 50 may be open at once."
        )
        assert [stream.messages.qsize() for stream in (again, instead)] == [0, 0]


async def test_who_cannot_pay_for_events_is_told_to_resync_later(
    runtime: Runtime,
    api: Api,
    server: str,
    venue: Venue,
    clock: StoppedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("execution.subscriber.PAUSE_SECONDS", 0.1)
    dropped = drops(monkeypatch)
    first = await book(api, venue, "2027-03-02T10:00:00Z", by=venue.owner)
    after = (await api(CURSOR, token=venue.staff.token)).payload["eventCursor"]
    async with live(server, token=venue.staff.token, address=HOME) as client:
        stream = await client.subscribe(EVENTS, {"after": after})
        await change_often(runtime, venue, first["id"], times=1)
        assert (await next_event(stream))["__typename"] == "BookingChanged"
        while (await spent(client))["currentlyAvailable"] >= 2_000:
            pass
        await empty(client)

        await change_often(runtime, venue, first["id"], times=3)
        async with asyncio.timeout(30):
            for _ in range(3):
                await dropped.get()
        await asyncio.sleep(0.3)
        assert stream.messages.qsize() == 0
        clock.advance(minutes=1)

        gap = await next_event(stream)
        await change_often(runtime, venue, first["id"], times=1)
        later = await next_event(stream)

    assert gap["reason"] == "The client was too slow, so events were dropped."
    assert (later["__typename"], later["booking"]["version"]) == ("BookingChanged", 1)


def drops(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[Place]:
    """Returns what subscribers drop from now on."""
    dropped: asyncio.Queue[Place] = asyncio.Queue()
    drop_until = Subscriber.drop_until

    def note(subscriber: Subscriber, place: Place) -> None:
        drop_until(subscriber, place)
        dropped.put_nowait(place)

    monkeypatch.setattr(Subscriber, "drop_until", note)
    return dropped


async def spent(client: Live) -> Any:
    """Spends 2,000 points, and returns the rest."""
    message = await (await client.subscribe(POINTS_2000)).message()
    return message["payload"]["extensions"]["cost"]["throttleStatus"]


async def empty(client: Live) -> None:
    """Sends operations until the bucket is empty."""
    for size in (200, 20, 1):
        text = f"{{ rooms(first: {size}) {{ nodes {{ name }} }} }}"
        while (await (await client.subscribe(text)).message())["type"] != "error":
            pass


async def test_refused_credentials_are_charged_to_their_address(
    server: str, api: Api, clock: StoppedClock
) -> None:
    before = await api("{ viewer { role } }")
    for number in range(3):
        await api("{ viewer { role } }", token=f"wrong {number}")
    assert await refused(server, address="127.0.0.1", token="wrong") == (
        4403,
        "Forbidden: The access token is not valid.",
    )
    after = await api("{ viewer { role } }")

    left = [answer.extensions["cost"]["throttleStatus"] for answer in (before, after)]
    assert [each["currentlyAvailable"] for each in left] == [3_991, 3_946]

    for _ in range(395):
        await api("{ viewer { role } }", token="wrong")
    answer = await api("{ viewer { role } }", token="wrong")
    assert (answer.status, answer.codes) == (429, ["THROTTLED"])
    assert await refused(server, address="127.0.0.1", token="wrong") == (
        4429,
        "Too many requests: this costs 10 points and 6 are left; 100 are restored a second.",
    )
    clock.advance(minutes=1)
    assert (await api("{ viewer { role } }", token="wrong")).codes == ["UNAUTHENTICATED"]


async def test_a_socket_costs_its_login_points(server: str, api: Api, venue: Venue) -> None:
    token = venue.staff.token
    await api("{ tenant { name } }", token=token)
    before = await api("{ tenant { name } }", token=token)
    for _ in range(4):
        async with live(server, token=token, address=HOME):
            pass
    after = await api("{ tenant { name } }", token=token)

    left = [answer.extensions["cost"]["throttleStatus"] for answer in (before, after)]
    assert left[0]["currentlyAvailable"] - left[1]["currentlyAvailable"] == 4 * 3 + 1


@pytest.mark.parametrize("is_anonymous", [True, False])
async def test_who_reconnects_without_a_pause_is_closed_until_points_are_back(
    server: str, app: Starlette, venue: Venue, clock: StoppedClock, is_anonymous: bool
) -> None:
    limiter: RateLimiter = app.state.rate_limiter
    token = None if is_anonymous else venue.staff.token
    actor = ANONYMOUS if token is None else venue.staff.actor
    limiter.charge(actor, HOME, 3_992, now=clock())
    for _ in range(2):
        async with live(server, token=token, address=HOME):
            pass

    assert await refused(server, address=HOME, token=token) == (
        4429,
        "Too many requests: this costs 3 points and 2 are left; 100 are restored a second.",
    )
    clock.advance(seconds=1)
    async with live(server, token=token, address=HOME):
        pass
