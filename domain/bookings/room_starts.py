"""Which starts of a grid are open, allowed and free in a room, as sets: quick for many at once.

``reasons_against`` says the same of a single start, and why.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from domain.bookings.availability import standing_reasons
from domain.bookings.pricing import price_of
from domain.bookings.refusals import Reason
from domain.bookings.seat_map import SeatMap, SeatsLeft
from domain.bookings.slot_facts import RoomFacts, RoomTimes, SlotRequest
from domain.bookings.start_grid import StartGrid
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.refusals import Code
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
        if hourly_rate is None:
            return None
        # Once for each rate: looking it up takes long, so that happens only once, too.
        found = self._prices.get(hourly_rate)
        if found is None:
            slot = self.wish.interval(self.wish.now)
            price = price_of(hourly_rate, slot, label="")
            assert price is not None, "a rate is a price"
            found = self._prices[hourly_rate] = price.total
        return found

    @cached_property
    def _prices(self) -> dict[Money, Money]:
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
    ``free``: nor is it taken by a booking or too close to one. ``seats`` are those of a room whose
    seats are booked.
    """

    opened: int
    allowed: int
    free: int
    seats: "RoomSeats | None" = None


@dataclass(frozen=True, slots=True)
class RoomSeats:
    """How many seats are free at the starts of a search, of which the set ``allowed`` is allowed.

    For a party of any size: where another rule refuses them all, no seat remains.
    """

    left: SeatsLeft
    allowed: int

    def at(self, place: int) -> int:
        """Returns the size of the largest party for which the slot at a place is free."""
        return self.left.at(place) if self.allowed >> place & 1 else 0

    @property
    def turns(self) -> int:
        """The set of places at which the number may change."""
        return self.left.turns | self.allowed ^ self.allowed << 1


def room_starts(
    room: RoomFacts,
    search: SlotSearch,
    *,
    opened: int | None = None,
    times: RoomTimes | None = None,
) -> RoomStarts:
    """Returns what a search finds in a room.

    ``opened`` is that of the room's hours, and ``times`` what bookings take of the room, where
    they are known already.
    """
    if opened is None:
        opened = search.opened(room.hours)
    if times is None:
        times = room.times
    if room.seats is not None:
        return _seat_starts(room, search, opened, times)
    allowed = opened & _allowed(room, search, standing_reasons(room, search.wish))
    return RoomStarts(opened, allowed, free=allowed & ~_booked(room, search, times.occupied))


def _seat_starts(room: RoomFacts, search: SlotSearch, opened: int, times: RoomTimes) -> RoomStarts:
    left = SeatMap(room, times, length=search.length).left(search.grid)
    reasons = [*standing_reasons(room, search.wish)]
    allowed = opened & _allowed(room, search, reasons)
    of_all = [each for each in reasons if each.code is not Code.CAPACITY_EXCEEDED]
    for_some = allowed if reasons == of_all else opened & _allowed(room, search, of_all)
    return RoomStarts(
        opened,
        allowed,
        free=allowed & left.at_least(search.wish.party_size),
        seats=RoomSeats(left, for_some),
    )


def _allowed(room: RoomFacts, search: SlotSearch, standing: Iterable[Reason]) -> int:
    if any(standing):
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
