"""The clock, which is passed as an argument so that tests can set it."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import time

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Returns the current time in UTC, in whole milliseconds, as the API prints it."""
    # Twice as fast as `datetime.now` with `replace`; each operation calls it three times.
    return datetime.fromtimestamp(int(time() * 1000) / 1000, UTC)
