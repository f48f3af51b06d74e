"""Token buckets: how many points each caller may spend over time."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

# Points are stored in millionths, so that a rate per second is exact at any microsecond.
POINT = 1_000_000
CAPACITY = 100_000

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of at most ``maximum`` points, which regains ``restore_rate`` per second."""

    restore_rate: int
    maximum: int


class Charge(NamedTuple):
    """The result of a charge; ``retry_after_seconds`` is 0 if it is allowed."""

    allowed: bool
    currently_available: int
    maximum: int
    restore_rate: int
    retry_after_seconds: int


class TokenBuckets:
    """Token buckets by key, in this process; each call takes constant time.

    Full buckets are dropped. Beyond ``capacity`` keys the least recently used one is evicted, and
    its caller starts again with a full bucket.
    """

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._levels: OrderedDict[str, _BucketState] = OrderedDict()

    def charge(self, buckets: Sequence[tuple[str, Bucket]], cost: int, *, now: datetime) -> Charge:
        """Takes ``cost`` points from each bucket, or none if one of them lacks them.

        The emptiest bucket decides, and the result describes only that one. A cost above the
        maximum takes a full bucket and leaves a debt, so that it is slow but not impossible.
        """
        charge, levels = self._weighed(buckets, cost, now)
        if charge.allowed:
            self._put(buckets, levels, cost)
        return charge

    def take(self, buckets: Sequence[tuple[str, Bucket]], cost: int, *, now: datetime) -> Charge:
        """Takes ``cost`` points from each bucket, even into debt."""
        charge, levels = self._weighed(buckets, 0, now)
        self._put(buckets, levels, cost)
        return charge._replace(currently_available=max(charge.currently_available - cost, 0))

    def look(self, buckets: Sequence[tuple[str, Bucket]], cost: int, *, now: datetime) -> Charge:
        """Returns what ``charge`` would, without taking points."""
        return self._weighed(buckets, cost, now)[0]

    def _weighed(
        self, buckets: Sequence[tuple[str, Bucket]], cost: int, now: datetime
    ) -> tuple[Charge, list["_BucketState"]]:
        # Runs for every operation, so the common case makes no further calls.
        moment = (now - _BEGINNING) // _MICROSECOND
        points = cost * POINT
        known = self._levels
        levels: list[_BucketState] = []
        refusal: Charge | None = None
        least: _BucketState | None = None
        for key, bucket in buckets:
            level = known.get(key)
            if level is None:
                self._forget_full(moment)
                level = _BucketState(moment, bucket)
            elif level.bucket is not bucket or level.seen_at > moment:
                level.restore(moment, bucket)
            elif level.seen_at < moment:
                restored = level.available + (moment - level.seen_at) * bucket.restore_rate
                level.available = min(level.full, restored)
                level.seen_at = moment
            levels.append(level)
            available = level.available
            if available < points and (missing := min(points, level.full) - available) > 0:
                wait = -(-missing // (bucket.restore_rate * POINT))
                if refusal is None or wait > refusal.retry_after_seconds:
                    refusal = _charge(False, available, bucket, wait)
            elif least is None or available < least.available:
                least = level
        if refusal is not None:
            return refusal, levels
        assert least is not None, "there is a bucket for everybody"
        return _charge(True, least.available - points, least.bucket, 0), levels

    def _put(
        self, buckets: Sequence[tuple[str, Bucket]], levels: Sequence["_BucketState"], cost: int
    ) -> None:
        taken = cost * POINT
        known = self._levels
        for (key, _), level in zip(buckets, levels, strict=True):
            if taken or level.available < level.full:
                level.available -= taken
                known[key] = level
                known.move_to_end(key)
        while len(known) > self._capacity:
            known.popitem(last=False)

    def __len__(self) -> int:
        """The number of buckets stored."""
        return len(self._levels)

    def _forget_full(self, moment: int) -> None:
        # Checks two for each one that may be added, so that full buckets can't accumulate and no
        # call has to scan all.
        for _ in range(2):
            key, level = next(iter(self._levels.items()), (None, None))
            if key is None or level is None:
                return
            level.restore(moment, level.bucket)
            if level.available < level.full:
                return
            del self._levels[key]


class _BucketState:
    """The points available, in millionths, at the microsecond of the last update."""

    __slots__ = ("available", "bucket", "full", "seen_at")

    def __init__(self, moment: int, bucket: Bucket) -> None:
        self.bucket = bucket
        self.seen_at = moment
        self.available = self.full = bucket.maximum * POINT

    def restore(self, moment: int, bucket: Bucket) -> None:
        """Adds the points regained since, at the current rate: the plan may have changed."""
        if bucket is not self.bucket:
            self.bucket, self.full = bucket, bucket.maximum * POINT
        restored = self.available + max(moment - self.seen_at, 0) * bucket.restore_rate
        self.seen_at = moment
        self.available = min(restored, self.full)


def _charge(allowed: bool, available: int, bucket: Bucket, wait: int) -> Charge:
    left = max(available // POINT, 0)
    return Charge(allowed, left, bucket.maximum, bucket.restore_rate, wait)
