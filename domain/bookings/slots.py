"""Lists slots: free starts of rooms, the next free one, and alternatives to a taken one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import islice

from domain.bookings.availability import RoomCalendar, RoomFacts, SlotRequest
from domain.bookings.pricing import price_of
from domain.bookings.refusals import Reason
from domain.bookings.room_starts import RoomStarts, room_starts
from domain.bookings.start_grid import StartGrid, places
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.refusals import Code

ALTERNATIVES_WITHIN_HOURS = 24


class SlotState(StrEnum):
    """BUSY if only other bookings refuse the slot; BLOCKED if a rule does."""

    FREE = "FREE"
    BUSY = "BUSY"
    BLOCKED = "BLOCKED"


@dataclass(frozen=True, slots=True)
class Slot:
    """A room at a time; it is free if there are no reasons against it."""

    room_id: RoomId
    interval: Interval
    state: SlotState
    price: Money | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class RoomSlots:
    """The slots of a room at the starts of a grid, of which the set ``listed`` is shown."""

    room: RoomFacts
    wish: SlotRequest
    grid: StartGrid
    starts: RoomStarts
    listed: int

    @classmethod
    def of(
        cls,
        room: RoomFacts,
        grid: StartGrid,
        wish: SlotRequest,
        *,
        include_unavailable: bool = False,
    ) -> "RoomSlots":
        """Lists the free slots; or all within opening hours."""
        starts = room_starts(room, grid, wish)
        listed = starts.opened if include_unavailable else starts.free
        return cls(room, wish, grid, starts, listed)

    def __iter__(self) -> Iterator[Slot]:
        return (self.slot(place) for place in places(self.listed))

    def slot(self, place: int) -> Slot:
        """Returns the slot at a place of the grid."""
        interval = self.wish.interval(self.grid.starts[place])
        state = self.state(place)
        reasons = () if state is SlotState.FREE else self._calendar.reasons_against(interval)
        return Slot(self.room.id, interval, state, self.price, reasons)

    def state(self, place: int) -> SlotState:
        """Returns the state of the slot at a place of the grid within opening hours."""
        if self.starts.free >> place & 1:
            return SlotState.FREE
        return SlotState.BUSY if self.starts.allowed >> place & 1 else SlotState.BLOCKED

    @cached_property
    def price(self) -> Money | None:
        """The price of each slot: at an hourly rate, all cost the same."""
        return _total(self.room, self.wish.interval(self.grid.starts[0]))

    @cached_property
    def _calendar(self) -> RoomCalendar:
        window = Interval(self.grid.starts[0], self.wish.interval(self.grid.starts[-1]).end)
        return RoomCalendar.of(self.room, window, self.wish)


def slot_at(room: RoomFacts, start: datetime, wish: SlotRequest) -> Slot:
    """Returns the slot of a room at any start, with every reason against it."""
    interval = wish.interval(start)
    reasons = RoomCalendar.of(room, interval, wish).reasons_against(interval)
    return Slot(room.id, interval, _state(reasons), _total(room, interval), reasons)


def next_free_slot(
    rooms: Iterable[RoomFacts], window: Interval, *, wish: SlotRequest
) -> Slot | None:
    """Returns the first free slot on the grid within a window; the first room's of equals."""
    return first_slot(_free(rooms, window, wish))


def first_slot(rooms: Iterable[RoomSlots]) -> Slot | None:
    """Returns the earliest listed slot; the first room's of equals."""
    found = [(next(places(each.listed)), each) for each in rooms if each.listed]
    if not found:
        return None
    place, room = min(found, key=lambda each: each[0])
    return room.slot(place)


def alternatives_window(start: datetime) -> Interval:
    """Returns the window in which alternatives to a start are searched."""
    around = timedelta(hours=ALTERNATIVES_WITHIN_HOURS)
    return Interval(start - around, start + around)


def alternatives(
    rooms: Sequence[RoomFacts],
    wanted_room_id: RoomId,
    start: datetime,
    *,
    wish: SlotRequest,
    first: int,
) -> list[Slot]:
    """Returns the ``first`` free slots, ordered by distance from a start.

    At equal distance the earlier comes first, and at the same time the wanted room.
    """
    wanted_first = sorted(rooms, key=lambda room: room.id != wanted_room_id)
    free = _free(wanted_first, alternatives_window(start), wish)
    starts = wish.rules.grid(alternatives_window(start)).starts
    nearest = sorted(range(len(starts)), key=lambda place: abs(starts[place] - start))
    found = (each.slot(place) for place in nearest for each in free if each.listed >> place & 1)
    return list(islice(found, first))


def _free(rooms: Iterable[RoomFacts], window: Interval, wish: SlotRequest) -> list[RoomSlots]:
    grid = wish.rules.grid(window)
    return [RoomSlots.of(room, grid, wish) for room in rooms]


def _total(room: RoomFacts, interval: Interval) -> Money | None:
    price = price_of(room.hourly_rate, interval, label=room.name)
    return price.total if price else None


def _state(reasons: Sequence[Reason]) -> SlotState:
    if not reasons:
        return SlotState.FREE
    if all(reason.code in {Code.SLOT_TAKEN, Code.BUFFER_VIOLATION} for reason in reasons):
        return SlotState.BUSY
    return SlotState.BLOCKED
