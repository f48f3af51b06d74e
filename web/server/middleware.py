"""Headers that every answer carries, unless it says otherwise itself."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# An answer is data: nothing in it is loaded, run or shown in a frame.
HEADERS: Final = SECURITY_HEADERS | {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


RAW_HEADERS: Final = tuple(
    (name.lower().encode(), value.encode()) for name, value in HEADERS.items()
)


class SecurityHeaders:
    """Middleware: browsers take answers for what they say they are, and tell nobody of them."""

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
    """Middleware: what is asked of one path goes straight to the app that answers there.

    What comes from a page of another origin goes the ordinary way, as other middleware has a say
    in it, but for WebSockets, whose every message would pay for the way; the app adds RAW_HEADERS
    itself.
    """

    def __init__(self, app: ASGIApp, *, path: str, to: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._to = to

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_there = scope["type"] != "lifespan" and scope["path"] == self._path
        is_plain = is_there and (
            scope["type"] == "websocket"
            or not any(name == b"origin" for name, _ in scope["headers"])
        )
        if is_plain:
            await self._to(scope, receive, send)
        else:
            if scope["type"] == "http":
                # Or an answer in one step would pass other middleware by.
                scope.pop("extensions", None)
            await self._app(scope, receive, send)
