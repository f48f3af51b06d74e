"""Measures conversations with the assistant: `python -m benchmarks.assistant`.

A server of one process asks a model on this machine. Many conversations ask it at once: while all
of them wait for their first word, the memory of the process is compared with that before. Then the
model says the first words of one answer after the other, and each subscriber notes when they come.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import psutil
import uvloop

from benchmarks.data import load
from benchmarks.database import SECRET, empty_database, environment
from benchmarks.live import served
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.security.tokens import Tokens

PATIENCE_SECONDS: Final = 120
BETWEEN_SECONDS: Final = 0.02
"""Between two questions, and between the first words of two answers."""
SEND: Final = """
    mutation ($input: SendMessageInput!) {
      sendMessage(input: $input) {
        conversation { id } message { outcome } userErrors { message }
      }
    }
"""
FOLLOW: Final = """
    subscription ($id: ID!) {
      messageStreamed(conversationId: $id) { ... on MessageDelta { text } }
    }
"""
OPTIONS: Final = {
    "BOOM_RATE_LIMIT": "0",
    "BOOM_CONNECTIONS_PER_ADDRESS": "5000",
    "BOOM_SOCKETS_PER_ADDRESS": "5000",
    "BOOM_ASSISTANT_DAILY_TOKENS": "ENTERPRISE=1000000000",
    "BOOM_ASSISTANT_MONTHLY_TOKENS": "ENTERPRISE=1000000000",
}


class Model:
    """Answers "Hello" at once, and the rest when it is told to, by the numbers of messages."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Event] = {}
        self.said: dict[str, float] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().lower().split("\r\n")
                length = next(each for each in lines if each.startswith("content-length:"))
                body = orjson.loads(await reader.readexactly(int(length.partition(":")[2])))
                text = body["input"][-1]["content"]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
                writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
                if text != "Hello":
                    self.waiting[text] = asyncio.Event()
                    while not self.waiting[text].is_set():
                        # As a model does that thinks: silence for long is a failure.
                        await self._say({"type": "response.in_progress"}, writer)
                        with suppress(TimeoutError):
                            await asyncio.wait_for(self.waiting[text].wait(), 5)
                    self.said[text] = perf_counter()
                delta = {"type": "response.output_text.delta", "delta": f"Answer {text}. "}
                part = {"type": "output_text", "text": f"Answer {text}. "}
                item = {"type": "message", "content": [part]}
                usage = {"input_tokens": 500, "output_tokens": 50}
                end = {"model": "m", "output": [item], "usage": usage}
                await self._say(delta, writer)
                # What is complete is sent as a whole, and not as first words.
                await asyncio.sleep(1 if text != "Hello" else 0)
                await self._say({"type": "response.completed", "response": end}, writer)
                writer.write(b"0\r\n\r\n")
        writer.close()

    async def _say(self, event: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        data = b"data: " + orjson.dumps(event) + b"\n\n"
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await writer.drain()


class Client:
    """A person at a keyboard: one connection to send, another one to follow."""

    def __init__(self, port: int, token: str, number: int) -> None:
        self.number = str(number)
        self.came = 0.0
        self._port = port
        self._token = token
        self._id = ""

    async def begin(self) -> None:
        answer = await self._send({"message": "Hello"})
        self._id = answer["conversation"]["id"]

    async def ask(self) -> None:
        answer = await self._send({"message": self.number, "conversationId": self._id})
        if answer["message"]["outcome"] != "ANSWERED":
            raise SystemExit(f"an answer is {answer}")

    async def follow(self, followed: asyncio.Semaphore) -> None:
        reader, writer = await self._post(FOLLOW, {"id": self._id}, "text/event-stream")
        await reader.readuntil(b"\r\n\r\n")
        followed.release()
        await reader.readuntil(f"Answer {self.number}.".encode())
        self.came = perf_counter()
        writer.close()

    async def _send(self, given: dict[str, str]) -> Any:
        reader, writer = await self._post(SEND, {"input": given}, "application/json")
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(each for each in head.split("\r\n") if each.startswith("content-length:"))
        body = json.loads(await reader.readexactly(int(length.partition(":")[2])))
        writer.close()
        if "errors" in body or body["data"]["sendMessage"]["userErrors"]:
            raise SystemExit(f"a message was refused: {body}")
        return body["data"]["sendMessage"]

    async def _post(
        self, query: str, variables: dict[str, Any], accept: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        body = orjson.dumps({"query": query, "variables": variables})
        lines = [
            "POST /graphql HTTP/1.1", "Host: localhost", "Content-Type: application/json",
            f"Accept: {accept}", f"Authorization: Bearer {self._token}",
            f"Content-Length: {len(body)}",
        ]  # fmt: skip
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return reader, writer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.assistant", description=__doc__)
    parser.add_argument("--conversations", type=int, default=500)
    given = parser.parse_args()
    with empty_database() as (urls, folder):
        uvloop.run(measure(given.conversations, urls, folder))


async def measure(count: int, urls: DatabaseUrls, folder: Path) -> None:
    data = await load(urls, SECRET.encode(), tenants=1, bookings=0)
    model = Model()
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0, backlog=2_000)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    settings = environment(urls, folder, BOOM_OPENAI_BASE_URL=address, **OPTIONS)
    with ExitStack() as stack:
        port, process = stack.enter_context(served("benchmarks.live_ours:create_app", settings))
        tokens = await log_in(urls, data.tenant_id, count)
        clients = [Client(port, token, number) for number, token in enumerate(tokens)]
        for client in clients:
            await client.begin()
        await asyncio.sleep(1)
        before = _megabytes(process)
        followed = asyncio.Semaphore(0)
        following = [asyncio.create_task(each.follow(followed)) for each in clients]
        for _ in clients:
            await followed.acquire()
        asking = []
        for client in clients:
            asking.append(asyncio.create_task(client.ask()))
            await asyncio.sleep(BETWEEN_SECONDS)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(model.waiting) < count:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        during = _megabytes(process)
        for event in model.waiting.values():
            event.set()
            await asyncio.sleep(BETWEEN_SECONDS)
        await asyncio.gather(*asking, *following)
    server.close()
    took = [client.came - model.said[client.number] for client in clients]
    parts = quantiles(took, n=100)
    print(
        f"{count:,} conversations at once: {during - before:.0f} MB more than {before:.0f} MB\n"
        f"first words, from the model to the subscriber: p50 {parts[49] * 1000:.0f} ms, "
        f"p95 {parts[94] * 1000:.0f} ms, slowest {max(took) * 1000:.0f} ms"
    )


async def log_in(urls: DatabaseUrls, tenant_id: UUID, count: int) -> Sequence[str]:
    """Adds people to a tenant's team, and returns their access tokens."""
    now, tokens = datetime.now(UTC), Tokens(SECRET.encode())
    people = [(tenant_id, new_id(), new_id(), f"{number}@team.test") for number in range(count)]
    connection = await asyncpg.connect(urls.owner)
    async with connection.transaction():
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant_id))
        await connection.executemany(
            """
            INSERT INTO users (tenant_id, id, email, email_key, name, role, password_hash,
                created_at)
            VALUES ($1, $2, $3, $3, 'Person', 'STAFF', '-', $4)
            """,
            [(tenant, user, email, now) for tenant, user, _, email in people],
        )
        await connection.executemany(
            "INSERT INTO sessions (tenant_id, user_id, id, created_at) VALUES ($1, $2, $3, $4)",
            [(tenant, user, session, now) for tenant, user, session, _ in people],
        )
    await connection.close()
    return [
        tokens.sign(tenant_id=tenant, user_id=user, session_id=session, now=now)[0]
        for tenant, user, session, _ in people
    ]


def _megabytes(process: psutil.Process) -> float:
    rss: int = process.memory_info().rss
    return rss / 1_000_000


if __name__ == "__main__":
    main()
