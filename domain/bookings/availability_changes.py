"""Finds the slots whose state may have changed, and when time alone changes one."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from domain.bookings.availability import first_on_grid
from domain.bookings.slot_facts import SlotRequest
from domain.bookings.slots import RoomSlots
from domain.bookings.start_grid import StartGrid
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.stretches import Disjoint, Stretch, merged

LONGEST_BUFFER_MINUTES = 24 * 60
# Rules refuse or allow a start strictly after an instant: the smallest step past it.
_NEXT = timedelta(microseconds=1)
_FIRST = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class AffectedSlots:
    """The slots whose state may have changed, by their starts; the set only grows.

    ``spans`` belong to one room, or to every room. ``hours``: opening hours or the grid changed,
    so clients may also know starts outside of the current ones.
    """

    everything: bool = False
    hours: bool = False
    rooms: set[RoomId] = field(default_factory=set)
    spans: list[tuple[RoomId | None, Interval]] = field(default_factory=list)

    def add(self, room_id: RoomId | None, span: Interval, grid: StartGrid) -> None:
        """Adds a span of a room, or of all rooms, if it contains a start of the grid."""
        if grid.during([span.stretch]):
            self.spans.append((room_id, span))

    def is_in(self, room_id: RoomId) -> bool:
        """Returns whether any slot of a room is affected."""
        return self.is_whole(room_id) or bool(self.spans_of(room_id))

    def hull(self, window: Interval) -> Interval:
        """Returns the smallest part of a window that contains its affected slots."""
        if self.everything or self.rooms:
            return window
        starts = [span.start for _, span in self.spans]
        ends = [span.end for _, span in self.spans]
        return Interval(max(window.start, min(starts)), min(window.end, max(ends)))

    def is_whole(self, room_id: RoomId) -> bool:
        """Returns whether all slots of a room are affected."""
        return self.everything or room_id in self.rooms

    def spans_of(self, room_id: RoomId) -> list[Interval]:
        return [span for of, span in self.spans if of in (None, room_id)]


def recomputed(
    slots: RoomSlots, touched: AffectedSlots, *, include_unavailable: bool
) -> tuple[RoomSlots, list[datetime]]:
    """Returns the affected slots of a room that are listed, and the affected starts that aren't."""
    grid = slots.search.grid
    some = grid.every
    if not touched.is_whole(slots.room.id):
        spans = [each.stretch for each in touched.spans_of(slots.room.id)]
        # The reasons of a refused slot may depend on how far its refused neighbours reach.
        refused = slots.calendar.refused_spans if include_unavailable else []
        some = grid.during(_connected(spans, refused))
    unlisted = some & ~slots.listed
    if not touched.hours:
        unlisted &= slots.starts.opened
    return replace(slots, listed=slots.listed & some), grid.of(unlisted)


def starts_overlapping(
    occupied: Interval, wish: SlotRequest, *, before_minutes: int = 0, after_minutes: int = 0
) -> Interval:
    """Returns the starts at which the request, with these buffers, overlaps occupied time."""
    reach = occupied.padded(
        before_minutes=wish.duration_minutes + after_minutes, after_minutes=before_minutes
    )
    return Interval(reach.start + _NEXT, reach.end)


def starts_affected_by_time(
    since: datetime,
    wish: SlotRequest,
    *,
    include_unavailable: bool,
    price_notices: Iterable[timedelta] = (),
) -> Iterator[Interval]:
    """Yields the starts affected by the passing of time between an instant and now.

    ``price_notices`` are how long before a start its price may change.
    """
    early, late = sorted((since, wish.now))
    if early == late:
        return
    notice, advance = wish.earliest - wish.now, wish.latest - wish.now
    yield Interval(early + notice, late + notice)
    yield Interval(early + advance + _NEXT, late + advance + _NEXT)
    for ahead in price_notices:
        yield Interval(early + ahead, late + ahead)
    if not include_unavailable:
        return
    # Slots in the past have a reason, and reasons of too short notice name the first start allowed.
    yield Interval(early, late)
    if first_on_grid(early + notice, wish.rules) != first_on_grid(late + notice, wish.rules):
        yield Interval(_FIRST, late + notice)


def next_change(
    grid: Sequence[datetime],
    wish: SlotRequest,
    *,
    include_unavailable: bool,
    expiries: Iterable[datetime],
    price_notices: Iterable[timedelta] = (),
) -> datetime | None:
    """Returns when time alone next affects a slot of an ordered grid; None if never.

    ``expiries`` are the ends of holds, and ``price_notices`` as for ``starts_affected_by_time``.
    """
    notice, advance = wish.earliest - wish.now, wish.latest - wish.now
    changes = [each for each in expiries if each > wish.now]
    changes += [start - notice + _NEXT for start in _from(grid, wish.earliest)]
    changes += [start - advance for start in _from(grid, wish.latest + _NEXT)]
    for ahead in price_notices:
        changes += [start - ahead + _NEXT for start in _from(grid, wish.now + ahead)]
    if include_unavailable and grid and grid[0] < wish.earliest:
        changes += [start + _NEXT for start in _from(grid, wish.now)]
        following = first_on_grid(wish.earliest, wish.rules)
        changes += [following - notice + _NEXT] if following else []
    return min(changes, default=None)


def _connected(spans: Sequence[Stretch], others: Sequence[Stretch]) -> list[Stretch]:
    """Returns the spans, extended by all others that are connected to them."""
    own = Disjoint(merged(spans))
    return [each for each in merged([*spans, *others]) if own.meeting(*each)]


def _from(grid: Sequence[datetime], since: datetime) -> Sequence[datetime]:
    """Returns the first start of a grid from an instant on, as a list of at most one."""
    index = bisect_left(grid, since)
    return grid[index : index + 1]
