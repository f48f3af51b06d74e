"""GraphQL over WebSocket: the protocol graphql-transport-ws, with expiring credentials."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any, Final, cast

import orjson
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry import Schema
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation as Subscribed
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    PingMessage,
    PongMessage,
    SubscribeMessage,
)
from strawberry.types.unset import UnsetType

from execution import subscriber
from execution.concurrency_limits import ConcurrencyLimits
from execution.messages import GraphQLRequest
from execution.metrics import Metrics
from execution.operations import Operations
from execution.subscriber import ClientDisconnected, ClientTooSlow, Subscriber
from kit.actor import ANONYMOUS
from kit.eager import PendingCoroutine, start_eagerly
from kit.errors import Throttled, Unauthenticated, Unavailable
from web.graphql.credential_watcher import ClientConnection, CredentialWatcher
from web.graphql.http_request import is_hash_alone
from web.server.callers import request_of, token_in
from web.server.request_body import MAX_BODY_BYTES

INIT_TIMEOUT: Final = timedelta(seconds=10)
MAX_OPERATIONS: Final = 100
TRY_AGAIN_LATER: Final = 1013
FORBIDDEN: Final = 4403
TOO_MANY: Final = 4429
TOO_BIG: Final = 1009
# A close frame holds 125 bytes, two of which are the code (RFC 6455, section 5.5).
MAX_REASON_BYTES: Final = 123

_TOO_MANY: Final = {
    "message": f"Too complex: at most {MAX_OPERATIONS} operations run at once on one socket.",
    "extensions": {"code": "TOO_COMPLEX", "limit": MAX_OPERATIONS, "value": MAX_OPERATIONS + 1},
}


_Send = Callable[[Mapping[str, object]], Coroutine[Any, Any, None]]


class SocketCaller(ClientConnection):
    """The client of a WebSocket."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__()
        self.socket = socket
        self.address = socket.client.host if socket.client else None
        self.connection_params: Mapping[str, object] = {}
        self.counted = ExitStack()


class _TooBig(Exception):
    """A message is longer than the largest request body."""


class _Adapter(ASGIWebSocketAdapter):
    """Sends text frames; a client that is gone or reads too slowly is disconnected."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        text = orjson.dumps(message).decode()
        try:
            async with asyncio.timeout(subscriber.SEND_TIMEOUT_SECONDS):
                await self.ws.send_text(text)
        except (WebSocketDisconnect, RuntimeError, TimeoutError) as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        # A reason may quote text from the client, of any length.
        short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        if self.ws.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self.ws.close(code=code, reason=short)


class _MessageSink:
    """Sends the results of one operation of a socket."""

    __slots__ = ("_head", "_send")

    def __init__(self, socket: WebSocket, id: str) -> None:
        # Bypasses Starlette's checks, which cost time for every message: the server checks too.
        self._send: _Send = socket._send  # type: ignore[assignment]  # noqa: SLF001
        self._head = f'{{"id":{orjson.dumps(id).decode()},"type":"next","payload":'

    def offer(self, payload: str) -> PendingCoroutine | None:
        return start_eagerly(
            self._send({"type": "websocket.send", "text": f"{self._head}{payload}}}"})
        )


class _Handler(BaseGraphQLTransportWSHandler[SocketCaller, None]):
    """Handles one socket, from its first message to its last."""

    view: "Sockets"
    _reading: asyncio.Task[None] | None = None
    _closing: asyncio.Task[None] | None = None
    _is_stalled = False

    async def handle(self) -> None:
        self._reading = asyncio.current_task()
        with self.view.metrics.sockets.track_inprogress():
            try:
                with self.context.counted as counted:
                    address = self.context.address
                    counted.enter_context(self.view.limits.socket_of_address(address, self))
                    await super().handle()
            except Throttled as error:
                await self.websocket.close(TOO_MANY, str(error))
            except _TooBig:
                await self.websocket.close(TOO_BIG, "Message too big")
            except asyncio.CancelledError:
                if not self._is_stalled:
                    raise

    async def shutdown(self) -> None:
        self.view.watch.stop(self.context)
        if self._closing:
            self._closing.cancel()
        await super().shutdown()

    async def handle_message(self, message: Message) -> None:
        if _is_well_formed(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("The message is not one of graphql-transport-ws")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        try:
            payload = message.get("payload") or {}
            await super().handle_connection_init({**message, "payload": payload})
        except Unavailable:
            await self.websocket.close(TRY_AGAIN_LATER, "Try again later")
            return
        except Unauthenticated as error:
            await self.websocket.close(FORBIDDEN, f"Forbidden: {error}")
            return
        except Throttled as error:
            await self.websocket.close(TOO_MANY, str(error))
            return
        if self.connection_acknowledged:
            self.view.watch.begin(self.context, self._end)

    async def handle_ping(self, message: PingMessage) -> None:
        reply: PongMessage = {"type": "pong"}
        if "payload" in message:
            reply["payload"] = message["payload"]
        try:
            await self.send_message(reply)
        except orjson.JSONEncodeError:
            await self.handle_invalid_message("The payload is nested too deeply")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        id = message["id"]
        if len(self.operations) >= MAX_OPERATIONS and id not in self.operations:
            reply = {"id": id, "type": "error", "payload": [_TOO_MANY]}
            await self.send_message(cast("Message", reply))
        else:
            message["payload"].setdefault("query", None)  # type: ignore[typeddict-item]
            await super().handle_subscribe(message)

    async def run_operation(self, operation: Subscribed[SocketCaller, None]) -> None:
        caller = self.context
        # A refresh token used here couldn't be replaced: messages on a socket set no cookies.
        # Hence the request has none.
        request = request_of(caller.socket)
        context = self.view.operations.operation(caller.actor, request)
        query, is_hash = operation.query, operation.query is None
        graphql_request = GraphQLRequest(
            query or "", operation.operation_name, operation.variables or {}, is_hash
        )
        subscriber = Subscriber(_MessageSink(caller.socket, operation.id))
        caller.running[context] = subscriber
        try:
            refusal = await self.view.operations.stream(graphql_request, context, subscriber)
            if refusal:
                await self._send(operation, "error", refusal.errors)
            else:
                await self._send(operation, "complete")
        except (ClientDisconnected, ClientTooSlow, WebSocketDisconnected) as error:
            if isinstance(error, ClientTooSlow) or isinstance(error.__cause__, TimeoutError):
                self._disconnect()
        finally:
            del caller.running[context]

    async def _send(
        self, operation: Subscribed[SocketCaller, None], type: str, payload: object = None
    ) -> None:
        message = {"id": operation.id, "type": type}
        if payload is not None:
            message["payload"] = payload  # type: ignore[assignment]
        await operation.send_operation_message(cast("Message", message))

    def _disconnect(self) -> None:
        # A stream with gaps is worse than none: the client can't know what it missed.
        self._is_stalled = True
        if self._reading:
            self._reading.cancel()

    def _end(self) -> None:
        self._closing = asyncio.create_task(self.websocket.close(FORBIDDEN, "Forbidden"))


class Sockets(GraphQL[SocketCaller, None]):
    """Accepts sockets from our own pages, from allowed origins, and from non-browser clients."""

    websocket_adapter_class = _Adapter
    graphql_transport_ws_handler_class = _Handler

    def __init__(
        self,
        schema: Schema,
        operations: Operations,
        watch: CredentialWatcher,
        limits: ConcurrencyLimits,
        metrics: Metrics,
        *,
        allowed_origins: Sequence[str],
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=INIT_TIMEOUT,
            max_subscriptions_per_connection=None,
            allowed_origins=allowed_origins,
        )
        self.operations = operations
        self.watch = watch
        self.limits = limits
        self.metrics = metrics

    async def get_context(
        self,
        request: HTTPConnection,
        response: WebSocket | Response,  # noqa: ARG002 - passed by name
    ) -> SocketCaller:
        return SocketCaller(cast("WebSocket", request))

    async def on_ws_connect(self, context: SocketCaller) -> UnsetType | dict[str, object] | None:
        try:
            context.token = token_in(context.connection_params)
            await self.watch.authenticate(context)
        except Unauthenticated as error:
            operation = self.operations.operation(ANONYMOUS, request_of(context.socket))
            self.operations.charge_refused_credentials(operation)
            self.operations.refuse(error, operation)
            raise
        request = request_of(context.socket)
        self.operations.charge_socket(self.operations.operation(context.actor, request))
        context.counted.enter_context(
            self.limits.socket_of_login(context.actor, context.address, context)
        )
        return await super().on_ws_connect(context)

    def decode_json(self, data: str | bytes) -> Any:
        if len(data) > MAX_BODY_BYTES:
            raise _TooBig
        return orjson.loads(data)


def _is_well_formed(message: object) -> bool:
    match message:
        case {"type": "connection_init" | "ping" | "pong", **rest}:
            return isinstance(rest.get("payload"), dict | None)
        case {"type": "subscribe", "id": str(id), "payload": dict(payload)}:
            return (
                id != ""
                and (isinstance(payload.get("query"), str) or is_hash_alone(payload))
                and isinstance(payload.get("variables"), dict | None)
                and isinstance(payload.get("operationName"), str | None)
                and isinstance(payload.get("extensions"), dict | None)
            )
        case {"type": "complete", "id": str(id)}:
            return id != ""
        case _:
            return False
