"""When which seats of a room are taken, and how many are left for a slot."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from operator import itemgetter

from domain.bookings.refusals import Busy
from domain.bookings.seats import all_seats
from domain.bookings.slot_facts import RoomFacts, RoomTimes
from domain.bookings.start_grid import StartGrid
from domain.core.stretches import MINUTE, Stretch


class SeatMap:
    """The seats of a room that are taken for a slot of some length, by when it starts."""

    def __init__(self, room: RoomFacts, times: RoomTimes, *, length: int) -> None:
        """``times`` are what bookings take of the room, ``length`` is that of a slot in ticks."""
        assert room.seats is not None
        self._number = room.seats
        before = length + room.buffer_after_minutes * MINUTE
        after = room.buffer_before_minutes * MINUTE
        refused: defaultdict[Stretch, int] = defaultdict(int)
        for (start, end), seats in zip(times.occupied, times.seats, strict=True):
            refused[start - before, end + after] |= seats
        own = _starts_within(room.moving, length)
        edges = sorted({*chain.from_iterable([*refused, own or ()])})
        place = {edge: 2 * number for number, edge in enumerate(edges)}
        # A set for each edge, at which nothing that ends or begins there is taken, and one for the
        # starts between it and the next.
        taken = [0] * (2 * len(edges))
        for (start, end), seats in refused.items():
            for cell in range(place[start] + 1, place[end]):
                taken[cell] |= seats
        if room.moving is not None and own is not None:
            # Within its own time a booking keeps its seats, whatever the buffers are by now.
            for cell in range(place[own[0]], place[own[1]] + 1):
                taken[cell] &= ~room.moving.seats
        self._edges, self._taken = edges, taken

    def free(self, start: int) -> int:
        """Returns the set of seats that are free throughout a slot."""
        return all_seats(self._number) & ~self._taken_in(self._cell(start))

    def frees_at(self, start: int, party: int) -> int | None:
        """Returns the first start from a tick on at which a party finds seats; None: nowhere."""
        if self._left(self._cell(start)) >= party:
            return start
        # More seats are free at an edge than on either side of it.
        since = bisect_right(self._edges, start)
        found = (n for n in range(since, len(self._edges)) if self._left(2 * n) >= party)
        return next((self._edges[number] for number in found), None)

    def refused(self, party: int) -> list[Stretch]:
        """Returns the stretches whose starts, but for their edges, have no seats for a party."""
        found: list[Stretch] = []
        for number, stretch in enumerate(pairwise(self._edges)):
            if self._left(2 * number + 1) >= party:
                continue
            if found and found[-1][1] == stretch[0] and self._left(2 * number) < party:
                found[-1] = found[-1][0], stretch[1]
            else:
                found.append(stretch)
        return found

    def left(self, grid: StartGrid) -> "SeatsLeft":
        """Returns how many seats are free at each start of a grid."""
        since, until = partial(bisect_left, grid.ticks), partial(bisect_right, grid.ticks)
        begins = [place(edge) for edge in self._edges for place in (since, until)]
        runs = [(0, self._number)]
        for cell, (begin, end) in enumerate(pairwise([*begins, len(grid.ticks)])):
            if begin == end or runs[-1][1] == (left := self._left(cell)):
                continue
            if runs[-1][0] == begin:
                runs.pop()
            runs.append((begin, left))
        return SeatsLeft(runs, len(grid.ticks))

    def _cell(self, start: int) -> int:
        number = bisect_left(self._edges, start)
        is_edge = number < len(self._edges) and self._edges[number] == start
        return 2 * number if is_edge else 2 * number - 1

    def _taken_in(self, cell: int) -> int:
        return self._taken[cell] if cell >= 0 else 0

    def _left(self, cell: int) -> int:
        return self._number - self._taken_in(cell).bit_count()


@dataclass(frozen=True, slots=True)
class SeatsLeft:
    """The number of free seats at the starts of a grid, by the places at which it changes."""

    runs: Sequence[tuple[int, int]]
    size: int

    def at(self, place: int) -> int:
        """Returns how many seats are free at a place."""
        return self.runs[bisect_right(self.runs, place, key=itemgetter(0)) - 1][1]

    def at_least(self, party: int) -> int:
        """Returns the set of places at which a party finds seats."""
        found = 0
        ends = [*(begin for begin, _ in self.runs[1:]), self.size]
        for (begin, left), end in zip(self.runs, ends, strict=True):
            if left >= party:
                found |= (1 << end) - (1 << begin)
        return found

    @property
    def turns(self) -> int:
        """The set of places at which the number changes."""
        return sum(1 << begin for begin, _ in self.runs)


def _starts_within(moving: Busy | None, length: int) -> Stretch | None:
    """Returns the first and last start of a slot within the time of a booking that is moved."""
    if moving is None:
        return None
    start, end = moving.interval.stretch
    return (start, end - length) if start <= end - length else None
