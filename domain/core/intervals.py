"""Half-open time intervals in UTC: [start, end)."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Self

_END = attrgetter("end")


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A span of time that includes its start but not its end.

    Both ends are aware and in UTC; the start lies before the end. Raises ValueError otherwise.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC or self.end.tzinfo is not UTC:
            raise ValueError("An interval is given in UTC.")
        if self.start >= self.end:
            raise ValueError("An interval ends after it starts.")

    @classmethod
    def of_minutes(cls, start: datetime, minutes: int) -> Self:
        """Returns the interval of so many minutes from an instant on."""
        return cls(start, start + timedelta(minutes=minutes))

    @property
    def minutes(self) -> int:
        """Its length in whole minutes."""
        return (self.end - self.start) // timedelta(minutes=1)

    def overlaps(self, other: "Interval") -> bool:
        """Returns whether they share any time; adjacent intervals don't."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: "Interval") -> bool:
        """Returns whether the other is completely inside."""
        return self.start <= other.start and other.end <= self.end

    def padded(self, *, before_minutes: int, after_minutes: int) -> "Interval":
        """Returns the interval extended at both ends, for example by buffers."""
        return Interval(
            self.start - timedelta(minutes=before_minutes),
            self.end + timedelta(minutes=after_minutes),
        )


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Returns the same time as disjoint, ordered intervals; adjacent ones are joined."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end:
            if interval.end > merged[-1].end:
                merged[-1] = Interval(merged[-1].start, interval.end)
        else:
            merged.append(interval)
    return merged


def first_overlap(merged: Sequence[Interval], wanted: Interval) -> Interval | None:
    """Returns the first of disjoint, ordered intervals that overlaps the wanted one."""
    index = bisect_right(merged, wanted.start, key=_END)
    if index < len(merged) and merged[index].start < wanted.end:
        return merged[index]
    return None


def refused_starts(
    obstacles: Iterable[Interval], *, minutes: int, before_minutes: int = 0, after_minutes: int = 0
) -> list[Interval]:
    """Returns the starts from which so many minutes, with buffers, would overlap an obstacle.

    Disjoint and in order. A start strictly inside one is refused; on an edge it isn't, because it
    would only touch the obstacle. So adjacent ones stay separate.
    """
    refused: list[Interval] = []
    for obstacle in sorted(obstacles):
        reach = obstacle.padded(
            before_minutes=minutes + after_minutes, after_minutes=before_minutes
        )
        if refused and reach.start < refused[-1].end:
            if reach.end > refused[-1].end:
                refused[-1] = Interval(refused[-1].start, reach.end)
        else:
            refused.append(reach)
    return refused


def strictly_around(disjoint: Sequence[Interval], instant: datetime) -> Interval | None:
    """Returns the disjoint, ordered interval that contains an instant, edges excluded."""
    index = bisect_right(disjoint, instant, key=_END)
    if index < len(disjoint) and disjoint[index].start < instant:
        return disjoint[index]
    return None
