"""Serves /graphql: GraphQL over HTTP, Server-Sent Events and WebSocket."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Final, NamedTuple

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry import Schema

from execution.concurrency_limits import ConcurrencyLimits
from execution.deadline import within_deadline
from execution.error_formatting import retry_after_seconds
from execution.messages import GraphQLResponse, Printed
from execution.metrics import Metrics
from execution.operations import NotAQuery, Operations
from kit.actor import ANONYMOUS
from kit.clock import Clock
from kit.errors import Unauthenticated
from kit.operation_context import Cookie, Operation
from kit.security.network_addresses import network_of
from kit.security.refusal_delay import RefusalDelay
from web.graphql.credential_watcher import ClientConnection, CredentialWatcher
from web.graphql.http_request import BadRequest, GraphQLHttpRequest, Media
from web.graphql.sse import Stream
from web.graphql.websocket import Sockets
from web.server.callers import (
    COOKIE,
    CREDENTIALS_IGNORED,
    SECURE_COOKIE,
    Authenticate,
    actor_of,
    token_of,
)
from web.server.middleware import RAW_HEADERS
from web.server.single_write import SEND_RESPONSE

PATH: Final = "/graphql"

_TOO_MANY: Final = int(HTTPStatus.TOO_MANY_REQUESTS)
_STATUS: Final = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    # The status that other servers send: some clients read the body of no other one.
    "PERSISTED_QUERY_NOT_SUPPORTED": 200,
    "THROTTLED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
_SENT_TO_ALL_CLIENTS: Final = (429, 500, 503)
_HEADERS: Final = {
    media: (
        (b"content-type", f"{media}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
        *RAW_HEADERS,
    )
    for media in Media
}


_OWN: Final = b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b"


class Endpoint:
    """The ASGI app for HTTP requests and WebSockets, for a Route and a WebSocketRoute."""

    def __init__(
        self,
        schema: Schema,
        operations: Operations,
        authenticate: Authenticate,
        limits: ConcurrencyLimits,
        metrics: Metrics,
        *,
        allowed_origins: Sequence[str],
        clock: Clock,
        brake: RefusalDelay,
        always_secure: bool = False,
    ) -> None:
        self._operations = operations
        self._always_secure = always_secure
        self._cookie = SECURE_COOKIE if always_secure else COOKIE
        self._authenticate = authenticate
        self._clock = clock
        self._brake = brake
        self._watch = CredentialWatcher(authenticate)
        self._limits = limits
        self._sockets = Sockets(
            schema, operations, self._watch, limits, metrics, allowed_origins=allowed_origins
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
            return
        http = GraphQLHttpRequest(scope, receive)
        if http.media is Media.EVENTS and http.method in ("GET", "POST"):
            reply = await self._stream(http, receive, send)
        else:
            reply = await self._answer(http)
        if reply is None:
            return
        whole = scope["extensions"].get(SEND_RESPONSE) if "extensions" in scope else None
        if whole is not None and whole(reply.head, reply.body):
            return
        headers = [*reply.length_and_id, *reply.headers, *_HEADERS[reply.media]]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"".join(reply.body)})

    async def _answer(self, http: GraphQLHttpRequest) -> "_Reply":
        operation = self._operations.operation(ANONYMOUS, http.request_origin(self._cookie))
        media = http.media
        headers: list[tuple[bytes, bytes]] = []
        if http.method not in ("GET", "POST"):
            refusal = "Send GraphQL requests by GET or POST."
            return _refusal(405, refusal, operation, media, allow=b"GET, POST")
        if media is None:
            return _refusal(406, f"Accept {Media.RESPONSE} or {Media.JSON}.", operation, media)
        try:
            request = await http.parse()
            reads_only = http.method == "GET"
            with within_deadline() as deadline:
                operation.extend_deadline = deadline.extend
                try:
                    token = token_of(http.authorization)
                    operation.actor = await actor_of(token, self._authenticate)
                except Unauthenticated:
                    self._operations.charge_refused_credentials(operation)
                    # Clients send them with every operation, even with `login` and `refresh`.
                    if not await self._operations.is_open(request, operation):
                        raise
                    headers.append(CREDENTIALS_IGNORED)
                answer = await self._operations.run(request, operation, reads_only=reads_only)
        except BadRequest as error:
            return _refusal(error.status, error.reason, operation, media)
        except NotAQuery:
            refusal = "Only queries can be sent by GET."
            return _refusal(405, refusal, operation, media, allow=b"POST")
        except Exception as error:  # noqa: BLE001 - formatted like all errors: masked and logged
            answer = self._operations.refuse(error, operation)
        reply = _reply(answer, _status(answer, media), media, operation)
        if reply.status == _TOO_MANY:
            await asyncio.sleep(self._brake.pause(network_of(operation.request.ip_address)))
        if headers:
            reply.headers.extend(headers)
        if operation.new_cookie:
            reply.headers.append(self._set_cookie(operation.new_cookie, http))
        return reply

    async def _stream(
        self, http: GraphQLHttpRequest, receive: Receive, send: Send
    ) -> "_Reply | None":
        """Sends a stream of events; returns a reply instead if the stream is refused."""
        with ExitStack() as counted:
            return await self._counted_stream(http, receive, send, counted)

    async def _counted_stream(
        self, http: GraphQLHttpRequest, receive: Receive, send: Send, counted: ExitStack
    ) -> "_Reply | None":
        # A refresh token used here couldn't be replaced: the head is sent before the result.
        origin = replace(http.request_origin(self._cookie), cookie=None)
        operation = self._operations.operation(ANONYMOUS, origin)
        caller = ClientConnection()
        headers: list[tuple[bytes, bytes]] = []
        try:
            counted.enter_context(self._limits.socket_of_address(origin.ip_address, caller))
            request = await http.parse()
            with within_deadline():
                try:
                    caller.token = token_of(http.authorization)
                    await self._watch.authenticate(caller)
                except Unauthenticated:
                    self._operations.charge_refused_credentials(operation)
                    if not await self._operations.is_open(request, operation):
                        raise
                    caller.token = None
                    headers.append(CREDENTIALS_IGNORED)
            counted.enter_context(
                self._limits.socket_of_login(caller.actor, origin.ip_address, caller)
            )
        except BadRequest as error:
            return _refusal(error.status, error.reason, operation, http.media)
        except Exception as error:  # noqa: BLE001 - formatted like all errors: masked and logged
            answer = self._operations.refuse(error, operation)
            return _reply(answer, _status(answer, Media.RESPONSE), Media.JSON, operation)
        operation.actor = caller.actor
        stream = Stream(self._operations, self._watch, caller, operation, request)
        headers += [
            (b"x-request-id", operation.request_id.encode()),
            # nginx would otherwise buffer events.
            (b"x-accel-buffering", b"no"),
            *_HEADERS[Media.EVENTS],
        ]
        await stream.run(headers, receive, send, reads_only=http.method == "GET")
        return None

    def _set_cookie(self, cookie: Cookie, http: GraphQLHttpRequest) -> tuple[bytes, bytes]:
        now = self._clock()
        lifetime = int((cookie.expires_at - now).total_seconds()) if cookie.expires_at else 0
        response = Response()
        response.set_cookie(
            self._cookie,
            cookie.value or "",
            max_age=lifetime,
            path=PATH,
            # Development on loopback has no TLS. `Host` can be forged, so production ignores it.
            secure=self._always_secure or not http.is_to_loopback,
            httponly=True,
            samesite="strict",
        )
        return next(header for header in response.raw_headers if header[0] == b"set-cookie")


class _Reply(NamedTuple):
    """An HTTP response; ``headers`` are sent in addition to those of every response."""

    status: int
    media: Media
    headers: list[tuple[bytes, bytes]]
    request_id: bytes
    body: Printed

    @property
    def length_and_id(self) -> Iterable[tuple[bytes, bytes]]:
        """The headers that every response has with values of its own."""
        yield b"content-length", b"%d" % sum(map(len, self.body))
        yield b"x-request-id", self.request_id

    @property
    def head(self) -> bytes:
        """The bytes of the status line and the headers, without the final empty line."""
        own = self.headers and b"".join([b"%b: %b\r\n" % header for header in self.headers])
        return _OWN % (
            _head(self.status, self.media),
            sum(map(len, self.body)),
            self.request_id,
            own or b"",
        )


@cache
def _head(status: int, media: Media) -> bytes:
    line = b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode())
    return line + b"".join([b"%b: %b\r\n" % header for header in _HEADERS[media]])


def _status(answer: GraphQLResponse, media: Media) -> int:
    if answer.executed:
        return 200
    status = _STATUS.get(answer.errors[0]["extensions"]["code"], 400)
    return status if media is Media.RESPONSE or status in _SENT_TO_ALL_CLIENTS else 200


def _refusal(
    status: int, message: str, operation: Operation, media: Media | None, *, allow: bytes = b""
) -> _Reply:
    error = {"message": message, "extensions": {"code": "BAD_USER_INPUT"}}
    answer = GraphQLResponse(
        [error], extensions={"requestId": operation.request_id}, executed=False
    )
    json = Media.RESPONSE if media is Media.RESPONSE else Media.JSON
    reply = _reply(answer, status, json, operation)
    if allow:
        reply.headers.append((b"allow", allow))
    return reply


def _reply(answer: GraphQLResponse, status: int, media: Media, operation: Operation) -> _Reply:
    headers: list[tuple[bytes, bytes]] = []
    if errors := answer.errors:
        if (seconds := retry_after_seconds(errors)) is not None:
            headers.append((b"retry-after", b"%d" % seconds))
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
    return _Reply(status, media, headers, operation.request_id.encode(), answer.body)
