"""One GraphQL operation: who asked, and the snapshot its fields read from."""

from dataclasses import dataclass, field
from datetime import datetime

from kit.actor import Actor, Request
from kit.live_budget import UNBOUNDED, Pace
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.token_bucket import Charge


@dataclass(frozen=True, slots=True)
class Cookie:
    """The secret that the caller's browser is to keep until an instant; None: to forget it."""

    value: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


class Operation:
    """The context of an operation's fields.

    ``scope`` is opened by the first read and stays until the operation ends, a mutation commits,
    or a subscription waits for its next event: then the next read sees a new snapshot.
    ``new_cookie`` is what goes out with an answer over HTTP; None leaves the browser's as it is.
    ``request_id`` is what clients and the logs are told. ``cost`` is what the operation was weighed
    at, ``paid`` the points that were taken for it, with those for reading an unknown document and
    its variables; ``charge`` is what its caller's bucket held after the last of them.
    ``has_hashed`` says whether a password was hashed or checked for it. ``pace`` bounds what a live
    field reads.
    """

    pace: Pace = UNBOUNDED

    def __init__(self, runtime: Runtime, actor: Actor, request: Request) -> None:
        self.runtime = runtime
        self.actor = actor
        self.request = request
        self.request_id = str(request.id)
        self.new_cookie: Cookie | None = None
        self.cost = 0
        self.paid = 0
        self.charge: Charge | None = None
        self.has_hashed = False
        self._scope: Scope | None = None

    async def become(self, actor: Actor) -> None:
        """Go on as somebody else: what is still to be read is read as them."""
        await self.rest()
        self.actor = actor

    @property
    def scope(self) -> Scope:
        if self._scope is None:
            self._scope = Scope(self.runtime, self.actor, self.request)
        return self._scope

    async def rest(self) -> None:
        """Give the snapshot back; the next read opens a new one."""
        scope, self._scope = self._scope, None
        if scope is not None:
            await scope.close()
