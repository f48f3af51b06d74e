"""Half-open time intervals in UTC: [start, end)."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Self

from domain.core.stretches import Stretch, instant_of, merged, ticks

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

    @classmethod
    def of_stretch(cls, stretch: Stretch) -> Self:
        """Returns the interval between two ticks."""
        return cls(*map(instant_of, stretch))

    @property
    def stretch(self) -> Stretch:
        """The ticks of its ends."""
        return ticks(self.start), ticks(self.end)

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
    return [Interval(*each) for each in merged((each.start, each.end) for each in intervals)]


def first_overlap(disjoint: Sequence[Interval], wanted: Interval) -> Interval | None:
    """Returns the first of disjoint, ordered intervals that overlaps the wanted one."""
    index = bisect_right(disjoint, wanted.start, key=_END)
    if index < len(disjoint) and disjoint[index].start < wanted.end:
        return disjoint[index]
    return None
