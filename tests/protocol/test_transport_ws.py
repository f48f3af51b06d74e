"""Details of the graphql-transport-ws protocol beyond the usual messages."""

import asyncio
from datetime import timedelta
from typing import Any

import orjson
import pytest

from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import live, socket
from tests.support.factories import Venue, make_venue
from web.graphql.websocket import INIT_TIMEOUT

INIT = '{"type": "connection_init"}'
LIVE = "subscription { bookingChanged { __typename } }"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def closed_by(server: str, *messages: str) -> tuple[int | None, str | None]:
    """Returns the code and the reason that the server closes a socket with that was sent these."""
    async with socket(server) as connection:
        for message in messages:
            await connection.send(message)
        async with asyncio.timeout(60):
            await connection.wait_closed()
        return connection.close_code, connection.close_reason


async def answer_to(server: str, message: str) -> Any:
    """Returns the first message of the server on a socket that was sent this one."""
    async with socket(server) as connection:
        await connection.send(message)
        return orjson.loads(await connection.recv())


class TestWithoutPatience:
    """A server that waits for the first message only as long as a busy machine needs for it."""

    @pytest.fixture
    def settings(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
        monkeypatch.setattr("web.graphql.websocket.INIT_TIMEOUT", timedelta(seconds=1))
        return settings

    async def test_a_socket_that_says_nothing_is_closed(self, server: str) -> None:
        assert timedelta(seconds=10) == INIT_TIMEOUT
        assert await closed_by(server) == (4408, "Connection initialisation timeout")

    async def test_pings_are_no_initialisation(self, server: str) -> None:
        assert await closed_by(server, '{"type": "ping"}') == (
            4408,
            "Connection initialisation timeout",
        )

    async def test_a_socket_that_was_acknowledged_stays(self, server: str) -> None:
        async with live(server) as client:
            # Whoever comes later and says nothing is closed in the meantime.
            assert (await closed_by(server))[0] == 4408

            answer = await (await client.subscribe("{ __typename }")).next()

        assert answer == {"__typename": "Query"}


@pytest.mark.parametrize("payload", ["null", "{}", '{"other": 1}', '{"authorization": null}'])
async def test_a_stranger_may_say_nothing_of_themselves(server: str, payload: str) -> None:
    init = f'{{"type": "connection_init", "payload": {payload}}}'

    assert await answer_to(server, init) == {"type": "connection_ack"}


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ('{"type": "ping"}', {"type": "pong"}),
        ('{"type": "ping", "payload": null}', {"type": "pong", "payload": None}),
        ('{"type": "ping", "payload": {}}', {"type": "pong", "payload": {}}),
        (
            '{"type": "ping", "payload": {"at": [1, "ü", {"a": null}]}}',
            {"type": "pong", "payload": {"at": [1, "ü", {"a": None}]}},
        ),
        ('{"type": "ping", "other": "is not echoed"}', {"type": "pong"}),
    ],
)
async def test_a_ping_comes_back_with_its_payload(server: str, message: str, reply: object) -> None:
    assert await answer_to(server, message) == reply


async def test_a_pong_is_not_answered(server: str) -> None:
    async with socket(server) as connection:
        await connection.send('{"type": "pong", "payload": {"unasked": true}}')
        await connection.send(INIT)

        assert orjson.loads(await connection.recv()) == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "message",
    [
        '{"type": "connection_init", "payload": []}',
        '{"type": "connection_init", "payload": 0}',
        '{"type": "connection_init", "payload": ""}',
        '{"type": "ping", "payload": 5}',
        '{"type": "ping", "payload": []}',
        '{"type": "ping", "payload": ' + '{"a": ' * 300 + "1" + "}" * 301,
        '{"type": "pong", "payload": "text"}',
        '{"type": null}',
        '{"type": ["ping"]}',
        '{"type": "start", "id": "1", "payload": {"query": "{ __typename }"}}',
        '{"type": "connection_ack"}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "error", "id": "1", "payload": []}',
        '{"type": "complete"}',
        '{"type": "complete", "id": ""}',
        '{"type": "complete", "id": 1}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": null, "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "1", "payload": "{ __typename }"}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "operationName": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "extensions": 5}}',
        '{"type": "' + "x" * 10_000 + '"}',
        "",
        "[" * 10_000,
        '{"type": "ping", "payload": {"text": "\\ud800"}}',
    ],
)
async def test_a_message_that_is_none_closes_the_socket(server: str, message: str) -> None:
    code, _ = await closed_by(server, message)

    assert code == 4400


async def test_a_second_initialisation_closes_the_socket(server: str) -> None:
    assert await closed_by(server, INIT, INIT) == (4429, "Too many initialisation requests")


async def test_an_operation_before_the_acknowledgement_closes_the_socket(server: str) -> None:
    subscribe = '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}'

    assert await closed_by(server, subscribe) == (4401, "Unauthorized")


@pytest.mark.parametrize("id", ["short", "ü" * 10_000])
async def test_an_id_that_lives_closes_the_socket_however_long(
    server: str, venue: Venue, id: str
) -> None:
    async with live(server, token=venue.owner.token) as client:
        message = {"id": id, "type": "subscribe", "payload": {"query": LIVE}}
        await client.send(message)
        await client.send(message)

        code = await client.closed()

    assert code == 4409
    assert (client.socket.close_reason or "").startswith(f"Subscriber for {id[:40]}")


async def test_an_id_is_free_again_after_its_operation(server: str, venue: Venue) -> None:
    async with socket(server) as connection:
        await connection.send(
            orjson.dumps(
                {"type": "connection_init", "payload": {"authorization": venue.owner.token}}
            ).decode()
        )
        await connection.recv()

        stopped = {"id": "1", "type": "subscribe", "payload": {"query": LIVE}}
        await connection.send(orjson.dumps(stopped).decode())
        await connection.send('{"id": "1", "type": "complete"}')
        answered = {"id": "1", "type": "subscribe", "payload": {"query": "{ __typename }"}}
        await connection.send(orjson.dumps(answered).decode())
        first, second = [orjson.loads(await connection.recv()) for _ in range(2)]

    assert first["payload"]["data"] == {"__typename": "Query"}
    assert second == {"id": "1", "type": "complete"}


async def test_the_end_of_an_unknown_operation_is_no_mistake(server: str) -> None:
    async with live(server) as client:
        await client.send({"id": "never begun", "type": "complete"})

        assert await (await client.subscribe("{ __typename }")).next() == {"__typename": "Query"}


async def test_a_socket_runs_a_hundred_operations_at_once(server: str, venue: Venue) -> None:
    async with live(server, token=venue.owner.token) as client:
        running = [await client.subscribe(LIVE) for _ in range(100)]

        (error,) = await (await client.subscribe(LIVE)).errors()
        await client.stop(running[0])
        answer = await (await client.subscribe("{ __typename }")).next()

    assert error["extensions"] == {"code": "TOO_COMPLEX", "limit": 100, "value": 101}
    assert answer == {"__typename": "Query"}
