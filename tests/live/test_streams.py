"""GraphQL over Server-Sent Events: the same live fields, a connection for each."""

import asyncio

import pytest
from sqlalchemy import update
from sqlmodel import col
from structlog.testing import capture_logs

from kit.events.log_relay import Relay
from kit.runtime import Runtime
from models.accounts.sessions import Session
from models.accounts.users import User
from tests.api.bookings.test_live import EVENTS, book, cursor_now, make_a_guest
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue
from tests.support.sse import PATIENCE_SECONDS, events
from tests.web.graphql.test_websocket import store


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def test_what_was_missed_and_what_happens_arrive(api: Api, server: str, venue: Venue) -> None:
    after = await cursor_now(api, venue.staff)
    missed = await book(api, venue, "2027-03-02T10:00:00Z")
    async with events(server, EVENTS, {"after": after}, token=venue.staff.token) as stream:
        first = await stream.event()
        booking = await book(api, venue, "2027-03-02T12:00:00Z")
        second = await stream.event()

    assert stream.status == 200
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["cache-control"] == "no-store"
    seen = [answer["data"]["bookingChanged"]["booking"]["id"] for answer in (first, second)]
    assert seen == [missed["id"], booking["id"]]


async def test_a_query_is_answered_and_complete(server: str, venue: Venue) -> None:
    async with events(server, "{ viewer { role } }", token=venue.staff.token) as stream:
        answer = await stream.event()
        rest = await stream.rest()

    assert answer["data"] == {"viewer": {"role": "STAFF"}}
    assert rest == ["event: complete\ndata:\n\n"]


async def test_a_link_asks_as_well(server: str, venue: Venue) -> None:
    target = "/graphql?query=%7B__typename%7D"
    async with events(server, "", token=venue.staff.token, target=target) as stream:
        answer = await stream.event()

    assert answer["data"] == {"__typename": "Query"}


async def test_a_link_changes_nothing(server: str, venue: Venue) -> None:
    target = "/graphql?query=mutation%7Blogout%7B__typename%7D%7D"
    async with events(server, "", token=venue.staff.token, target=target) as stream:
        answer = await stream.event()

    assert "data" not in answer
    (error,) = answer["errors"]
    assert error["message"] == "Send mutations by POST, not GET."


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { bookingChanged { __typename } }", "UNAUTHENTICATED"),
    ],
)
async def test_what_cannot_run_is_told_as_an_event(server: str, query: str, code: str) -> None:
    async with events(server, query) as stream:
        answer = await stream.event()
        rest = await stream.rest()

    assert stream.status == 200
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert rest == ["event: complete\ndata:\n\n"]


async def test_bad_credentials_begin_no_stream(server: str) -> None:
    async with events(server, EVENTS, token="nonsense") as stream:
        body = await stream.body()

    assert stream.status == 401
    assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_stream_ends_with_its_session(
    server: str, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    async with events(server, EVENTS, token=venue.staff.token) as stream:
        await stream.next()

        ended = update(Session).values(ended_at=clock())
        await store(runtime, venue.staff, ended.where(col(Session.id) == venue.staff.session.id))
        clock.advance(seconds=1)

        assert await stream.rest() == []


async def test_a_quiet_stream_shows_that_it_lives(
    server: str, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.graphql.sse.HEARTBEAT_SECONDS", 0.1)
    async with events(server, EVENTS, token=venue.staff.token) as stream:
        beats = [await stream.next() for _ in range(3)]

    assert beats == [":\n\n"] * 3


async def test_a_client_that_leaves_is_forgotten(
    runtime: Runtime, api: Api, server: str, venue: Venue
) -> None:
    relay = runtime.services[Relay]
    assert isinstance(relay, Relay)
    async with events(server, EVENTS, token=venue.staff.token) as stream:
        await stream.next()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not relay._followed:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async with asyncio.timeout(PATIENCE_SECONDS):
        while relay._followed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_quiet_stream_that_nobody_reads_ends(
    server: str, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.graphql.sse.SEND_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr("web.graphql.sse.HEARTBEAT_SECONDS", 0.001)
    # Fills all buffers between them at once, as many beats would in the end.
    monkeypatch.setattr("web.graphql.sse._COMMENT", b":" + b" " * 500_000 + b"\n\n")
    with capture_logs() as logs:
        async with events(server, EVENTS, token=venue.staff.token) as stream:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while "operation" not in [log["event"] for log in logs]:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

            assert await stream.is_cut_off()


async def test_a_stream_goes_on_as_what_its_user_becomes(
    runtime: Runtime, api: Api, server: str, venue: Venue, clock: StoppedClock
) -> None:
    after = {"after": await cursor_now(api, venue.staff)}
    async with events(server, EVENTS, after, token=venue.staff.token) as stream:
        await book(api, venue, "2027-03-02T18:00:00Z", by=venue.owner)
        await stream.event()

        await make_a_guest(runtime, venue, venue.staff)
        clock.advance(seconds=5)
        await asyncio.sleep(1.5)
        await book(api, venue, "2027-03-02T20:00:00Z", by=venue.owner)
        own = await book(
            api, venue, "2027-03-02T22:00:00Z", by=venue.owner, customer=venue.other_customer
        )
        answer = await stream.event()

    assert answer["data"]["bookingChanged"]["booking"]["id"] == own["id"]


async def test_a_stream_ends_when_its_user_is_deactivated(
    server: str, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    async with events(server, EVENTS, token=venue.staff.token) as stream:
        await stream.next()

        gone = update(User).values(deactivated_at=clock())
        await store(runtime, venue.staff, gone.where(col(User.id) == venue.staff.user.id))
        clock.advance(seconds=1)

        assert await stream.rest() == []
