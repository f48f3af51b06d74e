"""Stretches of time: pairs of a start and an end, which isn't included; quick for many."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

T = TypeVar("T", int, datetime)

Stretch = tuple[int, int]
"""The ticks at which something starts and ends."""
MINUTE: Final = 60 * 1_000_000
"""A minute in ticks."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def ticks(instant: datetime) -> int:
    """Returns the microseconds from 1970 to an instant."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(tick: int) -> datetime:
    """Returns the instant in UTC so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=tick)


def merged(stretches: Iterable[tuple[T, T]]) -> list[tuple[T, T]]:
    """Returns the same time as disjoint, ordered stretches; adjacent ones are joined."""
    found: list[tuple[T, T]] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found


def refused_starts(obstacles: Iterable[Stretch], *, before: int, after: int = 0) -> list[Stretch]:
    """Returns the starts that lie less than so many ticks before or after an obstacle.

    Disjoint and in order. A start strictly inside one is refused; on an edge it isn't, because it
    would only touch the obstacle. So adjacent ones stay separate.
    """
    refused: list[Stretch] = []
    for start, end in sorted(obstacles):
        if refused and start - before < refused[-1][1]:
            if end + after > refused[-1][1]:
                refused[-1] = refused[-1][0], end + after
        else:
            refused.append((start - before, end + after))
    return refused


class Disjoint:
    """Disjoint, ordered stretches, made ready to find those at some time."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self.stretches = stretches
        self._ends = [end for _, end in stretches]

    def meeting(self, start: int, end: int) -> Stretch | None:
        """Returns the first one that shares time with another stretch."""
        index = bisect_right(self._ends, start)
        if index < len(self._ends) and self.stretches[index][0] < end:
            return self.stretches[index]
        return None

    def strictly_around(self, tick: int) -> Stretch | None:
        """Returns the one that contains a tick, edges excluded."""
        return self.meeting(tick, tick)
