"""Runs coroutines that usually finish without waiting, without a task for each."""

from asyncio import Future
from collections.abc import Coroutine, Generator
from typing import Any


def start_eagerly(coroutine: Coroutine[Any, Any, object]) -> "PendingCoroutine | None":
    """Runs a coroutine until it first waits; returns the rest, or None if it is finished.

    Raises what it raises. A task for each of thousands would cost more than their work.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return PendingCoroutine(coroutine, awaited)


class PendingCoroutine:
    """The rest of a coroutine, to be awaited once or closed."""

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
