"""/.well-known/security.txt: where to report a weakness (RFC 9116)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kit.clock import Clock

PATH: Final = "/.well-known/security.txt"
# RFC 9116, section 2.5.5 advises less than a year.
GOOD_FOR: Final = timedelta(days=180)


def security_txt(contact: str | None, *, clock: Clock) -> Sequence[Route]:
    """The route of the file; none where nobody is named."""
    if contact is None:
        return []

    async def answer(_request: Request) -> Response:
        expires_at = (clock() + GOOD_FOR).replace(microsecond=0).isoformat()
        text = f"Contact: {contact}\nExpires: {expires_at}\nPreferred-Languages: en\n"
        return PlainTextResponse(text)

    return [Route(PATH, answer)]
