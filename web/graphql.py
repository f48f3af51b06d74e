"""/graphql: GraphQL over HTTP and WebSocket at one address."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry import Schema

from kit.clock import Clock
from kit.operation import Cookie, Operation
from kit.scope import ANONYMOUS
from web.callers import COOKIE, Authenticate, actor_of, request_of, token_of
from web.errors import retry_after_seconds
from web.http import Malformed, Media, accepted, asked_by
from web.metrics import Metrics
from web.operations import Answer, NotAQuery, Operations, in_time
from web.websocket import Sockets

PATH: Final = "/graphql"

_STATUS: Final = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "THROTTLED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
_ALWAYS_TOLD: Final = (429, 500, 503)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Endpoint:
    """Answers HTTP requests and WebSockets; give it to a Route and to a WebSocketRoute."""

    def __init__(
        self,
        schema: Schema,
        operations: Operations,
        authenticate: Authenticate,
        metrics: Metrics,
        *,
        allowed_origins: Sequence[str],
        clock: Clock,
    ) -> None:
        self._operations = operations
        self._authenticate = authenticate
        self._clock = clock
        self._sockets = Sockets(
            schema, operations, authenticate, metrics, allowed_origins=allowed_origins
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
        else:
            response = await self._answer(HttpRequest(scope, receive))
            await response(scope, receive, send)

    async def _answer(self, http: HttpRequest) -> Response:
        operation = self._operations.operation(ANONYMOUS, request_of(http))
        media = accepted(http.headers.get("accept"))
        if http.method not in ("GET", "POST"):
            return _refusal(405, "GraphQL takes GET and POST.", operation, allow="GET, POST")
        if media is None:
            return _refusal(406, f"Accept {Media.RESPONSE} or {Media.JSON}.", operation)
        try:
            asked = await asked_by(http)
            token = token_of(http.headers.get("authorization"))
            reads_only = http.method == "GET"
            async with in_time():
                operation.actor = await actor_of(token, self._authenticate)
                answer = await self._operations.run(asked, operation, reads_only=reads_only)
        except Malformed as error:
            return _refusal(error.status, error.reason, operation)
        except NotAQuery:
            return _refusal(405, "Only queries may be sent by GET.", operation, allow="POST")
        except Exception as error:  # noqa: BLE001 - shown as every error is: masked and logged
            answer = self._operations.refuse(error, operation)
        response = _response(answer.payload, _status(answer, media), media, operation)
        if operation.new_cookie:
            _hand_over(operation.new_cookie, http, response, now=self._clock())
        return response


def _status(answer: Answer, media: Media) -> int:
    if answer.executed:
        return 200
    status = _STATUS.get(answer.errors[0]["extensions"]["code"], 400)
    return status if media is Media.RESPONSE or status in _ALWAYS_TOLD else 200


def _refusal(status: int, message: str, operation: Operation, *, allow: str = "") -> Response:
    error = {"message": message, "extensions": {"code": "BAD_USER_INPUT"}}
    payload = {"errors": [error], "extensions": {"requestId": str(operation.request.id)}}
    response = _response(payload, status, Media.JSON, operation)
    if allow:
        response.headers["Allow"] = allow
    return response


def _response(payload: dict[str, Any], status: int, media: Media, operation: Operation) -> Response:
    headers = {"X-Request-Id": str(operation.request.id), "Cache-Control": "no-store"}
    if (seconds := retry_after_seconds(payload.get("errors", []))) is not None:
        headers["Retry-After"] = str(seconds)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = orjson.dumps(payload)
    return Response(body, status, headers, media_type=f"{media}; charset=utf-8")


def _hand_over(cookie: Cookie, http: HttpRequest, response: Response, *, now: datetime) -> None:
    lifetime = int((cookie.expires_at - now).total_seconds()) if cookie.expires_at else 0
    response.set_cookie(
        COOKIE,
        cookie.value or "",
        max_age=lifetime,
        path=PATH,
        secure=http.url.hostname not in _LOOPBACK,
        httponly=True,
        samesite="strict",
    )
