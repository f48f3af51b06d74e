"""Points that leak back: how much each caller may ask for over time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from kit.recent import Recent

# Points are kept in millionths, so that a rate per second is exact at any microsecond.
POINT = 1_000_000
CAPACITY = 100_000

_NO_TIME: Final = timedelta()
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Holds at most ``maximum`` points and gets ``restore_rate`` of them back per second."""

    restore_rate: int
    maximum: int


class Charge(NamedTuple):
    """What came of a charge. ``retry_after_seconds`` is 0 when it is allowed."""

    allowed: bool
    currently_available: int
    maximum: int
    restore_rate: int
    retry_after_seconds: int


class Throttle:
    """A leaky bucket per key, in this process; each call takes constant time.

    Full buckets are forgotten. Beyond ``capacity`` keys the one unused longest is, too: its caller
    starts anew with a full bucket.
    """

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._levels: Recent[_Level] = Recent(capacity)

    def charge(self, key: str, cost: int, bucket: Bucket, *, now: datetime) -> Charge:
        """Take ``cost`` points, or none if they aren't there; a cost of 0 only looks.

        A cost above the maximum takes a full bucket and leaves a debt, so that it is slow but
        never impossible.
        """
        full = bucket.maximum * POINT
        level = self._levels.get(key)
        if level is None:
            self._forget_full(now)
            available = full
        else:
            available = level.at(now, bucket)
        missing = min(cost * POINT, full) - available
        allowed = missing <= 0
        if allowed:
            available -= cost * POINT
        if available < full:
            self._levels.put(key, _Level(available, now, bucket))
        return Charge(
            allowed,
            max(available // POINT, 0),
            bucket.maximum,
            bucket.restore_rate,
            0 if allowed else -(-missing // (bucket.restore_rate * POINT)),
        )

    def refund(self, key: str, points: int) -> None:
        """Give back what an operation was charged and didn't need; never above the maximum."""
        level = self._levels.get(key)
        if level:
            more = _Level(level.available + points * POINT, level.seen_at, level.bucket)
            self._levels.put(key, more)

    def __len__(self) -> int:
        """The number of buckets remembered."""
        return len(self._levels)

    def _forget_full(self, now: datetime) -> None:
        # Two for each one that may be added: the rest never grows, and no call pays for all.
        for _ in range(2):
            oldest = self._levels.oldest()
            if oldest is None:
                return
            key, level = oldest
            if level.at(now, level.bucket) < level.bucket.maximum * POINT:
                return
            self._levels.drop(key)


class _Level(NamedTuple):
    """What was available, in millionths of a point, when a bucket was last seen."""

    available: int
    seen_at: datetime
    bucket: Bucket

    def at(self, now: datetime, bucket: Bucket) -> int:
        # Restored at the rate of now: a plan may have changed since.
        passed = now - self.seen_at
        elapsed = passed // _MICROSECOND if passed > _NO_TIME else 0
        return min(self.available + elapsed * bucket.restore_rate, bucket.maximum * POINT)
