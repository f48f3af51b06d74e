"""Who calls, and from where: from the head of a request, or the first message of a socket."""

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
"""The name in production: browsers take it over TLS only, and from nobody without it."""
MAX_USER_AGENT: Final = 500
CREDENTIALS_IGNORED: Final = (b"x-boom-credentials", b"ignored")
"""The header of an answer to everybody, where the caller's credentials weren't good."""

_AS_FIRST_MESSAGE: Final = 'Send the token as {"authorization": "Bearer <token>"}.'
# What other APIs call it.
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
"""The caller whose access token it is. Raises Unauthenticated."""


def request_of(connection: HTTPConnection) -> Request:
    """A new request of this connection."""
    return Request(
        new_id(),
        ip_address=address_of(connection.client.host) if connection.client else None,
        user_agent=connection.headers.get("user-agent", "")[:MAX_USER_AGENT] or None,
    )


def token_of(authorization: str | None) -> str | None:
    """The token of ``Bearer <token>``. Raises Unauthenticated for credentials of other kinds."""
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send the access token as 'Authorization: Bearer <token>'.")
    return token.strip()


def token_in(params: Mapping[str, object]) -> str | None:
    """The token of a socket's first message: ``authorization``, there or among ``headers``.

    The token may stand alone, or after ``Bearer``. Names count in any case. Raises Unauthenticated
    for credentials of other kinds and names: they would be forgotten, and the caller a stranger.
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
    """The caller; without a token, a stranger. Raises Unauthenticated and Unavailable."""
    if token is None:
        return ANONYMOUS
    try:
        return await authenticate(token)
    except Exception as error:
        if is_away(error):
            raise Unavailable("The database is away; try again in a moment.") from error
        raise
