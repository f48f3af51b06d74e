"""Coroutines that are mostly done without waiting, run by whoever holds them."""

from asyncio import Future
from collections.abc import Coroutine, Generator
from typing import Any


def start_eagerly(coroutine: Coroutine[Any, Any, object]) -> "PendingCoroutine | None":
    """Run it up to where it first has to wait; None where that is its end. Raises what it raises.

    A task for each of thousands would cost more than what most of them do.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return PendingCoroutine(coroutine, awaited)


class PendingCoroutine:
    """What is left of such a coroutine: to be awaited once, or to be closed."""

    def __init__(self, coroutine: Coroutine[Any, Any, object], awaited: "Future[object]") -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            yield self._awaited
            yield from self._coroutine.__await__()
        finally:
            self._coroutine.close()

    def close(self) -> None:
        self._coroutine.close()
