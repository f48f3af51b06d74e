"""Connections that last, and the credentials behind them, which can end before they do."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from execution.subscriber import Subscriber
from kit.actor import ANONYMOUS, Actor
from kit.errors import RequestError, Unavailable
from kit.operation_context import Operation
from web.server.callers import Authenticate, actor_of

RECHECK_SECONDS: Final = 0.4

log = structlog.get_logger(__name__)


class ClientConnection:
    """Who is at the other end of a connection that lasts, and what runs for them."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.actor = ANONYMOUS
        self.running: dict[Operation, Subscriber] = {}

    def become(self, actor: Actor) -> None:
        """Be who the token says; what runs goes on as them."""
        if actor == self.actor:
            return
        self.actor = actor
        for operation, subscriber in self.running.items():
            operation.actor = actor
            # What it is told from now on has to be asked for anew.
            subscriber.leave()


@dataclass(slots=True)
class _TokenHolders:
    """The connections of one token, by their callers, with what ends each."""

    ends: dict[ClientConnection, Callable[[], object]] = field(default_factory=dict)
    # What all of them are known to be.
    actor: Actor | None = None
    looking: "asyncio.Task[None] | None" = None


class CredentialWatcher:
    """Looks at credentials again and again, once for all connections of the same token."""

    def __init__(self, authenticate: Authenticate) -> None:
        self._authenticate = authenticate
        self._tokens: dict[str, _TokenHolders] = {}

    async def recognise(self, caller: ClientConnection) -> None:
        """Find out who it is. Raises as ``actor_of`` does."""
        caller.become(await actor_of(caller.token, self._authenticate))

    def begin(self, caller: ClientConnection, end: Callable[[], object]) -> None:
        """Call ``end`` within a second of the end of the caller's token."""
        if caller.token is None:
            return
        bearers = self._tokens.setdefault(caller.token, _TokenHolders())
        bearers.ends[caller] = end
        bearers.actor = None
        if bearers.looking is None:
            looking = self._look(caller.token, bearers)
            bearers.looking = asyncio.create_task(looking, name="credentials")

    def stop(self, caller: ClientConnection) -> None:
        bearers = self._tokens.get(caller.token or "")
        if bearers is None or bearers.ends.pop(caller, None) is None:
            return
        if not bearers.ends:
            self._forget(caller.token, bearers)

    async def _look(self, token: str, bearers: _TokenHolders) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            try:
                actor = await actor_of(token, self._authenticate)
            except Unavailable:
                continue
            except RequestError:
                break
            except Exception as error:  # noqa: BLE001 - it doesn't say that they may go on
                log.warning("credentials.not_checked", reason=type(error).__name__)
                break
            if actor != bearers.actor:
                bearers.actor = actor
                for caller in bearers.ends:
                    caller.become(actor)
        ends = tuple(bearers.ends.values())
        bearers.ends.clear()
        bearers.looking = None
        self._forget(token, bearers)
        for end in ends:
            end()

    def _forget(self, token: str | None, bearers: _TokenHolders) -> None:
        if token is not None and self._tokens.get(token) is bearers:
            del self._tokens[token]
        if bearers.looking is not None:
            bearers.looking.cancel()
