"""GraphQL over Server-Sent Events: the same live fields, a connection for each."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from sqlalchemy import update
from sqlmodel import col

from kit.relay import Relay
from kit.scope import Runtime
from models.sessions import Session
from tests.api.test_live import EVENTS, book, cursor_now
from tests.client import Api
from tests.clock import StoppedClock
from tests.factories import Venue, make_venue
from tests.web.test_websocket import store

PATIENCE_SECONDS = 10


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@dataclass
class Events:
    """A response while it comes in."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    async def begin(self) -> None:
        head = (await self._within(self.reader.readuntil(b"\r\n\r\n"))).decode()
        first, *lines = head.split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = dict(line.lower().split(": ", 1) for line in lines if line)

    async def next(self) -> str | None:
        """The next event as it was sent, comments too; None at the end. Raises TimeoutError."""
        size = await self._within(self.reader.readuntil(b"\r\n"))
        chunk = await self._within(self.reader.readexactly(int(size, 16) + 2))
        return chunk[:-2].decode() or None

    async def event(self) -> Any:
        """The answer in the next event ``next``, past all comments."""
        text = await self.next()
        while text == ":\n\n":
            text = await self.next()
        assert text is not None and text.startswith("event: next\ndata: "), text
        assert text.endswith("\n\n")
        return orjson.loads(text.split("\n")[1].removeprefix("data: "))

    async def rest(self) -> list[str]:
        """What is sent until the end, but for comments."""
        texts = []
        while (text := await self.next()) is not None:
            texts.append(text)
        return [text for text in texts if text != ":\n\n"]

    async def body(self) -> Any:
        return orjson.loads(await self.reader.readexactly(int(self.headers["content-length"])))

    async def _within(self, reading: Any) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            found: bytes = await reading
            return found


@asynccontextmanager
async def events(
    server: str,
    query: str,
    variables: Mapping[str, object] | None = None,
    *,
    token: str | None = None,
    target: str | None = None,
) -> AsyncIterator[Events]:
    """Ask by POST, or by GET of a target, and take the answer as a stream."""
    host, port = server.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = orjson.dumps({"query": query, "variables": variables})
    lines = [f"GET {target} HTTP/1.1" if target else "POST /graphql HTTP/1.1", "Host: localhost"]
    lines += ["Accept: text/event-stream", "Content-Type: application/json"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [] if target else [f"Content-Length: {len(body)}"]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if target else body))
    stream = Events(reader, writer)
    try:
        await stream.begin()
        yield stream
    finally:
        writer.close()


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
    target = "/graphql?query=mutation%7BlogoutEverywhere%7Bviewer%7Bid%7D%7D%7D"
    async with events(server, "", token=venue.staff.token, target=target) as stream:
        answer = await stream.event()

    assert "data" not in answer and len(answer["errors"]) > 0


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
    monkeypatch.setattr("web.streams.HEARTBEAT_SECONDS", 0.1)
    async with events(server, EVENTS, token=venue.staff.token) as stream:
        beats = [await stream.next() for _ in range(3)]

    assert beats == [":\n\n"] * 3


async def test_a_client_that_leaves_is_forgotten(
    runtime: Runtime, api: Api, server: str, venue: Venue
) -> None:
    relay = runtime.parts[Relay]
    assert isinstance(relay, Relay)
    async with events(server, EVENTS, token=venue.staff.token) as stream:
        await stream.next()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not relay._followed:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async with asyncio.timeout(PATIENCE_SECONDS):
        while relay._followed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
