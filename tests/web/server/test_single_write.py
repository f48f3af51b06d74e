"""Responses are sent in one write, and streams part by part."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from execution import deadline
from execution.deadline import within_deadline
from kit.errors import Unavailable
from web.server import single_write
from web.server.single_write import SEND_RESPONSE, BufferedProtocol

LARGE = b"x" * 3_000_000


async def small(_request: Request) -> Response:
    return Response(b"small", headers={"X-Kind": "small"})


async def large(_request: Request) -> Response:
    return Response(LARGE)


async def stream(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for n in range(3):
            yield b"%d" % n
            await asyncio.sleep(0.3)

    return StreamingResponse(parts())


async def endless(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 10_000

    return StreamingResponse(parts())


class Whole:
    """An app that responds in one step if it can."""

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        answer = scope["extensions"][SEND_RESPONSE]
        if not answer(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-way: whole\r\n", (b"sm", b"all")):
            headers = [(b"content-length", b"5"), (b"x-way", b"usual")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"small"})


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    routes = [Route(f"/{each.__name__}", each) for each in (small, large, stream, endless)]
    routes.append(Route("/whole", Whole()))
    config = uvicorn.Config(
        Starlette(routes=routes), http=BufferedProtocol, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def test_an_answer_is_one_write(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[list[Any]] = []
    flush = single_write.BufferedTransport.flush

    def counted(self: single_write.BufferedTransport) -> None:
        if self._parts:
            writes.append(list(self._parts))
        flush(self)

    monkeypatch.setattr(single_write.BufferedTransport, "flush", counted)

    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        answers = [await http.get("/small") for _ in range(3)]

    assert [answer.content for answer in answers] == [b"small"] * 3
    assert answers[0].headers["x-kind"] == "small"
    assert [len(parts) for parts in writes] == [2, 2, 2]


async def test_large_answers_arrive_whole(port: int) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        assert (await http.get("/large")).content == LARGE
        assert len((await http.get("/endless")).content) == 2_000_000


async def test_a_stream_is_sent_as_it_comes(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")

    async with asyncio.timeout(30):
        begun = await reader.readuntil(b"\r\n\r\n1\r\n0\r\n")

    assert b"\r\n1\r\n1\r\n" not in begun
    async with asyncio.timeout(30):
        assert (await reader.readuntil(b"\r\n0\r\n\r\n")).endswith(b"2\r\n0\r\n\r\n")
    writer.close()


async def test_requests_sent_together_are_answered_in_order(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    writer.write(b"GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    async with asyncio.timeout(30):
        answered = await reader.read(-1)

    assert answered.count(b"HTTP/1.1 200 OK") == answered.count(b"\r\n\r\nsmall") == 3
    writer.close()


async def test_answers_in_one_step_come_in_order_and_say_when(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /whole HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    writer.write(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n")
    writer.write(b"GET /whole HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    async with asyncio.timeout(30):
        answered = await reader.read(-1)

    assert answered.count(b"\r\n\r\nsmall") == answered.count(b"\r\ndate: ") == 4
    assert answered.count(b"x-way: whole") == 2
    # Only uvicorn's own way out says that the connection ends.
    assert answered.index(b"x-kind") < answered.index(b"x-way: usual")
    assert b"connection: close" in answered[answered.index(b"x-way: usual") :]
    writer.close()


async def test_a_head_alone_has_no_body(port: int) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        head = await http.head("/whole")
        whole = await http.get("/whole")

    assert (head.headers["x-way"], head.content) == ("usual", b"")
    assert (whole.headers["x-way"], whole.content) == ("whole", b"small")


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "REQUEST_TIMEOUT_SECONDS", 0.05)

    with pytest.raises(Unavailable), within_deadline():
        await asyncio.sleep(30)

    await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_task_that_is_ended_by_others_ends() -> None:
    async def wait() -> None:
        with within_deadline():
            await asyncio.sleep(30)

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_timeout_within_is_told_as_such() -> None:
    with pytest.raises(Unavailable), within_deadline():
        raise TimeoutError
