"""The deadline of requests."""

import asyncio
from types import TracebackType
from typing import Final, Self

from kit.errors import Unavailable

REQUEST_TIMEOUT_SECONDS: Final = 12
"""How long a query or mutation may take, including all waiting."""


class within_deadline:  # noqa: N801 - reads as what it does: `with within_deadline():`
    """Cancels the task in this block at the deadline. Raises Unavailable.

    ``asyncio.timeout`` takes three times as long, which every request would pay.
    """

    __slots__ = ("_cancelling", "_is_over", "_task", "_timer")

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task = task
        self._is_over = False
        self._cancelling = task.cancelling()
        self._timer = loop.call_later(REQUEST_TIMEOUT_SECONDS, self._end)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        # If the task was cancelled from outside too, the cancellation must go on.
        is_ours = self._is_over and self._task.uncancel() <= self._cancelling
        expected = (asyncio.CancelledError, TimeoutError) if is_ours else TimeoutError
        if isinstance(error, expected):
            raise Unavailable("The request took too long; try again in a moment.") from error

    def extend(self, seconds: float) -> None:
        """Sets the deadline to so many seconds from now."""
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._end)

    def _end(self) -> None:
        self._is_over = True
        self._task.cancel()
