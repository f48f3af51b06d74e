"""From an access token or API key to who calls, as the database says it now."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Generic, TypeVar

from kit.actor import Actor
from kit.bounded_cache import BoundedDict
from kit.clock import Clock
from kit.errors import Unauthenticated
from kit.security.tokens import Claims, KeyToken, Tokens

FRESH: Final = timedelta(seconds=0.5)
"""How long an answer is used again: with a socket's next check, less than a second in all."""

CAPACITY: Final = 10_000
_NO_TIME: Final = timedelta()

Credentials = Claims | KeyToken

_ENDED: Final = {
    Claims: "The session has ended; log in again.",
    KeyToken: "The API key is not valid: unknown, expired or revoked.",
}


@dataclass(frozen=True, slots=True)
class _Asked:
    at: datetime
    actor: asyncio.Future[Actor | None]


C = TypeVar("C", bound=Credentials, covariant=True)


@dataclass(frozen=True, slots=True)
class _Bearer(Generic[C]):
    """What a good token says; ``name`` is the same for all tokens of a session or key."""

    credentials: C
    name: str


class Authenticator:
    """Who the bearers of tokens are; many requests of one session or key ask only once.

    The signature of an access token is checked once, its expiry each time.

    ``find`` gives the actor of a session that is still on, or of a key that is good, else None.
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
        self._asked: BoundedDict[_Asked] = BoundedDict(capacity)
        self._claims: BoundedDict[_Bearer[Claims]] = BoundedDict(capacity)

    async def authenticate(self, token: str) -> Actor:
        """The bearer. Raises Unauthenticated for a token that is no longer worth anything."""
        now = self._clock()
        bearer = self._bearer(token, now)
        asked = self._asked.get(bearer.name)
        if asked is None or not _NO_TIME <= now - asked.at < FRESH:
            # A task, so that one caller who goes away doesn't take the answer from the others.
            asked = _Asked(now, asyncio.ensure_future(self._find(bearer.credentials)))
            self._asked.put(bearer.name, asked)
        try:
            found = asked.actor
            actor = found.result() if found.done() else await asyncio.shield(found)
        except Exception:
            if self._asked.get(bearer.name) is asked:
                self._asked.drop(bearer.name)
            raise
        if actor is None:
            raise Unauthenticated(_ENDED[type(bearer.credentials)])
        return actor

    def _bearer(self, token: str, now: datetime) -> _Bearer[Credentials]:
        if token.startswith(KeyToken.MARK) and (api_key := KeyToken.parse(token)):
            return _Bearer(api_key, _name(api_key))
        # By its hash: no secret is kept for longer than its request takes.
        key = sha256(token.encode(errors="surrogatepass")).digest()
        known = self._claims.get(key)
        if known is None or known.credentials.expires_at <= now:
            claims = self._tokens.read(token, now=now)
            known = _Bearer(claims, _name(claims))
            self._claims.put(key, known)
        return known


def _name(credentials: Credentials) -> str:
    if isinstance(credentials, KeyToken):
        return f"key {credentials.hash.hex()}"
    return f"{credentials.tenant_id} {credentials.session_id} {credentials.user_id}"
