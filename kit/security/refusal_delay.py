"""Slows down callers that go on after they were refused."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from kit.bounded_cache import BoundedDict

FREE: Final = 10
"""So many refusals a second are told at once: somebody's retries, or a page that asks a lot."""
PAUSE_SECONDS: Final = 0.5
KNOWN: Final = 10_000


class RefusalDelay:
    """Counts refusals by what caused them, and says how long the next one is to be kept back.

    A refusal costs little, but a caller that asks again at once can cause thousands a second. Its
    connections are bounded, so that each that waits for its refusal sends nothing meanwhile.
    """

    def __init__(
        self, *, seconds: float = PAUSE_SECONDS, clock: Callable[[], float] = monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._refused: BoundedDict[tuple[int, int]] = BoundedDict(KNOWN)

    def pause(self, cause: str) -> float:
        """Counts a refusal; gives the seconds to wait before it is told, mostly none."""
        second = int(self._clock())
        began, count = self._refused.get(cause) or (second, 0)
        count = count + 1 if began == second else 1
        self._refused.put(cause, (second, count))
        return self._seconds if count > FREE else 0
