"""A running clock that starts on the Monday of the tests."""

import time
from datetime import datetime, timedelta

from tests.support.clock import MONDAY_MORNING


class RunningClock:
    """09:00 UTC when it is made; from then on as fast as any."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self) -> datetime:
        return MONDAY_MORNING + timedelta(seconds=time.monotonic() - self._began)
