"""Bodies of requests, read no further than they may go."""

from typing import Final

from starlette.requests import ClientDisconnect, Request

MAX_BODY_BYTES: Final = 256 * 1024


class TooLarge(Exception):
    """There is more of a body than 256 KiB."""


class BrokenOff(Exception):
    """Whoever sent a body was gone before its end."""


async def body_of(request: Request) -> bytes:
    """All of the body. Raises TooLarge as soon as there is too much of it, and BrokenOff."""
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
        raise BrokenOff from error
    return bytes(body)
