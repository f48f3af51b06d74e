"""Which starts of a grid are open, allowed and free in a room, as sets: quick for many at once.

``reasons_against`` says the same of a single start, and why.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.bookings.availability import RoomFacts, SlotRequest, standing_reasons
from domain.bookings.start_grid import MINUTE, StartGrid, ticks
from domain.core.intervals import Interval
from domain.venue.hours import HoursFacts

Stretch = tuple[int, int]
"""The ticks at which something starts and ends."""


@dataclass(frozen=True, slots=True)
class RoomStarts:
    """Sets of starts for one wish, each within the one before.

    ``opened``: the slot lies within opening hours; ``allowed``: nor does any other rule refuse it;
    ``free``: nor is it taken by a booking or too close to one.
    """

    opened: int
    allowed: int
    free: int


def opened_starts(hours: HoursFacts, grid: StartGrid, wish: SlotRequest) -> int:
    """Returns the set of starts whose whole slot lies within opening hours."""
    if not grid.ticks:
        return 0
    window = Interval(grid.starts[0], wish.interval(grid.starts[-1]).end)
    length = wish.duration_minutes * MINUTE
    opened = 0
    for each in hours.open_intervals(window, wish.rules.zone):
        opened |= grid.within(ticks(each.start), ticks(each.end) - length)
    return opened


def room_starts(
    room: RoomFacts,
    grid: StartGrid,
    wish: SlotRequest,
    *,
    opened: int | None = None,
    occupied: Iterable[Stretch] | None = None,
) -> RoomStarts:
    """Returns what a wish has in a room, at the starts of a grid.

    ``opened`` are the ``opened_starts``, and ``occupied`` the stretches that bookings have with
    their buffers, where they are known already.
    """
    if opened is None:
        opened = opened_starts(room.hours, grid, wish)
    if occupied is None:
        occupied = [(ticks(each.occupied.start), ticks(each.occupied.end)) for each in room.busy]
    allowed = opened & _allowed(room, grid, wish)
    return RoomStarts(opened, allowed, free=allowed & ~_booked(room, grid, wish, occupied))


def _allowed(room: RoomFacts, grid: StartGrid, wish: SlotRequest) -> int:
    if any(standing_reasons(room, wish)):
        return 0
    allowed = grid.within(ticks(wish.earliest), ticks(wish.latest))
    length = wish.duration_minutes * MINUTE
    for each in room.blackouts:
        allowed &= ~grid.between(ticks(each.start) - length, ticks(each.end))
    return allowed


def _booked(
    room: RoomFacts, grid: StartGrid, wish: SlotRequest, occupied: Iterable[Stretch]
) -> int:
    before = (wish.duration_minutes + room.buffer_after_minutes) * MINUTE
    after = room.buffer_before_minutes * MINUTE
    booked = 0
    for start, end in occupied:
        booked |= grid.between(start - before, end + after)
    if room.moving is not None:
        # No neighbour can mind what only frees time.
        has = room.moving.interval
        length = wish.duration_minutes * MINUTE
        booked &= ~grid.within(ticks(has.start), ticks(has.end) - length)
    return booked
