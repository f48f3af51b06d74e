"""Event streams: the replay and the live events of a subscription.

A subscriber is sent the events it missed, then live events. Live events are the same for all
subscribers with the same operation and permissions, so they are executed once for all of them; the
replay is each subscriber's own. Sort keys tell where the replay ends and the live events begin.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from kit.events.event_cursors import EventCursor
from kit.operation_context import Operation

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)

SortKey = tuple[int, ...]
"""The sort key of a step; a subscriber takes steps in ascending order, each once."""


@dataclass(frozen=True, slots=True)
class StreamItem(Generic[E_co]):
    """A step of a stream; without an event, it only moves the position to its sort key."""

    sort_key: SortKey
    cursor: EventCursor
    event: E_co | None


class Source(Protocol[E_co]):
    """The events for callers with the same permissions and arguments, except ``after``.

    One object serves all of them in this process, so it may cache results.
    """

    def live(
        self, operation: Operation
    ) -> AbstractAsyncContextManager[AsyncGenerator[StreamItem[E_co]]]:
        """Streams the events from the moment at which the context was entered."""
        ...

    def replay(
        self, operation: Operation, after: EventCursor | None
    ) -> AsyncGenerator[Sequence[StreamItem[E_co]]]:
        """Yields the events since a cursor; without one, only a step at the end of the log.

        They are yielded in batches that are read together. Called while ``live`` is open. Yields at
        least one step; live steps after the sort key of the last one continue it without a gap.
        """
        ...

    def gap_event(self, cursor: EventCursor) -> E_co:
        """Returns the event that tells a client that the events up to a cursor were dropped."""
        ...


@dataclass(frozen=True, slots=True)
class EventStream(Generic[E]):
    """A source and the cursor to begin after. Iterating it streams for ``operation`` alone.

    ``is_personal``: its events depend on who the caller is, not only on what they may see.
    """

    operation: Operation
    source: Source[E]
    after: EventCursor | None
    is_personal: bool = False

    async def __aiter__(self) -> AsyncGenerator[E]:
        sort_key: SortKey = ()
        async with self.source.live(self.operation) as live:
            for steps in (_each(self.source.replay(self.operation, self.after)), live):
                async with aclosing(steps):
                    async for step in steps:
                        if step.sort_key > sort_key:
                            sort_key = step.sort_key
                            if step.event is not None:
                                yield step.event


async def _each(batches: AsyncGenerator[Sequence[StreamItem[E]]]) -> AsyncGenerator[StreamItem[E]]:
    async with aclosing(batches):
        async for steps in batches:
            for step in steps:
                yield step
