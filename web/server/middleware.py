"""ASGI middleware: security headers for every response, and a fast path to GraphQL."""

from collections.abc import Awaitable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# A response is data: browsers must not load, run or frame anything in it.
HEADERS: Final = SECURITY_HEADERS | {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


RAW_HEADERS: Final = tuple(
    (name.lower().encode(), value.encode()) for name, value in HEADERS.items()
)


class SecurityHeaders:
    """Adds security headers to every response that doesn't set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                missing = [header for header in RAW_HEADERS if header[0] not in names]
                message = {**message, "headers": given + missing}
            await send(message)

        await self._app(scope, receive, send_with_headers)


class GraphQLFastPath:
    """Sends requests for one path straight to its app, past the other middleware.

    HTTP requests with an `Origin` take the ordinary way, because CORS applies to them. WebSockets
    don't: every message would pay for it. The app adds RAW_HEADERS itself.
    """

    def __init__(self, app: ASGIApp, *, path: str, to: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._to = to

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        is_there = scope["type"] != "lifespan" and scope["path"] == self._path
        is_plain = is_there and (
            scope["type"] == "websocket" or b"origin" not in [name for name, _ in scope["headers"]]
        )
        # Not a coroutine, of which each costs a percent of a small request.
        if is_plain:
            return self._to(scope, receive, send)
        if scope["type"] == "http":
            # A response in one step would bypass the other middleware.
            scope.pop("extensions", None)
        return self._app(scope, receive, send)
