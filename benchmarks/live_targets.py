"""Targets to compare live events with: a plain broadcast, and Strawberry as in its docs."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime

import orjson
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL


def create_broadcast() -> Starlette:
    """Sends every posted message to all sockets unchanged: the lower bound of the work."""
    sockets: set[Send] = set()

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
        sockets.add(send)
        try:
            while (await receive())["type"] != "websocket.disconnect":
                pass
        finally:
            sockets.discard(send)

    class Listening:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await listen(scope, receive, send)

    async def publish(request: Request) -> Response:
        text = (await request.body()).decode()
        for send in tuple(sockets):
            await send({"type": "websocket.send", "text": text})
        return Response(status_code=204)

    return Starlette(
        routes=[
            WebSocketRoute("/graphql", Listening()),
            Route("/publish", publish, methods=["POST"]),
        ]
    )


@strawberry.type
class Room:
    name: str


@strawberry.type
class Customer:
    name: str


@strawberry.type
class Booking:
    id: strawberry.ID
    reference: str
    version: int
    status: str
    starts_at: datetime
    ends_at: datetime
    party_size: int
    room: Room
    customer: Customer


@strawberry.type
class BookingChanged:
    cursor: str
    type: str
    at: datetime
    booking: Booking


@strawberry.type
class ResyncRequired:
    cursor: str
    reason: str


@strawberry.type
class Query:
    name: str = "stock"


_queues: set[asyncio.Queue[BookingChanged]] = set()


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def booking_changed(
        self,
        after: str | None = None,  # noqa: ARG002 - ours has it, and this answers the same document
    ) -> AsyncGenerator[BookingChanged | ResyncRequired, None]:
        queue: asyncio.Queue[BookingChanged] = asyncio.Queue()
        _queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            _queues.discard(queue)


def create_stock() -> Starlette:
    """Executes each event once per subscriber, on objects in memory, without a database."""
    schema = strawberry.Schema(Query, subscription=Subscription)
    graphql = GraphQL[None, None](schema)

    async def publish(request: Request) -> Response:
        event = _event(orjson.loads(await request.body())["payload"]["data"]["bookingChanged"])
        for queue in tuple(_queues):
            queue.put_nowait(event)
        return Response(status_code=204)

    return Starlette(
        routes=[
            WebSocketRoute("/graphql", graphql),
            Route("/publish", publish, methods=["POST"]),
        ]
    )


def _event(shown: dict[str, object]) -> BookingChanged:
    booking = shown["booking"]
    assert isinstance(booking, dict)
    return BookingChanged(
        cursor=str(shown["cursor"]),
        type=str(shown["type"]),
        at=datetime.fromisoformat(str(shown["at"])),
        booking=Booking(
            id=booking["id"],
            reference=booking["reference"],
            version=booking["version"],
            status=booking["status"],
            starts_at=datetime.fromisoformat(booking["startsAt"]),
            ends_at=datetime.fromisoformat(booking["endsAt"]),
            party_size=booking["partySize"],
            room=Room(name=booking["room"]["name"]),
            customer=Customer(name=booking["customer"]["name"]),
        ),
    )
