"""Changes that leave the house: reserved here, asked for outside, then settled here.

Nothing waits for the network inside a transaction, and none is opened inside another. What a saga
has reserved is stored, with a job that settles it should the process end in between.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select

from kit.actor import Actor, Request
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.core.transactions import perform

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Saga:
    """Runs the steps of such a change on behalf of its caller, each in a transaction of its own.

    A mutation whose function takes one, instead of a scope, is a saga.
    """

    runtime: Runtime
    actor: Actor
    request: Request

    @property
    def tenant_id(self) -> UUID:
        assert self.actor.tenant_id is not None, "sagas are a tenant's"
        return self.actor.tenant_id

    async def step(self, change: Callable[[Scope], Awaitable[R]]) -> R:
        """Carry out one step. Raises what it refuses, and Unavailable."""
        return (await perform(self.runtime, self.actor, self.request, change)).result

    async def read(self, statement: Select[R]) -> R | None:
        """The first row, as it is stored now."""
        return await self.step(lambda scope: scope.read_outside(statement))
