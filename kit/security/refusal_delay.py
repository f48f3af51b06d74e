"""Delays responses to callers that go on after they were refused."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from kit.bounded_cache import BoundedDict

FREE: Final = 10
"""How many refusals a second aren't delayed: retries, or a page with many requests."""
PAUSE_SECONDS: Final = 0.5
KNOWN: Final = 10_000


class RefusalDelay:
    """Counts refusals by cause, and computes how long to delay the next one.

    A refusal is cheap, but a caller that retries at once can cause thousands a second. Its
    connections are limited, so a connection that waits for its refusal sends nothing meanwhile.
    """

    def __init__(
        self, *, seconds: float = PAUSE_SECONDS, clock: Callable[[], float] = monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._refused: BoundedDict[tuple[int, int]] = BoundedDict(KNOWN)

    def pause(self, cause: str) -> float:
        """Counts a refusal and returns the seconds to delay it, usually 0."""
        second = int(self._clock())
        began, count = self._refused.get(cause) or (second, 0)
        count = count + 1 if began == second else 1
        self._refused.put(cause, (second, count))
        return self._seconds if count > FREE else 0
