"""Lists slots: free starts of rooms, the next free one, and alternatives to a taken one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import chain, islice
from operator import attrgetter, itemgetter

from domain.bookings.availability import RoomCalendar
from domain.bookings.refusals import Reason
from domain.bookings.room_prices import Totals
from domain.bookings.room_starts import RoomStarts, SlotSearch, room_starts
from domain.bookings.slot_facts import RoomFacts, RoomTimes, SlotRequest
from domain.bookings.start_grid import parted, places, runs
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.refusals import Code

ALTERNATIVES_WITHIN_HOURS = 24
_FOR_A_PARTY = frozenset({Code.CAPACITY_EXCEEDED, Code.SLOT_TAKEN})


class SlotState(StrEnum):
    """BUSY if only other bookings refuse the slot; BLOCKED if a rule does."""

    FREE = "FREE"
    BUSY = "BUSY"
    BLOCKED = "BLOCKED"


@dataclass(frozen=True, slots=True)
class Slot:
    """A room at a time; it is free if there are no reasons against it.

    ``remaining_seats`` is the size of the largest party for which it is free, of a room whose seats
    are booked.
    """

    room_id: RoomId
    interval: Interval
    state: SlotState
    price: Money | None
    reasons: tuple[Reason, ...]
    remaining_seats: int | None = None


@dataclass(frozen=True)
class RoomSlots:
    """The slots that a search finds in a room, of which the set ``listed`` is shown."""

    room: RoomFacts
    search: SlotSearch
    times: RoomTimes
    starts: RoomStarts
    listed: int

    @classmethod
    def of(
        cls,
        room: RoomFacts,
        search: SlotSearch,
        *,
        include_unavailable: bool = False,
        opened: int | None = None,
        times: RoomTimes | None = None,
    ) -> "RoomSlots":
        """Lists the free slots; or all within opening hours.

        ``opened`` is that of ``room_starts``, and ``times`` what bookings take of the room, where
        its facts don't have them.
        """
        times = times or room.times
        starts = room_starts(room, search, opened=opened, times=times)
        listed = starts.opened if include_unavailable else starts.free
        return cls(room, search, times, starts, listed)

    def __iter__(self) -> Iterator[Slot]:
        totals = self.totals
        return (
            replace(self.slot(place, priced=False), price=totals.at[place])
            if totals
            else self.slot(place)
            for place in places(self.listed)
        )

    def slot(self, place: int, *, explained: bool = True, priced: bool = True) -> Slot:
        """Returns the slot at a place of the grid.

        It has its reasons if it is ``explained``, and its price if it is ``priced``.
        """
        interval = self.search.wish.interval(self.search.grid.starts[place])
        state = self._state(place)
        reasons: tuple[Reason, ...] = ()
        if explained and state is not SlotState.FREE:
            reasons = self.calendar.reasons_against(interval, is_listed=True)
        seats = self.starts.seats
        remaining = None if seats is None else seats.at(place)
        price = self._price_of(interval) if priced else None
        return Slot(self.room.id, interval, state, price, reasons, remaining)

    def parts(self, *, explained: bool, priced: bool = True) -> Iterator[tuple[Slot, range]]:
        """Yields the listed slots in order of time, in parts with the first slot of each.

        The others of a part have its state and seats, and its reasons where these are
        ``explained``. What they cost may differ: see ``totals``.
        """
        of_seats = 0 if self.starts.seats is None else self.starts.seats.turns
        for run in self._runs_by_state():
            is_free = self._state(run.start) is SlotState.FREE
            turns = self._turns if explained and not is_free else 0
            for part in parted(run, turns | of_seats):
                yield self.slot(part.start, explained=explained, priced=priced), part

    def _runs_by_state(self) -> list[range]:
        free = self.listed & self.starts.free
        allowed = self.listed & self.starts.allowed
        states = (free, allowed & ~free, self.listed & ~allowed)
        return sorted(chain.from_iterable(map(runs, states)), key=attrgetter("start"))

    def _state(self, place: int) -> SlotState:
        if self.starts.free >> place & 1:
            return SlotState.FREE
        return SlotState.BUSY if self.starts.allowed >> place & 1 else SlotState.BLOCKED

    @cached_property
    def calendar(self) -> RoomCalendar:
        """What refuses slots of the room."""
        return RoomCalendar(self.room, [self.search.lasting], self.search.wish, self.times)

    @cached_property
    def totals(self) -> Totals | None:
        """What a slot costs at each start; None if all cost the same."""
        return self.room.totals(self.search.grid, self.search.wish)

    def _price_of(self, interval: Interval) -> Money | None:
        if self.room.price_plan is None:
            return self._price
        price = self.room.price(interval, self.search.wish)
        return price.total if price else None

    @cached_property
    def _price(self) -> Money | None:
        return self.search.price(self.room.hourly_rate)

    @cached_property
    def _turns(self) -> int:
        return self.calendar.turns(self.search.grid)


def slot_at(
    room: RoomFacts, start: datetime, wish: SlotRequest, *, times: RoomTimes | None = None
) -> Slot:
    """Returns the slot of a room at any start, with every reason against it.

    ``times`` are what bookings take of the room, where its facts don't have them.
    """
    interval = wish.interval(start)
    calendar = RoomCalendar(room, [interval], wish, times or room.times)
    reasons = calendar.reasons_against(interval)
    remaining = None
    if room.seats is not None:
        is_refused = any(each.code not in _FOR_A_PARTY for each in reasons)
        remaining = 0 if is_refused else calendar.free_seats(interval).bit_count()
    price = room.price(interval, wish)
    total = price.total if price else None
    return Slot(room.id, interval, slot_state(reasons), total, reasons, remaining)


def next_free_slot(rooms: Iterable[RoomSlots]) -> Slot | None:
    """Returns the first free slot, listed or not; the first room's of equals."""
    free = [(next(places(each.starts.free)), each) for each in rooms if each.starts.free]
    if not free:
        return None
    place, room = min(free, key=itemgetter(0))
    return room.slot(place)


def alternatives_window(start: datetime) -> Interval:
    """Returns the window in which alternatives to a start are searched."""
    around = timedelta(hours=ALTERNATIVES_WITHIN_HOURS)
    return Interval(start - around, start + around)


def alternatives(
    rooms: Sequence[RoomSlots], wanted_room_id: RoomId, start: datetime, *, first: int
) -> list[Slot]:
    """Returns the ``first`` free slots that one search finds, ordered by distance from a start.

    At equal distance the earlier comes first, and at the same time the wanted room.
    """
    free = sorted(rooms, key=lambda each: each.room.id != wanted_room_id)
    starts = free[0].search.grid.starts if free else ()
    nearest = sorted(range(len(starts)), key=lambda place: abs(starts[place] - start))
    found = (each.slot(place) for place in nearest for each in free if each.listed >> place & 1)
    return list(islice(found, first))


def slot_state(reasons: Sequence[Reason]) -> SlotState:
    """Returns the state that reasons against a slot leave it in."""
    if not reasons:
        return SlotState.FREE
    if all(reason.code in {Code.SLOT_TAKEN, Code.BUFFER_VIOLATION} for reason in reasons):
        return SlotState.BUSY
    return SlotState.BLOCKED
