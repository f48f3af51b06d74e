"""Sends a response in one system call; uvicorn alone writes head and body separately."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

AT_ONCE_BYTES: Final = 64 * 1024
SEND_RESPONSE: Final = "boom.whole"
"""The ASGI extension to respond in one step: ``send_response(head, parts_of_body) -> bool``.

The head lacks only the server's own headers and the empty line. False means that nothing was sent,
and the app has to use ``send``.
"""


class BufferedTransport(asyncio.Transport):
    """Collects the writes of one event loop iteration and sends them together at its end.

    A system call costs a good part of the time that a small response takes.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self.under = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[Any] = []
        self._bytes = 0

    def write(self, data: Any) -> None:
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._bytes += len(data)
        # A writer that never awaits would otherwise get no backpressure.
        if self._bytes > AT_ONCE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Sends collected writes now."""
        parts, self._parts = self._parts, []
        self._bytes = 0
        if len(parts) == 1:
            self.under.write(parts[0])
        elif parts:
            self.under.writelines(parts)

    def send(self, parts: Sequence[bytes]) -> None:
        """Sends these parts now, after earlier writes."""
        if self._parts:
            self.flush()
        self.under.writelines(parts)

    def close(self) -> None:
        self.flush()
        self.under.close()

    def abort(self) -> None:
        self._parts = []
        self.under.abort()

    def is_closing(self) -> bool:
        return self.under.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.under.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self.under.pause_reading()

    def resume_reading(self) -> None:
        self.under.resume_reading()


class BufferedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol on a BufferedTransport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = BufferedTransport(transport)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope: dict[str, Any] = cast("dict[str, Any]", cycle.scope)
        scope["extensions"] = {SEND_RESPONSE: partial(_send_response, cycle)}
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        assert isinstance(self.transport, BufferedTransport)
        self.transport.flush()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        # WebSockets have flow control of their own.
        assert isinstance(self.transport, BufferedTransport)
        self.transport.flush()
        self.transport = self.transport.under
        super().handle_websocket_upgrade()


def _send_response(cycle: RequestResponseCycle, head: bytes, body: Sequence[bytes]) -> bool:
    """Responds as ``cycle.send`` does, without its inspection of every header."""
    is_plain = cycle.keep_alive and not cycle.response_started and not cycle.flow.write_paused
    if not is_plain or cycle.disconnected or cycle.scope["method"] == "HEAD":
        return False
    assert isinstance(cycle.transport, BufferedTransport)
    cycle.waiting_for_100_continue = False
    cycle.response_started = cycle.response_complete = True
    cycle.transport.send((head, _printed(cycle.default_headers), *body))
    cycle.message_event.set()
    cycle.on_response()
    return True


class _ServerHeaders:
    """The headers that the server adds to each response, printed once a second."""

    headers: object = None
    printed = b""


def _printed(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Returns the server's own headers and the empty line."""
    # uvicorn makes another list of them whenever the date changes.
    if headers is not _ServerHeaders.headers:
        _ServerHeaders.headers = headers
        _ServerHeaders.printed = b"".join([b"%b: %b\r\n" % each for each in headers]) + b"\r\n"
    return _ServerHeaders.printed
