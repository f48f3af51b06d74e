"""Sagas: changes that reserve in one transaction, call a service, and settle in another.

No transaction waits for the network, and none is opened inside another. The reservation is stored
with a job that settles it if the process ends in between.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select

from kit.actor import Actor, Request
from kit.errors import Unauthenticated
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.core.transactions import IdempotencyKey, perform

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Saga:
    """Runs the steps of a saga for its caller, each in a transaction of its own.

    A mutation is a saga if its function takes a ``Saga`` instead of a scope. ``key`` is the
    caller's idempotency key, if the saga is declared to have one: it stores by itself what it has
    done under it. ``charge`` charges points beyond the mutation's cost, and ``extend`` gives it
    more seconds than other requests have.
    """

    runtime: Runtime
    actor: Actor
    request: Request
    key: IdempotencyKey | None = None
    charge: Callable[[int], object] = lambda _: None
    extend: Callable[[float], object] = lambda _: None

    @property
    def tenant_id(self) -> UUID:
        """The caller's tenant. Raises Unauthenticated for a caller without one."""
        if self.actor.tenant_id is None:
            raise Unauthenticated("Log in first; this requires an access token.")
        return self.actor.tenant_id

    async def step(self, change: Callable[[Scope], Awaitable[R]]) -> R:
        """Runs a step. Raises its refusals, and Unavailable."""
        return (await perform(self.runtime, self.actor, self.request, change)).result

    async def read(self, statement: Select[R]) -> R | None:
        """Returns the first row in its current state."""
        return await self.step(lambda scope: scope.read_outside(statement))
