"""Identifies callers, from the headers of a request or the first message of a socket."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import HTTPConnection

from kit.actor import ANONYMOUS, Actor, Request
from kit.errors import Unauthenticated, Unavailable
from kit.ids import new_id
from kit.postgres.failures import is_away
from kit.security.network_addresses import address_of

COOKIE: Final = "boom_refresh"
SECURE_COOKIE: Final = "__Secure-boom_refresh"
"""The name in production: with this prefix, browsers accept a cookie over TLS only."""
MAX_USER_AGENT: Final = 500
CREDENTIALS_IGNORED: Final = (b"x-boom-credentials", b"ignored")
"""Sent with the response to a public operation if the caller's credentials were invalid."""

_AS_FIRST_MESSAGE: Final = 'Send the token as {"authorization": "Bearer <token>"}.'
# Names that other APIs use for credentials.
_CREDENTIALS: Final = frozenset(
    {
        "accesstoken",
        "apikey",
        "auth",
        "authentication",
        "authtoken",
        "bearer",
        "bearertoken",
        "credentials",
        "idtoken",
        "jwt",
        "sessiontoken",
        "token",
        "xaccesstoken",
        "xapikey",
        "xauthtoken",
    }
)
_IGNORABLE: Final = re.compile("[^a-z]")

Authenticate = Callable[[str], Awaitable[Actor]]
"""Returns the actor of an access token. Raises Unauthenticated."""


def request_of(connection: HTTPConnection) -> Request:
    """Returns the origin of a request on this connection, with a new request id."""
    return Request(
        new_id(),
        ip_address=address_of(connection.client.host) if connection.client else None,
        user_agent=connection.headers.get("user-agent", "")[:MAX_USER_AGENT] or None,
    )


def token_of(authorization: str | None) -> str | None:
    """Returns the token of ``Bearer <token>``. Raises Unauthenticated for other credentials."""
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send the access token as 'Authorization: Bearer <token>'.")
    return token.strip()


def token_in(params: Mapping[str, object]) -> str | None:
    """Returns the token in a socket's first message: ``authorization``, there or in ``headers``.

    The token may follow ``Bearer`` or not, and the case of names doesn't matter. Raises
    Unauthenticated for other credentials: ignoring them would make the caller anonymous.
    """
    headers = [value for name, value in params.items() if name.lower() == "headers"]
    found: list[object] = []
    for given in (params, *headers):
        if given is None:
            continue
        if not isinstance(given, Mapping):
            raise Unauthenticated(_AS_FIRST_MESSAGE)
        for name, value in given.items():
            if name.lower() == "authorization" and value is not None:
                found.append(value)
            elif value is not None and (
                _IGNORABLE.sub("", name.lower()) in _CREDENTIALS
                or (given is not params and name.lower() == "headers")
            ):
                raise Unauthenticated(_AS_FIRST_MESSAGE)
    if not found:
        return None
    text = found[0]
    if not isinstance(text, str) or not text.strip() or any(other != text for other in found):
        raise Unauthenticated(_AS_FIRST_MESSAGE)
    return token_of(text) if " " in text.strip() else text.strip()


async def actor_of(token: str | None, authenticate: Authenticate) -> Actor:
    """Returns the actor of a token, or ANONYMOUS. Raises Unauthenticated and Unavailable."""
    if token is None:
        return ANONYMOUS
    try:
        return await authenticate(token)
    except Exception as error:
        if is_away(error):
            raise Unavailable("The service is unavailable; try again in a moment.") from error
        raise
