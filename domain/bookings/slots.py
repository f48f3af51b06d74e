"""Slots to choose from: the free starts of rooms, the next one, and those near a taken one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from domain.bookings.availability import RoomCalendar, RoomFacts, SlotRequest, grid_starts
from domain.bookings.pricing import price_of
from domain.bookings.refusals import Reason
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.refusals import Code

ALTERNATIVES_WITHIN_HOURS = 24


class SlotState(StrEnum):
    """BUSY where only other bookings are in the way; BLOCKED where a rule is."""

    FREE = "FREE"
    BUSY = "BUSY"
    BLOCKED = "BLOCKED"


@dataclass(frozen=True, slots=True)
class Slot:
    """A room at a time: free when there are no reasons against it."""

    room_id: RoomId
    interval: Interval
    state: SlotState
    price: Money | None
    reasons: tuple[Reason, ...]


def slot_at(room: RoomFacts, start: datetime, wish: SlotRequest) -> Slot:
    """A room at one start, whatever it is, with every reason against it."""
    interval = wish.interval(start)
    return _slot(RoomCalendar.of(room, interval, wish), interval)


def slots(
    rooms: Iterable[RoomFacts],
    window: Interval,
    *,
    wish: SlotRequest,
    include_unavailable: bool = False,
) -> list[Slot]:
    """The slots that start on the grid within a window, room by room and each in order of time.

    Free ones; or all that lie within opening hours, with the reasons against those not free.
    """
    wanted = [wish.interval(start) for start in grid_starts(window, wish.rules)]
    return [
        slot
        for calendar in _calendars(rooms, window, wish)
        for slot in _listed(calendar, wanted, include_unavailable=include_unavailable)
    ]


def slots_at(
    calendar: RoomCalendar,
    starts: Iterable[datetime],
    *,
    include_unavailable: bool = False,
    even_closed: bool = False,
) -> tuple[list[Slot], list[datetime]]:
    """Those of some starts of a room, given in order, that ``slots`` lists; and the others.

    Of the others only those within opening hours, unless ``even_closed``.
    """
    wanted = [calendar.wish.interval(start) for start in starts]
    listed = list(_listed(calendar, wanted, include_unavailable=include_unavailable))
    shown = {slot.interval.start for slot in listed}
    others = [
        each.start
        for each in wanted
        if each.start not in shown and (even_closed or calendar.is_open(each))
    ]
    return listed, others


def next_free_slot(
    rooms: Iterable[RoomFacts], window: Interval, *, wish: SlotRequest
) -> Slot | None:
    """The first free slot that starts on the grid within a window; of equals the first room's."""
    return next(_free(_calendars(rooms, window, wish), grid_starts(window, wish.rules)), None)


def alternatives_window(start: datetime) -> Interval:
    """Within which the alternatives to a start are looked for."""
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
    """Up to so many free slots, those nearest to a start first.

    Of those equally near the earlier, and at the same time the wanted room before the others.
    """
    window = alternatives_window(start)
    wanted_first = sorted(rooms, key=lambda room: room.id != wanted_room_id)
    nearest = sorted(grid_starts(window, wish.rules), key=lambda each: abs(each - start))
    return list(islice(_free(_calendars(wanted_first, window, wish), nearest), first))


def _calendars(
    rooms: Iterable[RoomFacts], window: Interval, wish: SlotRequest
) -> list[RoomCalendar]:
    whole = window.padded(before_minutes=0, after_minutes=wish.duration_minutes)
    return [RoomCalendar.of(room, whole, wish) for room in rooms]


def _listed(
    calendar: RoomCalendar, wanted: Iterable[Interval], *, include_unavailable: bool
) -> Iterator[Slot]:
    if include_unavailable:
        return (_slot(calendar, each) for each in wanted if calendar.is_open(each))
    return (_free_slot(calendar, each) for each in wanted if calendar.is_free(each))


def _free(calendars: Sequence[RoomCalendar], starts: Iterable[datetime]) -> Iterator[Slot]:
    for start in starts:
        for calendar in calendars:
            interval = calendar.wish.interval(start)
            if calendar.is_free(interval):
                yield _free_slot(calendar, interval)


def _free_slot(calendar: RoomCalendar, interval: Interval) -> Slot:
    price = _total(calendar.room, interval)
    return Slot(calendar.room.id, interval, SlotState.FREE, price=price, reasons=())


def _slot(calendar: RoomCalendar, interval: Interval) -> Slot:
    reasons = calendar.reasons_against(interval)
    price = _total(calendar.room, interval)
    return Slot(calendar.room.id, interval, _state(reasons), price=price, reasons=reasons)


def _total(room: RoomFacts, interval: Interval) -> Money | None:
    price = price_of(room.hourly_rate, interval, label=room.name)
    return price.total if price else None


def _state(reasons: Sequence[Reason]) -> SlotState:
    if not reasons:
        return SlotState.FREE
    if all(reason.code in {Code.SLOT_TAKEN, Code.BUFFER_VIOLATION} for reason in reasons):
        return SlotState.BUSY
    return SlotState.BLOCKED
