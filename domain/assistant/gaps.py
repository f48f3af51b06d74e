"""The time that a booking leaves unusable before and after it, because it is too short to book."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.core.stretches import MINUTE, Stretch, merged


@dataclass(frozen=True, slots=True)
class FreeStretch:
    """Time of a room within opening hours that no booking takes, in ticks.

    ``follows`` and ``precedes`` a booking rather than the venue's opening and closing.
    """

    start: int
    end: int
    follows: bool
    precedes: bool


@dataclass(frozen=True, slots=True)
class Buffers:
    """The buffers of a room before and after each booking, and its shortest booking, in ticks."""

    before: int
    after: int
    shortest: int

    @classmethod
    def of_minutes(cls, before: int, after: int, shortest: int) -> "Buffers":
        return cls(before * MINUTE, after * MINUTE, shortest * MINUTE)


def free_stretches(opened: Iterable[Stretch], taken: Iterable[Stretch]) -> list[FreeStretch]:
    """Returns the free time of a room in order: its opening hours without what is taken."""
    found: list[FreeStretch] = []
    obstacles = merged(taken)
    for opens, closes in merged(opened):
        start, follows = opens, False
        for since, until in obstacles:
            if until <= start or since >= closes:
                continue
            if since > start:
                found.append(FreeStretch(start, since, follows, precedes=True))
            start, follows = until, True
        if start < closes:
            found.append(FreeStretch(start, closes, follows, precedes=False))
    return found


class Gaps:
    """The gaps that bookings of a room would leave in its free time."""

    def __init__(self, free: Sequence[FreeStretch], buffers: Buffers) -> None:
        self._free = free
        self._starts = [each.start for each in free]
        self._buffers = buffers

    def around(self, start: int, end: int) -> tuple[int, int]:
        """Returns the minutes that a booking from one tick to another leaves unusable.

        Those before it, and those after it; 0 where it leaves nothing, or enough for another
        booking with its buffers.
        """
        place = bisect_right(self._starts, start) - 1
        if place < 0:
            return 0, 0
        free, own = self._free[place], self._buffers
        before = _lost(
            start - free.start, own.before, needed=own.shortest + own.after, beside=free.follows
        )
        after = _lost(
            free.end - end, own.after, needed=own.shortest + own.before, beside=free.precedes
        )
        return before, after


def _lost(left: int, buffer: int, *, needed: int, beside: bool) -> int:
    """Returns the minutes that are left if another booking doesn't fit there.

    ``beside`` a booking, both it and the new one need the ``buffer`` on this side; at the venue's
    opening and closing, buffers may lie outside of its hours.
    """
    bookable = left - buffer
    lost = bookable if beside else left
    return lost // MINUTE if lost > 0 and bookable < needed + buffer * beside else 0
