"""Reads request bodies up to a limit."""

from typing import Final

from starlette.types import Receive

MAX_BODY_BYTES: Final = 256 * 1024


class TooLarge(Exception):
    """The body is larger than 256 KiB."""


class ClientDisconnected(Exception):
    """The client disconnected before the end of its body."""


async def read_body(receive: Receive, *, content_length: str | bytes = b"") -> bytes:
    """Returns the body. Raises TooLarge at the first byte over the limit; ClientDisconnected."""
    if content_length.isdigit() and int(content_length) > MAX_BODY_BYTES:
        raise TooLarge
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    body: bytes = message.get("body", b"")
    is_more = message.get("more_body", False)
    if is_more:
        parts = bytearray(body)
        while is_more and len(parts) <= MAX_BODY_BYTES:
            chunk, is_more = await _chunk(receive)
            parts += chunk
        body = bytes(parts)
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge
    return body


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    return message.get("body", b""), message.get("more_body", False)
