"""The protocol graphql-transport-ws at /graphql, and sockets whose credentials end."""

import asyncio

import orjson
import pytest
from graphql import get_introspection_query
from sqlalchemy import update
from sqlmodel import col
from websockets.exceptions import InvalidStatus

from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.accounts.sessions import Session
from models.accounts.users import User
from resolvers.core.transactions import perform
from tests.support.client import Api, live, socket
from tests.support.clock import StoppedClock
from tests.support.factories import Person, Venue, make_venue

ROOMS = "{ rooms { nodes { name } } }"
INIT = '{"type": "connection_init"}'


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def close_code(server: str, *messages: str | bytes) -> int | None:
    """Returns the close code of a socket that sends these messages."""
    async with socket(server) as connection:
        for message in messages:
            await connection.send(message)
        async with asyncio.timeout(60):
            await connection.wait_closed()
        return connection.close_code


async def test_an_operation_is_answered_and_completed(server: str, venue: Venue) -> None:
    async with live(server, token=venue.owner.token) as client:
        stream = await client.subscribe(ROOMS)

        first, second = await stream.message(), await stream.message()

    assert first["type"] == "next"
    assert first["payload"]["data"] == {
        "rooms": {"nodes": [{"name": "Room 1"}, {"name": "Room 2"}]}
    }
    assert first["payload"]["extensions"]["cost"]["requestedQueryCost"] == 21
    assert second == {"id": stream.id, "type": "complete"}


async def test_the_hash_of_a_persisted_query_ends_that_operation_only(server: str) -> None:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    asked = {"id": "hash", "type": "subscribe", "payload": {"extensions": extensions}}
    async with socket(server) as connection:
        for message in ({"type": "connection_init"}, asked):
            await connection.send(orjson.dumps(message).decode())
        _, refusal = [orjson.loads(await connection.recv()) for _ in range(2)]
        query = {"id": "text", "type": "subscribe", "payload": {"query": "{ __typename }"}}
        await connection.send(orjson.dumps(query).decode())
        answer = orjson.loads(await connection.recv())

    assert (refusal["type"], refusal["id"]) == ("error", "hash")
    assert refusal["payload"][0]["message"] == "PersistedQueryNotSupported"
    assert answer["payload"]["data"] == {"__typename": "Query"}


async def test_each_operation_reads_anew(server: str, venue: Venue) -> None:
    create = 'mutation { createRoom(input: {name: "Blue", capacity: 4}) { room { name } } }'
    async with live(server, token=venue.owner.token) as client:
        await (await client.subscribe(ROOMS)).next()
        await (await client.subscribe(create)).next()

        after = await (await client.subscribe(ROOMS)).next()

    assert [room["name"] for room in after["rooms"]["nodes"]] == ["Blue", "Room 1", "Room 2"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ rooms(first: 250) { nodes { bookings(first: 250) { nodes { id } } } } }",
            "TOO_COMPLEX",
        ),
    ],
)
async def test_what_cannot_run_ends_that_operation_only(
    server: str, venue: Venue, text: str, code: str
) -> None:
    async with live(server, token=venue.owner.token) as client:
        refused = await (await client.subscribe(text)).errors()
        answered = await (await client.subscribe("{ __typename }")).next()

    assert [error["extensions"]["code"] for error in refused] == [code]
    assert answered == {"__typename": "Query"}


async def test_a_stranger_may_ask_what_is_public(server: str) -> None:
    async with live(server) as client:
        message = await (
            await client.subscribe("{ __typename rooms { nodes { name } } }")
        ).message()

    assert message["payload"]["data"] == {"__typename": "Query", "rooms": None}
    assert message["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("authorization", ["nonsense", "Bearer nonsense", "Basic x", "", 5])
async def test_bad_credentials_are_forbidden(server: str, authorization: object) -> None:
    init = {"type": "connection_init", "payload": {"authorization": authorization}}

    assert await close_code(server, orjson.dumps(init).decode()) == 4403


@pytest.mark.parametrize(
    "payload",
    [
        {"Authorization": "Bearer {}"},
        {"AUTHORIZATION": "{}"},
        {"headers": {"authorization": "Bearer {}"}},
        {"headers": {"Authorization": "Bearer {}"}, "authorization": "Bearer {}"},
        {"Headers": {"Authorization": "bearer {}"}, "token": None, "clientName": "board"},
    ],
)
async def test_the_token_is_found_where_clients_put_it(
    server: str, venue: Venue, payload: object
) -> None:
    init = {"type": "connection_init", "payload": payload}
    text = orjson.dumps(init).decode().replace("{}", venue.owner.token)

    async with socket(server) as connection:
        await connection.send(text)
        assert orjson.loads(await connection.recv()) == {"type": "connection_ack"}
        ask = {"id": "1", "type": "subscribe", "payload": {"query": "{ viewer { role } }"}}
        await connection.send(orjson.dumps(ask).decode())
        answer = orjson.loads(await connection.recv())

    assert answer["payload"]["data"] == {"viewer": {"role": "OWNER"}}


@pytest.mark.parametrize(
    "payload",
    [
        {"token": "x"},
        {"authToken": "x"},
        {"X-Api-Key": "x"},
        {"headers": {"access_token": "x"}},
        {"headers": [["Authorization", "Bearer x"]]},
        {"headers": {"Authorization": "nonsense"}},
        {"headers": {"headers": {"Authorization": "Bearer x"}}},
        {"authorization": "Bearer x", "headers": {"Authorization": "Bearer y"}},
    ],
)
async def test_credentials_that_nobody_knows_are_refused_and_not_ignored(
    server: str, payload: object
) -> None:
    init = {"type": "connection_init", "payload": payload}

    async with socket(server) as connection:
        await connection.send(orjson.dumps(init).decode())
        await connection.wait_closed()

    assert connection.close_code == 4403
    assert (connection.close_reason or "").startswith("Forbidden: ")


async def test_the_token_may_come_without_the_word_bearer(server: str, venue: Venue) -> None:
    init = {"type": "connection_init", "payload": {"authorization": venue.owner.token}}

    async with socket(server) as connection:
        await connection.send(orjson.dumps(init).decode())

        assert orjson.loads(await connection.recv()) == {"type": "connection_ack"}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["not JSON"], 4400),
        (["5"], 4400),
        (["[]"], 4400),
        (["{}"], 4400),
        (['{"type": 5}'], 4400),
        (['{"type": "unknown"}'], 4400),
        ([b"{}"], 4400),
        ([INIT, '{"type": "subscribe"}'], 4400),
        ([INIT, '{"type": "subscribe", "id": 1, "payload": {"query": "{ a }"}}'], 4400),
        ([INIT, '{"type": "subscribe", "id": "1", "payload": {"query": 5}}'], 4400),
        (
            [INIT, '{"type": "subscribe", "id": "1", "payload": {"query": "", "variables": 5}}'],
            4400,
        ),
        (['{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}'], 4401),
        ([INIT, INIT], 4429),
        (['{"type": "connection_init", "payload": 5}'], 4400),
    ],
)
async def test_what_breaks_the_protocol_closes_the_socket(
    server: str, messages: list[str | bytes], code: int
) -> None:
    assert await close_code(server, *messages) == code


async def test_a_message_over_256_kib_closes_the_socket(server: str) -> None:
    assert await close_code(server, " " * 256 * 1024 + INIT) == 1009


async def test_a_client_that_stops_reading_is_left(
    server: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution.subscriber.SEND_TIMEOUT_SECONDS", 0.2)
    async with live(server) as client:
        client.socket.transport.pause_reading()

        for _ in range(20):
            await client.subscribe(get_introspection_query())

        await until_no_socket_is_open(api)
        client.socket.transport.resume_reading()


async def test_an_id_is_used_once_at_a_time(server: str, venue: Venue) -> None:
    subscription = "subscription { bookingChanged { __typename } }"
    async with live(server, token=venue.owner.token) as client:
        message = {"id": "same", "type": "subscribe", "payload": {"query": subscription}}
        await client.send(message)
        await client.send(message)

        assert await client.closed() == 4409


async def test_a_ping_is_answered(server: str) -> None:
    async with socket(server) as connection:
        await connection.send('{"type": "ping"}')

        assert orjson.loads(await connection.recv()) == {"type": "pong"}


async def test_pages_of_other_origins_are_refused(server: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket(server, origin="https://evil.example.com"):
            pass

    assert refused.value.response.status_code == 403


async def test_pages_of_an_allowed_origin_are_let_in(server: str) -> None:
    async with socket(server, origin="https://book.example.com") as connection:
        await connection.send(INIT)

        assert orjson.loads(await connection.recv()) == {"type": "connection_ack"}


async def test_only_the_present_protocol_is_spoken(server: str) -> None:
    async with socket(server, protocol="graphql-ws") as connection:
        async with asyncio.timeout(60):
            await connection.wait_closed()

        assert connection.close_code == 4406


# ------------------------------------------------------------------------------ credentials


async def test_a_socket_ends_with_its_token(server: str, venue: Venue, clock: StoppedClock) -> None:
    async with live(server, token=venue.owner.token) as client:
        await (await client.subscribe(ROOMS)).next()

        clock.advance(minutes=15)

        assert await client.closed() == 4403


async def test_a_socket_ends_with_its_session(
    server: str, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    async with live(server, token=venue.owner.token) as client:
        await (await client.subscribe(ROOMS)).next()

        await store(
            runtime,
            venue.owner,
            update(Session)
            .values(ended_at=clock())
            .where(col(Session.id) == venue.owner.session.id),
        )
        clock.advance(seconds=1)

        assert await client.closed() == 4403


async def test_a_socket_ends_when_its_user_is_deactivated(
    server: str, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    async with live(server, token=venue.staff.token) as client:
        await (await client.subscribe(ROOMS)).next()

        await store(
            runtime,
            venue.staff,
            update(User).values(deactivated_at=clock()).where(col(User.id) == venue.staff.user.id),
        )
        clock.advance(seconds=1)

        assert await client.closed() == 4403


async def test_a_changed_role_holds_for_an_open_socket(
    server: str, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    create = 'mutation { createRoom(input: {name: "Blue", capacity: 4}) { userErrors { code } } }'
    async with live(server, token=venue.manager.token) as client:
        await (await client.subscribe(create)).next()

        await store(
            runtime,
            venue.manager,
            update(User).values(role="STAFF").where(col(User.id) == venue.manager.user.id),
        )
        clock.advance(seconds=1)
        async with asyncio.timeout(60):
            errors = None
            while not errors:
                message = await (await client.subscribe(create)).message()
                errors = message["payload"].get("errors")

    assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


async def until_no_socket_is_open(api: Api) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(60):
        while True:
            page = await api.http.get("/metrics")
            if "boom_open_sockets 0.0" in page.text:
                return
            await asyncio.sleep(0.05)


async def store(runtime: Runtime, person: Person, statement: object) -> None:
    """Changes rows directly in the database."""

    async def change(scope: Scope) -> None:
        await scope.lock()
        await scope.run(statement)  # type: ignore[arg-type]

    await perform(runtime, person.actor, Request(new_id()), change)
