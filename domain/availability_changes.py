"""Which slots may be otherwise than they were told, and when time alone makes them so."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.availability import Wish, first_on_grid
from domain.ids import RoomId
from domain.intervals import Interval

LONGEST_BUFFER_MINUTES = 24 * 60
# What is refused, or let go, strictly after an instant or a start.
_NEXT = timedelta(microseconds=1)
_FIRST = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Touched:
    """Slots that may be otherwise, by their starts; it only grows.

    ``spans`` are of the room, or of every room. ``hours``: starts outside the present opening
    hours or off the present grid may have been told as well.
    """

    everything: bool = False
    hours: bool = False
    rooms: set[RoomId] = field(default_factory=set)
    spans: list[tuple[RoomId | None, Interval]] = field(default_factory=list)

    def starts(self, room_id: RoomId, grid: Sequence[datetime]) -> list[datetime]:
        """Those of a grid, given in order, that are touched in a room."""
        if self.everything or room_id in self.rooms:
            return list(grid)
        found: set[datetime] = set()
        for of, span in self.spans:
            if of is None or of == room_id:
                found.update(grid[bisect_left(grid, span.start) : bisect_left(grid, span.end)])
        return sorted(found)


def meeting(
    occupied: Interval, wish: Wish, *, before_minutes: int = 0, after_minutes: int = 0
) -> Interval:
    """The starts at which the wish, with these buffers, would meet what is occupied."""
    reach = occupied.padded(
        before_minutes=wish.duration_minutes + after_minutes, after_minutes=before_minutes
    )
    return Interval(reach.start + _NEXT, reach.end)


def passed(since: datetime, wish: Wish, *, include_unavailable: bool) -> Iterator[Interval]:
    """The starts that time alone touched between an instant and now, whichever is later."""
    early, late = sorted((since, wish.now))
    if early == late:
        return
    notice, advance = wish.earliest - wish.now, wish.latest - wish.now
    yield Interval(early + notice, late + notice)
    yield Interval(early + advance + _NEXT, late + advance + _NEXT)
    if not include_unavailable:
        return
    # Slots whose time has passed say so, and those that are too near which is the first that isn't.
    yield Interval(early, late)
    if first_on_grid(early + notice, wish.rules) != first_on_grid(late + notice, wish.rules):
        yield Interval(_FIRST, late + notice)


def next_change(
    grid: Sequence[datetime], wish: Wish, *, include_unavailable: bool, expiries: Iterable[datetime]
) -> datetime | None:
    """When time alone will next touch a slot of a grid, given in order; None: never.

    ``expiries`` are when holds run out.
    """
    notice, advance = wish.earliest - wish.now, wish.latest - wish.now
    changes = [each for each in expiries if each > wish.now]
    changes += [start - notice + _NEXT for start in _from(grid, wish.earliest)]
    changes += [start - advance for start in _from(grid, wish.latest + _NEXT)]
    if include_unavailable and grid and grid[0] < wish.earliest:
        changes += [start + _NEXT for start in _from(grid, wish.now)]
        following = first_on_grid(wish.earliest, wish.rules)
        changes += [following - notice + _NEXT] if following else []
    return min(changes, default=None)


def _from(grid: Sequence[datetime], since: datetime) -> Sequence[datetime]:
    """The first of a grid from an instant on, if there is one."""
    index = bisect_left(grid, since)
    return grid[index : index + 1]
