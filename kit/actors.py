"""From an access token to who calls, as the database says it now."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kit.clock import Clock
from kit.errors import Unauthenticated
from kit.recent import Recent
from kit.scope import Actor
from kit.tokens import Claims, Tokens

FRESH: Final = timedelta(seconds=0.5)
"""How long an answer is used again: with a socket's next check, less than a second in all."""

CAPACITY: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Asked:
    at: datetime
    actor: asyncio.Future[Actor | None]


class Actors:
    """Who the bearers of access tokens are; many requests of one session ask only once.

    ``find`` gives the actor of a session that is still on, else None.
    """

    def __init__(
        self,
        tokens: Tokens,
        find: Callable[[Claims], Awaitable[Actor | None]],
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
        claims = self._tokens.read(token, now=now)
        key = f"{claims.tenant_id} {claims.session_id} {claims.user_id}"
        asked = self._asked.get(key)
        if asked is None or not timedelta() <= now - asked.at < FRESH:
            # A task, so that one caller who goes away doesn't take the answer from the others.
            asked = _Asked(now, asyncio.ensure_future(self._find(claims)))
            self._asked.put(key, asked)
        try:
            actor = await asyncio.shield(asked.actor)
        except Exception:
            if self._asked.get(key) is asked:
                self._asked.drop(key)
            raise
        if actor is None:
            raise Unauthenticated("The session has ended; log in again.")
        return actor
