"""A stopped clock, which tests move."""

from datetime import UTC, datetime, timedelta

MONDAY_MORNING = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)


class StoppedClock:
    """The time of the app under test: 09:00 UTC on a Monday, to begin with."""

    def __init__(self, now: datetime = MONDAY_MORNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        self.now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
