"""Rechecks the credentials of long-lived connections, which may expire or be revoked."""

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
    """The client of a long-lived connection: its token, its actor and its running operations."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.actor = ANONYMOUS
        self.running: dict[Operation, Subscriber] = {}

    def switch_actor(self, actor: Actor) -> None:
        """Sets the actor, as whom the running operations go on."""
        if actor == self.actor:
            return
        self.actor = actor
        for operation, subscriber in self.running.items():
            operation.actor = actor
            # The new actor may see other things, so it needs another shared subscription.
            subscriber.detach()


@dataclass(slots=True)
class _TokenHolders:
    """The connections of one token, each with the function that ends it."""

    ends: dict[ClientConnection, Callable[[], object]] = field(default_factory=dict)
    # The actor that all of them have been switched to.
    actor: Actor | None = None
    task: "asyncio.Task[None] | None" = None


class CredentialWatcher:
    """Rechecks each token periodically, once for all connections that hold it."""

    def __init__(self, authenticate: Authenticate) -> None:
        self._authenticate = authenticate
        self._tokens: dict[str, _TokenHolders] = {}

    async def authenticate(self, caller: ClientConnection) -> None:
        """Authenticates a client. Raises the same as ``actor_of``."""
        caller.switch_actor(await actor_of(caller.token, self._authenticate))

    def begin(self, caller: ClientConnection, end: Callable[[], object]) -> None:
        """Calls ``end`` within a second after the client's token expires or is revoked."""
        if caller.token is None:
            return
        holders = self._tokens.setdefault(caller.token, _TokenHolders())
        holders.ends[caller] = end
        holders.actor = None
        if holders.task is None:
            holders.task = asyncio.create_task(
                self._recheck(caller.token, holders), name="credentials"
            )

    def stop(self, caller: ClientConnection) -> None:
        holders = self._tokens.get(caller.token or "")
        if holders is None or holders.ends.pop(caller, None) is None:
            return
        if not holders.ends:
            self._remove(caller.token, holders)

    async def _recheck(self, token: str, holders: _TokenHolders) -> None:
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
            if actor != holders.actor:
                holders.actor = actor
                for caller in holders.ends:
                    caller.switch_actor(actor)
        ends = tuple(holders.ends.values())
        holders.ends.clear()
        holders.task = None
        self._remove(token, holders)
        for end in ends:
            end()

    def _remove(self, token: str | None, holders: _TokenHolders) -> None:
        if token is not None and self._tokens.get(token) is holders:
            del self._tokens[token]
        if holders.task is not None:
            holders.task.cancel()
