"""What a live field follows: steps along a log, which one subscriber takes or many share.

A subscriber begins with what it missed and goes on with what happens. The second part is the
same for all who ask the same and may see the same, so that it is worked out once for all of them;
the first part is everybody's own. Marks tell where one goes over into the other.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from kit.events.event_cursors import EventCursor
from kit.operation_context import Operation

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)

Mark = tuple[int, ...]
"""How far a step leads. Steps go in the order of their marks; each is taken once."""


@dataclass(frozen=True, slots=True)
class StreamItem(Generic[E_co]):
    """A step along a source; without an event, there is nothing to tell up to its mark."""

    mark: Mark
    cursor: EventCursor
    event: E_co | None


class Source(Protocol[E_co]):
    """What happens, for callers of equal standing who gave the same arguments but ``after``.

    One object serves all of them in this process, so it may keep what it has worked out.
    """

    def live(
        self, operation: Operation
    ) -> AbstractAsyncContextManager[AsyncGenerator[StreamItem[E_co]]]:
        """What happens from the moment at which the context has been entered."""
        ...

    def missed(
        self, operation: Operation, after: EventCursor | None
    ) -> AsyncGenerator[StreamItem[E_co]]:
        """What happened since a cursor; without one, nothing but where the log ends now.

        Begun while ``live`` is open. There is at least one step, and what ``live`` gives beyond
        the mark of the last one is right for whoever took them all.
        """
        ...

    def gap(self, cursor: EventCursor) -> E_co:
        """What tells a client that the events up to a cursor were dropped."""
        ...


@dataclass(frozen=True, slots=True)
class EventStream(Generic[E]):
    """A source and where to begin in it. Iterated, it is followed alone, for ``operation``."""

    operation: Operation
    source: Source[E]
    after: EventCursor | None

    async def __aiter__(self) -> AsyncGenerator[E]:
        mark: Mark = ()
        async with self.source.live(self.operation) as live:
            for steps in (self.source.missed(self.operation, self.after), live):
                async with aclosing(steps):
                    async for step in steps:
                        if step.mark > mark:
                            mark = step.mark
                            if step.event is not None:
                                yield step.event
