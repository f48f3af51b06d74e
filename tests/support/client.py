"""The API as a client sees it: GraphQL over HTTP, and live over a WebSocket."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; ``codes`` are those of the top-level errors."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def data(self) -> Any:
        """The data of a response without errors."""
        assert "errors" not in self.body, self.body["errors"]
        return self.body["data"]

    @property
    def partial(self) -> Any:
        """The data, even if there are errors."""
        return self.body.get("data")

    @property
    def errors(self) -> list[Any]:
        return self.body.get("errors", [])  # type: ignore[no-any-return]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]

    @property
    def extensions(self) -> Any:
        return self.body["extensions"]

    @property
    def payload(self) -> Any:
        """The value of the only root field."""
        (value,) = self.data.values()
        return value

    @property
    def refusals(self) -> list[str]:
        """The codes of the only mutation's user errors."""
        return [error["code"] for error in self.payload["userErrors"]]


class Api:
    """A client of the app; use ``http`` for anything but plain operations."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def __call__(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        response = await self.http.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})},
        )
        return Answer(response.status_code, response.headers, response.json())


From = Callable[[str], Api]
"""Makes clients at network addresses of their own."""


class Stream:
    """The results of one operation of a socket."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.messages: asyncio.Queue[Any] = asyncio.Queue()

    async def message(self, *, within: float = PATIENCE_SECONDS) -> Any:
        """Returns the next message of any type. Raises TimeoutError."""
        async with asyncio.timeout(within):
            return await self.messages.get()

    async def next(self, *, within: float = PATIENCE_SECONDS) -> Any:
        """Returns the data of the next answer. Raises TimeoutError."""
        message = await self.message(within=within)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def errors(self, *, within: float = PATIENCE_SECONDS) -> list[Any]:
        """Returns the errors that refused the operation. Raises TimeoutError."""
        message = await self.message(within=within)
        assert message["type"] == "error", message
        return message["payload"]  # type: ignore[no-any-return]


class Live:
    """A socket that speaks graphql-transport-ws, its credentials accepted."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._streams: dict[str, Stream] = {}
        self._ids = count(1)

    async def subscribe(self, query: str, variables: Mapping[str, Any] | None = None) -> Stream:
        """Starts an operation, without awaiting its result."""
        stream = Stream(str(next(self._ids)))
        self._streams[stream.id] = stream
        payload = {"query": query, "variables": variables}
        await self.send({"id": stream.id, "type": "subscribe", "payload": payload})
        return stream

    async def stop(self, stream: Stream) -> None:
        await self.send({"id": stream.id, "type": "complete"})

    async def send(self, message: object) -> None:
        await self.socket.send(orjson.dumps(message).decode())

    async def closed(self, *, within: float = PATIENCE_SECONDS) -> int | None:
        """Returns the code that the server closed the socket with. Raises TimeoutError."""
        async with asyncio.timeout(within):
            await self.socket.wait_closed()
        return self.socket.close_code

    async def read(self) -> None:
        """Distributes messages, until the socket is closed."""
        try:
            async for text in self.socket:
                message = orjson.loads(text)
                if stream := self._streams.get(message.get("id", "")):
                    stream.messages.put_nowait(message)
        except ConnectionClosed:
            pass


@asynccontextmanager
async def socket(
    url: str,
    *,
    origin: str | None = None,
    cookie: str | None = None,
    address: str | None = None,
    protocol: str = "graphql-transport-ws",
) -> AsyncIterator[ClientConnection]:
    """Yields a bare WebSocket at /graphql, from an address if a proxy is to name one."""
    headers = {"Origin": origin, "Cookie": cookie, "X-Forwarded-For": address}
    async with connect(
        f"{url.replace('http', 'ws', 1)}/graphql",
        subprotocols=[Subprotocol(protocol)],
        additional_headers={name: value for name, value in headers.items() if value},
        compression=None,
        max_size=None,
    ) as connection:
        yield connection


@asynccontextmanager
async def live(
    url: str, *, token: str | None = None, cookie: str | None = None, address: str | None = None
) -> AsyncIterator[Live]:
    """Opens a socket at /graphql of a server, for the bearer of a token."""
    async with socket(url, cookie=cookie, address=address) as connection:
        payload = {"authorization": f"Bearer {token}"} if token else {}
        client = Live(connection)
        await client.send({"type": "connection_init", "payload": payload})
        assert orjson.loads(await connection.recv()) == {"type": "connection_ack"}
        reading = asyncio.create_task(client.read())
        try:
            yield client
        finally:
            await connection.close()
            await reading
