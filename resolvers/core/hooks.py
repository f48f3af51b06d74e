"""Handlers that run in the transaction of a change, by the type of its event.

So a later area follows what an earlier one does, and the earlier one doesn't know it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from domain.core.log_events import EventType
from kit.scope import Scope


class Change(Protocol):
    """What a handler is given; each area has its own kind, with the rows that it changes."""

    @property
    def type(self) -> EventType: ...


C = TypeVar("C", bound=Change)

Handler = Callable[[Scope, C], Awaitable[None]]


class Hooks:
    """The handlers of a process: one mapping from each area that has any, in the areas' order."""

    def __init__(self, *areas: Mapping[Any, Handler[Any]]) -> None:
        self._areas = areas

    async def run(self, scope: Scope, change: Change) -> None:
        """Run the handlers of a change, one after the other. Whatever one raises undoes it all."""
        for handlers in self._areas:
            handler = handlers.get(change.type)
            if handler is not None:
                await handler(scope, change)


async def run_handlers(scope: Scope, change: Change) -> None:
    """Run what other areas do about a change, under its locks and before its commit."""
    await scope.service(Hooks).run(scope, change)
