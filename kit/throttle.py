"""Points that leak back: how much each caller may ask for over time."""

from collections.abc import Sequence
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
    """Leaky buckets by key, in this process; each call takes constant time.

    Full buckets are forgotten. Beyond ``capacity`` keys the one unused longest is, too: its caller
    starts anew with a full bucket.
    """

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._levels: Recent[_Level] = Recent(capacity)

    def charge(self, buckets: Sequence[tuple[str, Bucket]], cost: int, *, now: datetime) -> Charge:
        """Take ``cost`` points out of each bucket, or none at all if one of them lacks them.

        The emptiest of the buckets decides, and the answer speaks of it alone. A cost above the
        maximum takes a full bucket and leaves a debt, so that it is slow but never impossible.
        """
        charge, levels = self._weighed(buckets, cost, now)
        if charge.allowed:
            self._put(buckets, levels, cost, now)
        return charge

    def take(self, buckets: Sequence[tuple[str, Bucket]], cost: int, *, now: datetime) -> Charge:
        """Take ``cost`` points out of each bucket, whatever is left: there may be a debt then."""
        charge, levels = self._weighed(buckets, 0, now)
        self._put(buckets, levels, cost, now)
        return charge._replace(currently_available=max(charge.currently_available - cost, 0))

    def look(self, buckets: Sequence[tuple[str, Bucket]], cost: int, *, now: datetime) -> Charge:
        """What ``charge`` would answer now; nothing is taken."""
        return self._weighed(buckets, cost, now)[0]

    def _weighed(
        self, buckets: Sequence[tuple[str, Bucket]], cost: int, now: datetime
    ) -> tuple[Charge, list[int]]:
        levels: list[int] = []
        refusal: Charge | None = None
        least: tuple[int, Bucket] | None = None
        for key, bucket in buckets:
            full = bucket.maximum * POINT
            level = self._levels.get(key)
            if level is None:
                self._forget_full(now)
                available = full
            else:
                available = level.at(now, bucket)
            levels.append(available)
            missing = min(cost * POINT, full) - available
            if missing > 0:
                wait = -(-missing // (bucket.restore_rate * POINT))
                if refusal is None or wait > refusal.retry_after_seconds:
                    refusal = _charge(False, available, bucket, wait)
            elif least is None or available < least[0]:
                least = (available, bucket)
        if refusal is not None:
            return refusal, levels
        assert least is not None, "there is a bucket for everybody"
        available, bucket = least
        return _charge(True, available - cost * POINT, bucket, 0), levels

    def _put(
        self,
        buckets: Sequence[tuple[str, Bucket]],
        levels: Sequence[int],
        cost: int,
        now: datetime,
    ) -> None:
        taken = cost * POINT
        for (key, bucket), available in zip(buckets, levels, strict=True):
            if taken or available < bucket.maximum * POINT:
                self._levels.put(key, _Level(available - taken, now, bucket))

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


def _charge(allowed: bool, available: int, bucket: Bucket, wait: int) -> Charge:
    left = max(available // POINT, 0)
    return Charge(allowed, left, bucket.maximum, bucket.restore_rate, wait)
