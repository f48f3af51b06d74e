"""Authenticates access tokens and keys, with their current state."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, Generic, TypeVar

from kit.actor import Actor
from kit.bounded_cache import BoundedDict
from kit.clock import Clock
from kit.errors import Unauthenticated
from kit.security.tokens import Claims, KeyToken, PlatformKey, Tokens

FRESH: Final = timedelta(seconds=0.5)
"""How long a result is cached: with the recheck of sockets, less than a second in total."""

CAPACITY: Final = 10_000

Credentials = Claims | KeyToken | PlatformKey

_ENDED: Final = {
    Claims: "The session has ended; log in again.",
    KeyToken: "The API key is not valid: unknown, expired or revoked.",
    PlatformKey: "The platform key is not valid.",
}


@dataclass(frozen=True, slots=True)
class _Lookup:
    at: datetime
    until: datetime
    actor: asyncio.Future[Actor | None]


C = TypeVar("C", bound=Credentials, covariant=True)


@dataclass(frozen=True, slots=True)
class _Bearer(Generic[C]):
    """The credentials of a valid token; all tokens of a session or key have the same ``name``."""

    credentials: C
    name: str


class Authenticator:
    """Authenticates tokens; concurrent requests of one session or key share one query.

    The signature of an access token is verified once, its expiry each time.

    ``find`` returns the actor of an active session or a valid key, else None.
    """

    def __init__(
        self,
        tokens: Tokens,
        find: Callable[[Credentials], Awaitable[Actor | None]],
        *,
        clock: Clock,
        capacity: int = CAPACITY,
    ) -> None:
        self._tokens = tokens
        self._find = find
        self._clock = clock
        self._lookups: BoundedDict[_Lookup] = BoundedDict(capacity)
        self._claims: BoundedDict[_Bearer[Claims]] = BoundedDict(capacity)

    async def authenticate(self, token: str) -> Actor:
        """Returns the actor of a token. Raises Unauthenticated if it isn't valid any more."""
        now = self._clock()
        bearer = self._bearer(token, now)
        lookup = self._lookups.get(bearer.name)
        if lookup is None or not lookup.at <= now < lookup.until:
            # A task, so that cancelling one caller doesn't cancel the others' query.
            finding = asyncio.ensure_future(self._find(bearer.credentials))
            lookup = _Lookup(now, now + FRESH, finding)
            self._lookups.put(bearer.name, lookup)
        try:
            found = lookup.actor
            actor = found.result() if found.done() else await asyncio.shield(found)
        except Exception:
            if self._lookups.get(bearer.name) is lookup:
                self._lookups.drop(bearer.name)
            raise
        if actor is None:
            raise Unauthenticated(_ENDED[type(bearer.credentials)])
        return actor

    def _bearer(self, token: str, now: datetime) -> _Bearer[Credentials]:
        if token.startswith(KeyToken.MARK):
            key = KeyToken.parse(token) or PlatformKey.parse(token)
            if key is not None:
                return _Bearer(key, _name(key))
        # By its hash: secrets aren't kept longer than their request takes.
        digest = blake2b(token.encode(errors="surrogatepass")).digest()
        cached = self._claims.get(digest)
        if cached is None or cached.credentials.expires_at <= now:
            claims = self._tokens.read(token, now=now)
            cached = _Bearer(claims, _name(claims))
            self._claims.put(digest, cached)
        return cached


def _name(credentials: Credentials) -> str:
    if isinstance(credentials, (KeyToken, PlatformKey)):
        return f"key {credentials.hash.hex()}"
    return f"{credentials.tenant_id} {credentials.session_id} {credentials.user_id}"
