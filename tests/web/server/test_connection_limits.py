"""Limits of a connection and on their number: refused by an HTTP status, or closed."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.serving import Server
from web.server import connection_limits
from web.server.connection_limits import BoundedProtocol, Connections, connections_of_files

PATIENCE_SECONDS = 30
SMALL = b"GET /small HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"


async def small(request: Request) -> Response:
    return Response(b"small %d" % len(await request.body()))


async def stream(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"part"
            await asyncio.sleep(0.05)

    return StreamingResponse(parts())


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass


ROUTES = [
    Route("/small", small, methods=["GET", "POST"]),
    Route("/stream", stream),
    WebSocketRoute("/echo", echo),
]


@asynccontextmanager
async def serving(counted: Connections, *, proxies: str = "192.0.2.1") -> AsyncIterator[int]:
    """Serves for the length of the block, and yields the port."""
    config = uvicorn.Config(
        Starlette(routes=ROUTES),
        http=partial(BoundedProtocol, connections=counted),  # type: ignore[arg-type]
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        forwarded_allow_ips=proxies,
        host="127.0.0.1",
        port=0,
    )
    server = Server(config)
    served = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await served


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(Connections(of_address=100)) as port:
        yield port


class Wire:
    """A bare connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await asyncio.sleep(0.01)

    async def head(self) -> str:
        """Returns the head of the next answer, with its body if it is a short one."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def rest(self) -> str:
        """Returns all bytes until the server closes the connection."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self.reader.read(-1)).decode()


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


async def answered(port: int, *parts: bytes) -> str:
    """Sends bytes, and returns the first line of the response."""
    async with wire(port) as open:
        await open.send(*parts)
        return (await open.head()).split("\r\n", 1)[0]


OK = "HTTP/1.1 200 OK"
TOO_LARGE = "HTTP/1.1 431 Request Header Fields Too Large"
LATE = "HTTP/1.1 408 Request Timeout"


# ------------------------------------------------------------------------------ heads


@pytest.mark.parametrize(("kibibytes", "first_line"), [(31, OK), (33, TOO_LARGE)])
async def test_a_head_has_at_most_32_kib(port: int, kibibytes: int, first_line: str) -> None:
    long = SMALL + b"X-Long: " + b"x" * (kibibytes * 1024) + b"\r\n\r\n"

    assert await answered(port, long) == first_line
    assert await answered(port, long[:20_000], long[20_000:31_000], long[31_000:]) == first_line


async def test_a_head_without_end_is_refused_as_soon_as_it_is_too_large(port: int) -> None:
    assert await answered(port, SMALL + b"X-Long: ", b"x" * 33 * 1024) == TOO_LARGE
    assert await answered(port, b"GET /" + b"x" * 33 * 1024) == TOO_LARGE


async def test_a_head_has_at_most_100_fields(port: int) -> None:
    fields = b"".join(b"X-%d: x\r\n" % number for number in range(99))

    assert await answered(port, SMALL + fields + b"\r\n") == OK
    assert await answered(port, SMALL + fields + b"X-100: x\r\n\r\n") == TOO_LARGE


async def test_a_long_line_of_a_socket_is_refused_as_well(port: int) -> None:
    long = {"Cookie": "x" * 9 * 1024}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{port}/echo", additional_headers=long):
            pass

    assert refused.value.response.status_code == 431


async def test_a_large_body_is_no_large_head(port: int) -> None:
    head = b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    async with wire(port) as open:
        for _ in range(3):
            await open.send(head + b"x" * 50_000, b"x" * 50_000)
            assert "200 OK" in await open.head()
            assert await open.reader.readexactly(12) == b"small 100000"


async def test_what_is_no_http_is_a_bad_request(port: int) -> None:
    assert await answered(port, b"nonsense\r\n\r\n") == "HTTP/1.1 400 Bad Request"


# ------------------------------------------------------------------------------ deadlines


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(connection_limits, "BODY_SECONDS", 0.3)


def test_a_head_has_10_seconds_and_a_body_30() -> None:
    assert (connection_limits.HEAD_SECONDS, connection_limits.BODY_SECONDS) == (10, 30)


@pytest.mark.usefixtures("impatient")
async def test_what_does_not_end_is_answered_408(port: int) -> None:
    assert await answered(port, SMALL) == LATE
    assert await answered(port, POST + b"short") == LATE
    async with wire(port) as trickling:
        sending = asyncio.create_task(trickling.send(SMALL, *[b"X: x\r\n"] * 5_000))
        assert (await trickling.head()).startswith(LATE)
        sending.cancel()


@pytest.mark.usefixtures("impatient")
async def test_a_connection_that_says_nothing_is_closed_without_a_word(port: int) -> None:
    async with wire(port) as silent, wire(port) as blank:
        await blank.send(SMALL + b"\r\n")
        await blank.head()
        assert await blank.reader.readexactly(7) == b"small 0"
        await blank.send(b"\r\n")

        assert await silent.rest() == ""
        assert (await blank.rest()).startswith(LATE)


@pytest.mark.usefixtures("impatient")
async def test_an_answer_on_its_way_is_not_disturbed_by_a_late_request(port: int) -> None:
    async with wire(port) as open:
        await open.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", SMALL)

        assert "408" not in await open.rest()


@pytest.mark.usefixtures("impatient")
async def test_what_is_complete_takes_its_time(port: int) -> None:
    async with wire(port) as open:
        await open.send(b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

        assert (await open.rest()).count("part") == 20


async def test_requests_on_one_connection_are_all_answered(port: int) -> None:
    async with wire(port) as open:
        await open.send((SMALL + b"\r\n") * 3, POST + b"0123456789" + SMALL, b"\r\n")
        await open.send(SMALL + b"Connection: close\r\n\r\n")

        assert (await open.rest()).count(OK) == 6


# ------------------------------------------------------------------------------ connections


async def test_beyond_the_most_a_caller_is_told_to_come_later() -> None:
    counted = Connections(of_address=2)
    async with serving(counted) as port, wire(port), wire(port) as second:
        async with wire(port) as third:
            answer = await third.rest()
        assert answer.startswith("HTTP/1.1 503 Service Unavailable\r\n")
        assert "\r\nretry-after: 10\r\n" in answer

        second.writer.close()
        await until_open(counted, 1)
        assert await answered(port, SMALL + b"\r\n") == OK


async def test_a_proxy_may_have_them_all_but_no_more() -> None:
    counted = Connections(of_address=2, in_all=4)
    async with serving(counted, proxies="127.0.0.1") as port, AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(wire(port))
        async with wire(port) as fifth:
            assert (await fifth.rest()).startswith("HTTP/1.1 503")


async def test_sockets_count_until_they_are_closed() -> None:
    counted = Connections(of_address=2)
    async with serving(counted) as port, connect(f"ws://127.0.0.1:{port}/echo") as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"
        assert counted.number == 1
        await socket.close()
        await until_open(counted, 0)


async def test_where_limits_are_off_only_files_bound_them() -> None:
    counted = Connections(of_address=None, in_all=3)
    async with serving(counted) as port, wire(port), wire(port), wire(port), wire(port) as fourth:
        assert (await fourth.rest()).startswith("HTTP/1.1 503")


def test_a_process_with_1024_files_takes_896_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 4_096))

    assert connections_of_files() == 896


async def test_the_101st_message_in_a_second_closes_a_socket(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limits, "FLOOD_PAUSE_SECONDS", 1)
    async with connect(f"ws://127.0.0.1:{port}/echo") as socket:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(1_000):
                await socket.ping()
                if socket.close_code is not None:
                    break
            await socket.wait_closed()

        assert (socket.close_code, socket.close_reason) == (4429, "At most 100 messages a second")
    # Or to open one after the other would cost as much as to send on one.
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{port}/echo")
    await asyncio.sleep(1)
    async with connect(f"ws://127.0.0.1:{port}/echo") as another:
        await another.send("hello")
        assert await another.recv() == "hello"

    answer = refused.value.response
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


async def until_open(counted: Connections, number: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while counted.number != number:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
