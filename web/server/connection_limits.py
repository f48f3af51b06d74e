"""Limits connections: their number, the size of a head, the time to complete a request."""

import asyncio
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from time import monotonic
from typing import Any, Final

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from kit.security.network_addresses import network_of
from web.server.single_write import BufferedProtocol

MAX_HEAD_BYTES: Final = 32 * 1024
MAX_HEADERS: Final = 100
HEAD_SECONDS: Final = 10.0
BODY_SECONDS: Final = 30.0
FRAMES_A_SECOND: Final = 100
FLOOD_PAUSE_SECONDS: Final = 5
"""How long an address opens no socket after it has sent more on one."""

RESERVED_FILES: Final = 128
"""Files kept for other uses than clients' connections: the database, logs, outgoing calls."""

BACKLOG: Final = 100
"""Connections that may wait to be accepted; all of them fit into the reserved files."""

RETRY_AFTER_SECONDS: Final = 10

_TOO_MANY: Final = 4429
# Frames are parsed in slices of this size, so that a flood is noticed early: parsing a frame of a
# few bytes takes 25 µs, during which other clients wait.
_SLICE_BYTES: Final = 512


def connections_of_files() -> int:
    """Returns how many connections the process's limit of open files allows."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(files - RESERVED_FILES, files // 2)


@dataclass(slots=True)
class Connections:
    """Counts the open connections of a process, and of each address if ``of_address`` is set."""

    of_address: int | None
    in_all: int = field(default_factory=connections_of_files)
    number: int = 0
    _by_network: Counter[str] = field(default_factory=Counter)
    _paused_until: dict[str, float] = field(default_factory=dict)

    def take(self, address: str | None, *, is_proxy: bool) -> Callable[[], None] | None:
        """Counts a connection; returns the function that ends it, or None over a limit.

        A proxy's connections are from many clients, so only the total limits them.
        """
        network = network_of(address)
        is_bounded = self.of_address is not None and not is_proxy
        if self.number >= self.in_all or (
            is_bounded and self._by_network[network] >= (self.of_address or 0)
        ):
            return None
        self.number += 1
        self._by_network[network] += 1
        return partial(self._end, network)

    def pause(self, network: str) -> None:
        """Refuses sockets of a network for some seconds, because it has flooded one."""
        now = monotonic()
        self._paused_until = {each: end for each, end in self._paused_until.items() if end > now}
        self._paused_until[network] = now + FLOOD_PAUSE_SECONDS

    def is_paused(self, network: str) -> bool:
        return self._paused_until.get(network, 0) > monotonic()

    def _end(self, network: str) -> None:
        self.number -= 1
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]


class _TooLarge(Exception):
    """The head of a request is too large."""


class BoundedProtocol(BufferedProtocol):
    """Speaks HTTP, and closes connections that exceed a limit or a deadline."""

    def __init__(self, *arguments: Any, connections: Connections, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._connections = connections
        self._end: Callable[[], None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        # What the deadline is for: the connection, a head or a request.
        self._awaited: object = None
        self._is_too_large = False
        # Received for the current request, with the whole chunk in which it began.
        self._bytes = 0

    # ------------------------------------------------------------------ connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else None
        self._end = self._connections.take(address, is_proxy=self._is_proxy(address))
        if self._end is None:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._await(self, HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_waiting()
        if self._end is not None:
            self._end()

    def handle_websocket_upgrade(self) -> None:
        self._stop_waiting()
        address = self.client[0] if self.client else None
        network = network_of(address)
        if self._connections.is_paused(network):
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS)
            return
        self.ws_protocol_class = partial(  # type: ignore[assignment]
            BoundedSocket,
            end=self._end,
            is_bounded=self._connections.of_address is not None,
            # A proxy's sockets are those of many clients.
            flooded=None if self._is_proxy(address) else partial(self._connections.pause, network),
        )
        super().handle_websocket_upgrade()
        self._end = None

    def _is_proxy(self, address: str | None) -> bool:
        app = self.app
        return isinstance(app, ProxyHeadersMiddleware) and address in app.trusted_hosts

    # ------------------------------------------------------------------ requests

    # These run for every request, so there are as few of them as possible.

    def data_received(self, data: bytes) -> None:
        before = self.scope
        self._bytes += len(data)
        super().data_received(data)
        cycle, scope = self.cycle, self.scope
        is_other = scope is not before
        if is_other and before is not None:
            self._bytes = len(data)
        # uvicorn creates a scope at the beginning of a head, and a cycle at its end.
        is_in_head = cycle is None or cycle.scope is not scope
        if is_other and not is_in_head and not cycle.more_body:
            self._stop_waiting()
        else:
            self._await_rest(is_in_head=is_in_head)

    def on_headers_complete(self) -> None:
        if len(self.headers) > MAX_HEADERS or (
            self._bytes > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES
        ):
            self._is_too_large = True
            raise _TooLarge
        super().on_headers_complete()

    def _await_rest(self, *, is_in_head: bool) -> None:
        """Sets the deadline for an incomplete head or body, or for data between requests."""
        if self._end is None or self.transport.is_closing():
            return
        if is_in_head and self._bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif is_in_head:
            self._await(self if self.cycle is None else self.scope, HEAD_SECONDS)
        elif self.cycle.more_body:
            self._await(self.cycle, BODY_SECONDS)
        elif self._awaited is self.cycle:
            # The body is complete.
            self._stop_waiting()
        else:
            # Empty lines between requests must not keep the connection open.
            self._await(self.scope, HEAD_SECONDS)

    def send_400_response(self, msg: str) -> None:
        # Called for any exception of the parser or of the callbacks above.
        if self._is_too_large:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    # ------------------------------------------------------------------ deadlines and refusals

    def _await(self, what: object, seconds: float) -> None:
        """Sets a deadline for ``what``, unless it has one already."""
        if what is not self._awaited:
            self._stop_waiting()
            self._awaited = what
            self._deadline = self.loop.call_later(seconds, self._time_out)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = self._awaited = None

    def _time_out(self) -> None:
        if self._bytes:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            # Browsers open spare connections: without a request there is nothing to answer.
            self.transport.close()

    def _refuse(self, status: HTTPStatus, reason: str | None = None) -> None:
        """Closes the connection, after an error response if no other one has begun."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        is_new = cycle is None or cycle.response_complete
        is_of_this = not is_new and cycle.scope is self.scope and not self.pipeline
        if is_new or (is_of_this and not cycle.response_started):
            self.transport.write(_answer(status, reason or status.phrase))
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


class BoundedSocket(WebSocketsSansIOProtocol):
    """A WebSocket that is closed if it sends more than 100 frames a second."""

    def __init__(
        self,
        *arguments: Any,
        end: Callable[[], None] | None,
        is_bounded: bool,
        flooded: Callable[[], None] | None = None,
        **named: Any,
    ) -> None:
        super().__init__(*arguments, **named)
        self._flooded = flooded
        self._end = end
        self._is_bounded = is_bounded
        self._second = 0
        self._frames = 0

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._end is not None:
            self._end()

    def data_received(self, data: bytes) -> None:
        for begin in range(0, len(data), _SLICE_BYTES):
            if self.transport.is_closing():
                return
            super().data_received(data[begin : begin + _SLICE_BYTES])
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # A line is longer than websockets accepts, and uvicorn would never respond.
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.transport.write(_answer(status, status.phrase))
            self.transport.close()

    def handle_events(self) -> None:
        second = int(self.loop.time())
        if second != self._second:
            self._second, self._frames = second, 0
        self._frames += len(self.conn.events)
        if self._is_bounded and self._frames > FRAMES_A_SECOND and not self.close_sent:
            if self._flooded is not None:
                self._flooded()
            self.conn.send_close(_TOO_MANY, f"At most {FRAMES_A_SECOND} messages a second")
            self.handle_parser_exception()
        else:
            super().handle_events()


def _answer(status: HTTPStatus, reason: str) -> bytes:
    """Returns a complete response, after which the connection is closed."""
    lines = [
        f"HTTP/1.1 {status} {status.phrase}",
        "content-type: text/plain; charset=utf-8",
        f"content-length: {len(reason)}",
        "connection: close",
    ]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append(f"retry-after: {RETRY_AFTER_SECONDS}")
    elif status is HTTPStatus.TOO_MANY_REQUESTS:
        lines.append(f"retry-after: {FLOOD_PAUSE_SECONDS}")
    return "\r\n".join([*lines, "", reason]).encode("ascii")
