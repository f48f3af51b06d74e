"""Answers in one write: uvicorn by itself hands the head and the body to the system apart."""

import asyncio
from functools import partial
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

AT_ONCE_BYTES: Final = 64 * 1024
SEND_RESPONSE: Final = "boom.whole"
"""The extension of ASGI by which an app may answer in one step: ``whole(head, body) -> bool``.

The head is complete but for what the server adds and the empty line. False: nothing was sent, and
the answer has to go the ordinary way, by ``send``.
"""


class BufferedTransport(asyncio.Transport):
    """Sends what is written in one turn of the event loop together, at the end of the turn.

    A call of the system costs as much as a good part of all else that a small answer needs.
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
        # Or what never waits would never be told that the other side is slow.
        if self._bytes > AT_ONCE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send now what was written."""
        parts, self._parts = self._parts, []
        self._bytes = 0
        if len(parts) == 1:
            self.under.write(parts[0])
        elif parts:
            self.under.writelines(parts)

    def send(self, head: bytes, body: bytes) -> None:
        """Send both now, after what was written before."""
        if self._parts:
            self.flush()
        self.under.writelines((head, body))

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


class GatheringProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, on a transport that gathers."""

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
        # A socket has its own way to be told that the other side is slow.
        assert isinstance(self.transport, BufferedTransport)
        self.transport.flush()
        self.transport = self.transport.under
        super().handle_websocket_upgrade()


def _send_response(cycle: RequestResponseCycle, head: bytes, body: bytes) -> bool:
    """Answer a request as ``cycle.send`` does, which looks at each header for what may be in it."""
    is_plain = cycle.keep_alive and not cycle.response_started and not cycle.flow.write_paused
    if not is_plain or cycle.disconnected or cycle.scope["method"] == "HEAD":
        return False
    added = b"".join([b"%b: %b\r\n" % header for header in cycle.default_headers])
    assert isinstance(cycle.transport, BufferedTransport)
    cycle.waiting_for_100_continue = False
    cycle.response_started = cycle.response_complete = True
    cycle.transport.send(b"%b%b\r\n" % (head, added), body)
    cycle.message_event.set()
    cycle.on_response()
    return True
