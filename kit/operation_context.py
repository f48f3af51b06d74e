"""The context of one GraphQL operation: its actor, and the snapshot its fields read from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kit.actor import Actor, Request
from kit.live_budget import UNBOUNDED, Pace
from kit.runtime import Runtime
from kit.scope import Scope, Showing
from kit.security.token_bucket import Charge


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to set in the caller's browser until an instant; None deletes it."""

    value: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


class Operation:
    """The context of an operation's fields.

    ``scope`` is opened by the first read and stays until the operation ends, a mutation commits,
    or a subscription waits for its next event: then the next read sees a new snapshot.
    ``new_cookie`` is sent with the response over HTTP; None leaves the browser's unchanged.
    ``request_id`` is sent to clients and logged. ``cost`` is the estimated cost, ``paid`` the
    points charged, with those for parsing a new document and its variables; ``charge`` is the
    state of the caller's bucket after the last charge. ``has_hashed`` is set if a password was
    hashed or checked. ``carried_out`` is what its only mutation returned or raised, if it was
    carried out before the document is executed; ``showing`` reads what is selected of its row, and
    ``shown`` is that, if the mutation has read it. ``refused`` has the codes of the errors that
    its mutations returned in `userErrors`. ``charge_excess`` charges points beyond its cost, and
    ``extend_deadline`` gives it so many seconds from now. ``pace`` bounds what a live field reads.
    """

    pace: Pace = UNBOUNDED
    refused: Sequence[str] = ()
    charge_excess: Callable[[int], object] | None = None
    extend_deadline: Callable[[float], object] | None = None

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
        self.carried_out: Any = None
        self.showing: Showing | None = None
        self.shown: str | None = None
        self._scope: Scope | None = None
        self._uncommitted: Scope | None = None
        self._is_closed = False

    async def switch_actor(self, actor: Actor) -> None:
        """Continues as another actor: later reads see what they may see."""
        await self.release()
        self.actor = actor

    @property
    def scope(self) -> Scope:
        if self._scope is None:
            self._scope = Scope(self.runtime, self.actor, self.request)
            self._scope.is_closed = self._is_closed
        return self._scope

    async def release(self) -> None:
        """Releases the snapshot and its connection; the next read opens a new one."""
        scope, self._scope = self._scope, None
        if scope is not None:
            await scope.close()

    def read_from(self, uncommitted: Scope) -> None:
        """Continues with reads that see a change, which ``undo`` rolls back."""
        self._uncommitted = uncommitted
        self._scope = uncommitted.reading_as(self.actor)

    async def undo(self) -> None:
        """Rolls back the change that was to be seen only by the reads after it, if any."""
        uncommitted, self._uncommitted = self._uncommitted, None
        if uncommitted is not None:
            self._scope = None
            await uncommitted.close()

    async def close(self) -> None:
        """Releases them for good: fields that go on beside one that has failed read no more."""
        self._is_closed = True
        if self._scope is not None:
            await self._scope.close()
        await self.undo()
