"""A client on its own connection, light enough for hundreds of them."""

import asyncio
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Self
from urllib.parse import urlsplit

import orjson

from tests.support.client import Answer

PATIENCE_SECONDS = 120


class Client:
    """Sends operations, one after the other, on one connection that stays open.

    ``waits`` are the seconds that each answer took.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, token: str
    ) -> None:
        self.waits: list[float] = []
        self._reader = reader
        self._writer = writer
        self._head = (
            "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"User-Agent: racer\r\nAuthorization: Bearer {token}\r\nContent-Length: "
        ).encode()

    @classmethod
    async def connect(cls, address: str, *, token: str) -> Self:
        parts = urlsplit(address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        return cls(reader, writer, token=token)

    async def ask(self, query: str, variables: Mapping[str, Any]) -> Answer:
        began = perf_counter()
        async with asyncio.timeout(PATIENCE_SECONDS):
            self._send(query, variables)
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head.rstrip("\r\n").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            answer = await self._reader.readexactly(int(headers["content-length"]))
        self.waits.append(perf_counter() - began)
        return Answer(int(status.split()[1]), headers, orjson.loads(answer))

    async def ask_and_hang_up(self, query: str, variables: Mapping[str, Any]) -> None:
        """Sends an operation, and disconnects before the response."""
        self._send(query, variables)
        await self._writer.drain()
        await self.close()

    def _send(self, query: str, variables: Mapping[str, Any]) -> None:
        body = orjson.dumps({"query": query, "variables": variables})
        self._writer.write(self._head + b"%d\r\n\r\n" % len(body) + body)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
