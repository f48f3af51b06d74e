"""Slots with their rooms as the API shows them, in pages that are printed run by run."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Final

from domain.bookings.refusals import Reason
from domain.bookings.room_prices import Totals
from domain.bookings.slots import RoomSlots, Slot, SlotState
from domain.bookings.start_grid import StartGrid, runs
from domain.core.ids import RoomId
from domain.core.money import Money
from kit.graphql.value_runs import Columns, Run, ValueRuns
from models.venue.rooms import Room

_BY_STATE: Final = frozenset({"state", "reasons", "remaining_seats"})


@dataclass(frozen=True, slots=True)
class RoomSlot:
    """A slot with its room, as the API shows it."""

    room: Room
    slot: Slot

    @property
    def starts_at(self) -> datetime:
        return self.slot.interval.start

    @property
    def ends_at(self) -> datetime:
        return self.slot.interval.end

    @property
    def state(self) -> SlotState:
        return self.slot.state

    @property
    def price(self) -> Money | None:
        return self.slot.price

    @property
    def remaining_seats(self) -> int | None:
        return self.slot.remaining_seats

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.slot.reasons


@dataclass(frozen=True, slots=True)
class SlotPage(ValueRuns):
    """The listed slots of rooms, room by room and each in order of time."""

    rooms: Mapping[RoomId, Room]
    listed: Sequence[RoomSlots]

    def __bool__(self) -> bool:
        return any(slots.listed for slots in self.listed)

    def __iter__(self) -> Iterator[RoomSlot]:
        return (
            RoomSlot(self.rooms[slots.room.id], slot) for slots in self.listed for slot in slots
        )

    def runs(self, attributes: Collection[str]) -> Iterator[Run]:
        for slots in self.listed:
            room = self.rooms[slots.room.id]
            totals = slots.totals if "price" in attributes else None
            columns = _columns(slots.search.grid, slots.search.wish.duration_minutes, totals)
            priced = "price" in attributes and totals is None
            if _BY_STATE.isdisjoint(attributes):
                yield from _alike(room, slots, columns, priced=priced)
            else:
                explained = "reasons" in attributes
                yield from _by_state(room, slots, columns, explained=explained, priced=priced)


def _alike(room: Room, slots: RoomSlots, columns: Columns, *, priced: bool) -> Iterator[Run]:
    """Yields slots whose states don't matter; what they cost is in the columns if it differs."""
    if slots.listed:
        places = [*runs(slots.listed)]
        first = slots.slot(places[0].start, explained=False, priced=priced)
        yield Run(RoomSlot(room, first), columns, places)


def _by_state(
    room: Room, slots: RoomSlots, columns: Columns, *, explained: bool, priced: bool
) -> Iterator[Run]:
    """Yields slots with the same state and seats; those that aren't free, with the same reasons."""
    if not slots.listed & ~slots.starts.free and slots.room.seats is None:
        yield from _alike(room, slots, columns, priced=priced)
        return
    for _, alike in groupby(slots.parts(explained=explained, priced=priced), _what_differs):
        (first, part), *others = alike
        yield Run(RoomSlot(room, first), columns, [part, *(each for _, each in others)])


def _what_differs(
    part: tuple[Slot, range],
) -> tuple[SlotState, tuple[Reason, ...], int | None]:
    return part[0].state, part[0].reasons, part[0].remaining_seats


@lru_cache(maxsize=64)
def _columns(grid: StartGrid, duration_minutes: int, totals: Totals | None) -> Columns:
    lasting = timedelta(minutes=duration_minutes)
    ends = [start + lasting for start in grid.starts]
    if totals is None:
        return Columns(starts_at=grid.starts, ends_at=ends)
    return Columns(starts_at=grid.starts, ends_at=ends, price=totals.at)


NO_SLOTS: Final = SlotPage({}, ())
