"""The starts on a venue's grid, and sets of them as integers."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import chain, pairwise
from zoneinfo import ZoneInfo

from domain.core.intervals import Interval
from domain.core.local_time import LocalTime, dates_around, instants, midnight
from domain.core.stretches import MINUTE, Stretch, instant_of, ticks

_DAY_MINUTES = 24 * 60
_DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class StartGrid:
    """Starts in order, by their ticks. In a set of them, bit n stands for the nth start."""

    ticks: Sequence[int]

    @cached_property
    def starts(self) -> tuple[datetime, ...]:
        return tuple(map(instant_of, self.ticks))

    @cached_property
    def every(self) -> int:
        """The set of all starts."""
        return (1 << len(self.ticks)) - 1

    def within(self, first: int, last: int) -> int:
        """Returns the set of starts from one tick to another, both included."""
        return _bits(bisect_left(self.ticks, first), bisect_right(self.ticks, last))

    def inside(self, stretches: Iterable[Stretch], *, before: int = 0, after: int = 0) -> int:
        """Returns the set of starts inside any of some stretches, but for their very ends.

        They are extended by so many ticks before and after.
        """
        found = 0
        for start, end in stretches:
            since = bisect_right(self.ticks, start - before)
            until = bisect_left(self.ticks, end + after, since)
            if until > since:
                found |= ((1 << (until - since)) - 1) << since
        return found

    def turns(self, stretches: Iterable[Stretch], *, before: int = 0, after: int = 0) -> int:
        """Returns the set of starts at which ``inside`` turns, for any one of the stretches."""
        found = 0
        for start, end in stretches:
            found |= 1 << bisect_right(self.ticks, start - before)
            found |= 1 << bisect_left(self.ticks, end + after)
        return found & self.every

    def since(self, tick: int) -> int:
        """Returns the set of starts from a tick on."""
        return _bits(bisect_left(self.ticks, tick), len(self.ticks))

    def during(self, stretches: Iterable[Stretch]) -> int:
        """Returns the set of starts that lie in any of some stretches."""
        found = 0
        for start, end in stretches:
            found |= self.within(start, end - 1)
        return found

    def of(self, some: int) -> list[datetime]:
        """Returns the starts of a set, in order."""
        return [self.starts[place] for place in places(some)]


@lru_cache(maxsize=32)
def start_grid(window: Interval, zone: ZoneInfo, slot_minutes: int) -> StartGrid:
    """Returns the starts within an interval whose wall clock is on a venue's grid.

    The grid counts wall-clock minutes from each local midnight: a skipped time is no start, a
    repeated one is two. A day whose midnight is skipped has its first instant instead.
    """
    dates = dates_around(window, zone)
    begins = [midnight(dates[0] + n * _DAY, zone) for n in range(len(dates) + 2)]
    whole = [following - begin == _DAY for begin, following in pairwise(begins)]
    days = [
        # A clock that is put back early in the next date may show this one once more.
        _plain_day(begins[n], slot_minutes)
        if whole[n] and whole[n + 1]
        else _day(day, zone, slot_minutes)
        for n, day in enumerate(dates)
    ]
    found = [*chain.from_iterable(days)]
    if any(before[-1] >= after[0] for before, after in pairwise(days)):
        found = sorted({*found})
    first, end = ticks(window.start), ticks(window.end)
    return StartGrid(found[bisect_left(found, first) : bisect_left(found, end)])


def runs(some: int) -> Iterator[range]:
    """Yields the runs of consecutive places in a set, in order."""
    place = 0
    while some:
        skipped = (some & -some).bit_length() - 1
        some >>= skipped
        length = (~some & (some + 1)).bit_length() - 1
        some >>= length
        yield range(place + skipped, place + skipped + length)
        place += skipped + length


def parted(run: range, turns: int) -> Iterator[range]:
    """Yields the parts of a run, each of which begins with the run or at a place of ``turns``."""
    ends = places(turns & _bits(run.start + 1, run.stop))
    return (range(*ends) for ends in pairwise((run.start, *ends, run.stop)))


def places(some: int) -> Iterator[int]:
    """Yields the places in a set, in order."""
    return chain.from_iterable(runs(some))


def _plain_day(begins: datetime, slot_minutes: int) -> Sequence[int]:
    """Returns the starts of a date on which the clock doesn't change.

    No zone has ever changed its clock twice within two days, so that its midnights tell.
    """
    since = ticks(begins)
    return range(since, since + _DAY_MINUTES * MINUTE, slot_minutes * MINUTE)


def _day(day: date, zone: ZoneInfo, slot_minutes: int) -> Sequence[int]:
    """Returns the starts of any date."""
    starts = {
        ticks(start)
        for minute in range(0, _DAY_MINUTES, slot_minutes)
        for start in instants(day, LocalTime(minute), zone)
    }
    return sorted({*starts, ticks(midnight(day, zone))})


def _bits(since: int, until: int) -> int:
    return ((1 << (until - since)) - 1) << since if until > since else 0
