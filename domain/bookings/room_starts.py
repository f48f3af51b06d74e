"""Which starts of a grid are open, allowed and free in a room, as sets: quick for many at once.

``reasons_against`` says the same of a single start, and why.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from domain.bookings.availability import standing_reasons
from domain.bookings.pricing import price_of
from domain.bookings.slot_facts import RoomFacts, SlotRequest
from domain.bookings.start_grid import StartGrid
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.stretches import MINUTE, Stretch, ticks
from domain.venue.hours import HoursFacts


@dataclass(frozen=True)
class SlotSearch:
    """A wish for any of the starts on the venue's grid within an interval."""

    wish: SlotRequest
    window: Interval

    @cached_property
    def grid(self) -> StartGrid:
        return self.wish.rules.grid(self.window)

    @cached_property
    def length(self) -> int:
        """How long a slot is, in ticks."""
        return self.wish.duration_minutes * MINUTE

    @cached_property
    def in_reach(self) -> int:
        """The set of starts that are neither too near nor too far ahead."""
        return self.grid.within(ticks(self.wish.earliest), ticks(self.wish.latest))

    @cached_property
    def lasting(self) -> Interval:
        """From the first start to the end of the last slot. Raises IndexError without starts."""
        starts = self.grid.starts
        return Interval(starts[0], self.wish.interval(starts[-1]).end)

    def price(self, hourly_rate: Money | None) -> Money | None:
        """Returns what any slot costs at a rate."""
        prices = self._prices
        if hourly_rate not in prices:
            slot = self.wish.interval(self.wish.now)
            price = price_of(hourly_rate, slot, label="")
            prices[hourly_rate] = price.total if price else None
        return prices[hourly_rate]

    @cached_property
    def _prices(self) -> dict[Money | None, Money | None]:
        return {}

    def opened(self, hours: HoursFacts) -> int:
        """Returns the set of starts whose whole slot lies within opening hours."""
        opened = 0
        if self.grid.ticks:
            for each in hours.open_intervals(self.lasting, self.wish.rules.zone):
                opened |= self.grid.within(ticks(each.start), ticks(each.end) - self.length)
        return opened


@dataclass(frozen=True, slots=True)
class RoomStarts:
    """Sets of starts that a search finds in a room, each within the one before.

    ``opened``: the slot lies within opening hours; ``allowed``: nor does any other rule refuse it;
    ``free``: nor is it taken by a booking or too close to one.
    """

    opened: int
    allowed: int
    free: int


def room_starts(
    room: RoomFacts,
    search: SlotSearch,
    *,
    opened: int | None = None,
    occupied: Iterable[Stretch] | None = None,
) -> RoomStarts:
    """Returns what a search finds in a room.

    ``opened`` is that of the room's hours, and ``occupied`` are the stretches that bookings have
    with their buffers, where they are known already.
    """
    if opened is None:
        opened = search.opened(room.hours)
    if occupied is None:
        occupied = room.times.occupied
    allowed = opened & _allowed(room, search)
    return RoomStarts(opened, allowed, free=allowed & ~_booked(room, search, occupied))


def _allowed(room: RoomFacts, search: SlotSearch) -> int:
    if any(standing_reasons(room, search.wish)):
        return 0
    return search.in_reach & ~search.grid.inside(room.blocked, before=search.length)


def _booked(room: RoomFacts, search: SlotSearch, occupied: Iterable[Stretch]) -> int:
    booked = search.grid.inside(
        occupied,
        before=search.length + room.buffer_after_minutes * MINUTE,
        after=room.buffer_before_minutes * MINUTE,
    )
    if room.moving is not None:
        # No neighbour can mind what only frees time.
        has = room.moving.interval
        booked &= ~search.grid.within(ticks(has.start), ticks(has.end) - search.length)
    return booked
