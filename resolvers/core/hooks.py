"""Handlers that run in the transaction of a change, by the type of its event.

They let a later area extend a change of an earlier one, which doesn't depend on it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from kit.scope import Scope


class Change(Protocol):
    """The argument of a handler; each area has its own type, with the rows that it changes."""

    @property
    def type(self) -> str:
        """The type of its event, or a name where it has none."""


C = TypeVar("C", bound=Change)

Handler = Callable[[Scope, C], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Conditional(Generic[C]):
    """A handler of the changes that meet a condition, which is known before they are made."""

    applies: Callable[[C], bool]
    handler: Handler[C]

    async def __call__(self, scope: Scope, change: C) -> None:
        if self.applies(change):
            await self.handler(scope, change)


class Hooks:
    """The handlers of a process: a mapping of each area that has handlers, in areas' order."""

    def __init__(self, *areas: Mapping[Any, Handler[Any]]) -> None:
        types = {type for handlers in areas for type in handlers}
        self._by_type: Mapping[str, Sequence[Handler[Any]]] = {
            type: [handlers[type] for handlers in areas if type in handlers] for type in types
        }

    async def run(self, scope: Scope, change: Change) -> None:
        """Runs the handlers of a change in order. If one raises, the change is rolled back."""
        for handler in self._of(change):
            await handler(scope, change)

    def concern(self, change: Change) -> bool:
        """Returns whether a handler may do anything about a change, which isn't made yet."""
        for handler in self._of(change):
            if not isinstance(handler, Conditional) or handler.applies(change):
                return True
        return False

    def _of(self, change: Change) -> Sequence[Handler[Any]]:
        return self._by_type.get(change.type, ())


async def run_handlers(scope: Scope, change: Change) -> None:
    """Runs the handlers of a change, under its locks and before its commit."""
    await scope.service(Hooks).run(scope, change)
