"""Serves /.well-known/security.txt: where to report a vulnerability (RFC 9116)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kit.clock import Clock

PATH: Final = "/.well-known/security.txt"
# RFC 9116, section 2.5.5 recommends less than a year.
VALIDITY: Final = timedelta(days=180)


def security_txt(contact: str | None, *, clock: Clock) -> Sequence[Route]:
    """Returns the route of the file; none without a contact."""
    if contact is None:
        return []

    async def answer(_request: Request) -> Response:
        expires_at = (clock() + VALIDITY).replace(microsecond=0).isoformat()
        text = f"Contact: {contact}\nExpires: {expires_at}\nPreferred-Languages: en\n"
        return PlainTextResponse(text)

    return [Route(PATH, answer)]
