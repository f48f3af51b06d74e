"""The API as a client of Server-Sent Events sees it, down to the bytes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

PATIENCE_SECONDS = 60


@dataclass
class Events:
    """A response that is being received."""

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
        """Returns the next event as sent, comments too; None at the end. Raises TimeoutError."""
        size = await self._within(self.reader.readuntil(b"\r\n"))
        chunk = await self._within(self.reader.readexactly(int(size, 16) + 2))
        return chunk[:-2].decode() or None

    async def event(self) -> Any:
        """Returns the answer in the next event ``next``, past all comments."""
        text = await self.next()
        while text == ":\n\n":
            text = await self.next()
        assert text is not None and text.startswith("event: next\ndata: "), text
        assert text.endswith("\n\n")
        return orjson.loads(text.split("\n")[1].removeprefix("data: "))

    async def rest(self) -> list[str]:
        """Returns everything that is sent until the end, except comments."""
        texts = []
        while (text := await self.next()) is not None:
            texts.append(text)
        return [text for text in texts if text != ":\n\n"]

    async def is_cut_off(self) -> bool:
        """Reads to the end, and returns whether the stream was cut off."""
        try:
            await self.rest()
        except asyncio.IncompleteReadError:
            return True
        return False

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
    address: str | None = None,
    target: str | None = None,
) -> AsyncIterator[Events]:
    """Sends a request by POST, or by GET of a target, and yields the streamed response."""
    host, port = server.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = orjson.dumps({"query": query, "variables": variables})
    lines = [f"GET {target} HTTP/1.1" if target else "POST /graphql HTTP/1.1", "Host: localhost"]
    lines += ["Accept: text/event-stream", "Content-Type: application/json"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"X-Forwarded-For: {address}"] if address else []
    lines += [] if target else [f"Content-Length: {len(body)}"]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if target else body))
    stream = Events(reader, writer)
    try:
        await stream.begin()
        yield stream
    finally:
        writer.close()
