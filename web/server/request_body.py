"""Bodies of requests, read no further than they may go."""

from typing import Final

from starlette.requests import ClientDisconnect, Request

MAX_BODY_BYTES: Final = 256 * 1024


class TooLarge(Exception):
    """There is more of a body than 256 KiB."""


class ClientDisconnected(Exception):
    """Whoever sent a body was gone before its end."""


async def read_body(request: Request) -> bytes:
    """The whole body. Raises TooLarge at the first byte too many, and ClientDisconnected."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise TooLarge
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise TooLarge
    except ClientDisconnect as error:
        raise ClientDisconnected from error
    return bytes(body)
