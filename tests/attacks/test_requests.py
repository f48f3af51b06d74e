"""Requests that must be rejected: too large, malformed, disguised or cross-site."""

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from kit.runtime import Runtime
from tests.attacks.internals import internals_in
from tests.support.client import Api, live, socket
from tests.support.factories import Venue, make_venue

MIB = 1024 * 1024
SECONDS = 20.0
QUERY = b'{"query": "{ __typename }"}'
CREATE = 'mutation { createRoom(input: {name: "Blue", capacity: 4}) { room { id } } }'
ROOMS = "{ rooms { totalCount } }"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def post(api: Api, body: bytes, **headers: str) -> httpx2.Response:
    return await api.http.post(
        "/graphql", content=body, headers={"Content-Type": "application/json", **headers}
    )


class Wire:
    """How much of a body the server read, and its response."""

    def __init__(self, answer: bytes, taken: int, seconds: float) -> None:
        self.status = answer.partition(b"\r\n")[0]
        self.taken = taken
        self.seconds = seconds

    @classmethod
    async def send(cls, server: str, head: str, body: AsyncIterator[bytes]) -> "Wire":
        host, _, port = server.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        began = perf_counter()
        writer.write(f"POST /graphql HTTP/1.1\r\nHost: {host}\r\n{head}\r\n\r\n".encode())
        answering = asyncio.create_task(reader.read(64 * 1024))
        taken = 0
        try:
            async for chunk in body:
                if answering.done():
                    break
                writer.write(chunk)
                await writer.drain()
                taken += len(chunk)
            answer = await asyncio.wait_for(answering, SECONDS)
        finally:
            writer.close()
        return cls(answer, taken, perf_counter() - began)


async def spaces(mebibytes: int, *, is_chunked: bool = False) -> AsyncIterator[bytes]:
    part = b" " * (64 * 1024)
    for _ in range(mebibytes * 16):
        yield b"10000\r\n" + part + b"\r\n" if is_chunked else part


async def test_20_mib_are_refused_by_what_the_head_says(server: str) -> None:
    head = f"Content-Type: application/json\r\nContent-Length: {20 * MIB}"

    wire = await Wire.send(server, head, spaces(20))

    assert wire.status == b"HTTP/1.1 413 Request Entity Too Large"
    assert wire.taken < 10 * MIB
    assert wire.seconds < SECONDS


async def test_20_mib_that_no_head_tells_of_are_not_read_to_the_end(server: str) -> None:
    head = "Content-Type: application/json\r\nTransfer-Encoding: chunked"

    wire = await Wire.send(server, head, spaces(20, is_chunked=True))

    assert wire.status == b"HTTP/1.1 413 Request Entity Too Large"
    assert wire.taken < 10 * MIB
    assert wire.seconds < SECONDS


async def test_a_message_of_a_mebibyte_closes_its_socket_only(server: str) -> None:
    async with live(server) as stays, socket(server) as big:
        await big.send("x" * MIB)
        async with asyncio.timeout(SECONDS):
            await big.wait_closed()

        assert big.close_code == 1009
        assert await (await stays.subscribe("{ __typename }")).next() == {"__typename": "Query"}


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe" + QUERY,
        "\ufeff".encode() + QUERY,
        QUERY.decode().encode("utf-16"),
        QUERY[:-1] + b"\x00}",
        b'{"query": "{ __typename \xc0\xaf }"}',
        b'{"query": "{ __typename \xed\xa0\x80 }"}',
        b'{"query": "{ __typename }", "operationName": "\\udc00"}',
        b'{"query": "{ __typename }", "variables": {"\\ud800": 1}}',
        b'{"query": "{ __typename }", "variables": {"a": NaN}}',
        b'{"query": "{ __typename }"} {}',
        b'{"query": "{ __typename }",}',
        b"{'query': '{ __typename }'}",
        b'{"query": "{ __typename }", "variables": ' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"1" * 100_000,
        b'[{"query": "{ __typename }"}, {"query": "{ __typename }"}]',
        b'{"query": ["{ __typename }"]}',
        b'{"query": {"query": "{ __typename }"}}',
    ],
)
async def test_a_body_that_is_no_json_object_in_utf_8_is_a_bad_request(
    api: Api, body: bytes
) -> None:
    response = await post(api, body)

    assert response.status_code == 400
    assert internals_in(response.text) == []


@pytest.mark.parametrize(
    "variables", ['{"text": "a\\u0000b"}', '{"text": "\\u0000"}', '{"text": "a\\u0000"}']
)
async def test_text_with_nul_is_refused_before_it_is_stored(
    api: Api, venue: Venue, variables: str
) -> None:
    search = "query ($text: String!) { customers(filter: {search: $text}) { nodes { id } } }"

    response = await post(
        api,
        f'{{"query": "{search}", "variables": {variables}}}'.encode(),
        Authorization=f"Bearer {venue.owner.token}",
    )

    assert response.status_code == 200
    (error,) = response.json()["errors"]
    assert error["message"] == "CustomerFilter.search: Text can't contain NUL characters."


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json-patch+json",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=utf-7",
        "\u00e4".encode().decode("latin-1"),
    ],
)
async def test_what_a_form_of_another_page_can_send_is_not_read(api: Api, kind: str) -> None:
    response = await api.http.post(
        "/graphql", content=QUERY, headers=[(b"Content-Type", kind.encode("latin-1"))]
    )

    assert response.status_code == 415


@pytest.mark.parametrize(
    "parameters",
    [
        {"query": CREATE},
        {"query": f"query A {{ __typename }} {CREATE.replace('mutation', 'mutation B')}",
         "operationName": "B"},
    ],
)  # fmt: skip
async def test_a_link_changes_nothing(api: Api, venue: Venue, parameters: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {venue.owner.token}"}

    response = await api.http.get("/graphql", params=parameters, headers=headers)

    assert response.status_code == 405
    assert (await api(ROOMS, token=venue.owner.token)).data == {"rooms": {"totalCount": 2}}


@pytest.mark.parametrize(
    "query", ["query=%ff%fe", "query=%00", "query=%ED%A0%80", "query={a}&variables={", "query"]
)
async def test_a_link_that_asks_for_nothing_is_a_bad_request(api: Api, query: str) -> None:
    response = await api.http.get(f"/graphql?{query}", headers={"Accept": "application/json"})

    assert response.status_code in (200, 400)
    assert "data" not in response.json()
    assert internals_in(response.text) == []


@pytest.mark.parametrize(
    "accept",
    ["multipart/mixed", 'multipart/mixed;subscriptionSpec="1.0"'],
)
async def test_streams_that_are_not_served_are_refused_as_such(
    api: Api, venue: Venue, accept: str
) -> None:
    headers = {"Accept": accept, "Authorization": f"Bearer {venue.owner.token}"}
    subscription = b'{"query": "subscription { bookingChanged { __typename } }"}'

    alone = await post(api, subscription, **headers)
    with_json = await post(api, subscription, **{**headers, "Accept": f"{accept}, */*;q=0.1"})
    by_link = await api.http.get(
        "/graphql", params={"query": "subscription { bookingChanged { __typename } }"},
        headers=headers,
    )  # fmt: skip

    assert [alone.status_code, by_link.status_code] == [406, 406]
    assert with_json.json()["errors"][0]["message"] == (
        "Subscriptions need a WebSocket (graphql-transport-ws) or text/event-stream."
    )
    assert with_json.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer \u00ff",
        "Bearer a.b.c",
        "Bearer " + "a" * 20_000,
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer ..",
        "bearer null",
        "Basic b3duZXI6cHc=",
        "\u00ff",
    ],
)
async def test_credentials_that_are_none_are_refused(api: Api, authorization: str) -> None:
    headers = [
        (b"Authorization", authorization.encode("latin-1")),
        (b"Accept", b"application/graphql-response+json"),
        (b"Content-Type", b"application/json"),
    ]

    response = await api.http.post("/graphql", content=QUERY, headers=headers)

    assert response.status_code == 401
    assert internals_in(response.text) == []


@pytest.mark.parametrize("token", ["\0", "ÿ", "💥", "a.b.c", "a" * 20_000, "Bearer  "])
async def test_credentials_that_are_none_close_the_socket(server: str, token: str) -> None:
    async with socket(server) as connection:
        init: dict[str, Any] = {"type": "connection_init", "payload": {"authorization": token}}
        await connection.send(httpx2.Request("POST", server, json=init).content.decode())
        async with asyncio.timeout(SECONDS):
            await connection.wait_closed()

    assert connection.close_code == 4403


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example.com",
        "https://book.example.com.evil.example.com",
        "https://evilbook.example.com",
        "http://book.example.com",
        "https://book.example.com:8443",
        "https://book.example.com@evil.example.com",
        "file://",
        "x",
    ],
)
async def test_a_page_of_another_origin_opens_no_socket_and_reads_no_answer(
    api: Api, server: str, origin: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket(server, origin=origin):
            pass
    answer = await post(api, QUERY, Origin=origin)

    assert refused.value.response.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/graphql", "/livez", "/readyz", "/metrics", "/", "/nothing"])
async def test_every_answer_tells_browsers_to_be_careful(api: Api, path: str) -> None:
    response = await api.http.get(path)

    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert response.headers["content-security-policy"] == (
        "default-src 'none'; frame-ancestors 'none'"
    )
    assert "server" not in response.headers
