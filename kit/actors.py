"""From an access token or API key to who calls, as the database says it now."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kit.clock import Clock
from kit.errors import Unauthenticated
from kit.recent import Recent
from kit.scope import Actor
from kit.tokens import Claims, KeyToken, Tokens

FRESH: Final = timedelta(seconds=0.5)
"""How long an answer is used again: with a socket's next check, less than a second in all."""

CAPACITY: Final = 10_000

Credentials = Claims | KeyToken

_ENDED: Final = {
    Claims: "The session has ended; log in again.",
    KeyToken: "The API key is not valid: unknown, expired or revoked.",
}


@dataclass(frozen=True, slots=True)
class _Asked:
    at: datetime
    actor: asyncio.Future[Actor | None]


class Actors:
    """Who the bearers of tokens are; many requests of one session or key ask only once.

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
        self._asked: Recent[_Asked] = Recent(capacity)

    async def authenticate(self, token: str) -> Actor:
        """The bearer. Raises Unauthenticated for a token that is no longer worth anything."""
        now = self._clock()
        credentials = KeyToken.parse(token) or self._tokens.read(token, now=now)
        key = _name(credentials)
        asked = self._asked.get(key)
        if asked is None or not timedelta() <= now - asked.at < FRESH:
            # A task, so that one caller who goes away doesn't take the answer from the others.
            asked = _Asked(now, asyncio.ensure_future(self._find(credentials)))
            self._asked.put(key, asked)
        try:
            actor = await asyncio.shield(asked.actor)
        except Exception:
            if self._asked.get(key) is asked:
                self._asked.drop(key)
            raise
        if actor is None:
            raise Unauthenticated(_ENDED[type(credentials)])
        return actor


def _name(credentials: Credentials) -> str:
    if isinstance(credentials, KeyToken):
        return f"key {credentials.hash.hex()}"
    return f"{credentials.tenant_id} {credentials.session_id} {credentials.user_id}"
