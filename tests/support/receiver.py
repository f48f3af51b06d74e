"""A receiver of requests on this machine, such as those of webhooks."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Received:
    """A request; the names of its headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def payload(self) -> Any:
        return orjson.loads(self.body)


Answering = Callable[[Received], Awaitable[tuple[int, str]]]
"""Returns the status and the body of the answer."""


@dataclass
class Receiver:
    """What was received, and how it is answered: with 204, unless ``answers`` says otherwise."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    answers: Answering | None = None
    location: str | None = None
    connections: int = 0

    def fails(self, status: int, text: str = "") -> None:
        """Answers with a status from now on."""

        async def answer(_: Received) -> tuple[int, str]:
            return status, text

        self.answers = answer

    def works(self) -> None:
        self.answers = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while received := await _read(reader):
                self.requests.append(received)
                status, text = await self.answers(received) if self.answers else (204, "")
                writer.write(self._answer(status, text.encode()))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, status: int, body: bytes) -> bytes:
        location = f"Location: {self.location}\r\n" if self.location else ""
        return f"HTTP/1.1 {status} X\r\n{location}Content-Length: {len(body)}\r\n\r\n".encode() + (
            body
        )


async def _read(reader: asyncio.StreamReader) -> Received | None:
    line = await reader.readline()
    if not line:
        return None
    headers = {}
    while (text := (await reader.readline()).decode().strip()) != "":
        name, _, value = text.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(line.decode().split()[1], headers, body)


@asynccontextmanager
async def receiver(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Runs a receiver at a free port of 127.0.0.1."""
    receiving = Receiver()
    server = await asyncio.start_server(receiving.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    receiving.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield receiving
    finally:
        server.close()
