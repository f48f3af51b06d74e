"""The times that bookings take of rooms, beside the cached facts of a venue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from weakref import WeakKeyDictionary

from domain.bookings.room_starts import SlotSearch
from domain.bookings.start_grid import Stretch
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.venue.hours import HoursFacts
from kit.bounded_cache import BoundedDict
from kit.events.event_cursors import LogOffset, LogPosition
from kit.scope import Scope
from models.bookings.taken_times import TAKEN
from resolvers.bookings.venue_facts import Venue, VenueFacts, venue_facts
from resolvers.venue.rooms import MAX_BUFFER_MINUTES

ATTEMPTS: Final = 3
GRIDS_OF_A_VENUE: Final = 16
_BUFFER: Final = timedelta(minutes=MAX_BUFFER_MINUTES)


@dataclass(frozen=True, slots=True)
class TakenTimes:
    """The kept facts of a venue, some of its rooms, and what bookings take of each, in their order.

    All of it is as of the ``end`` of the log.
    """

    facts: VenueFacts
    venue: Venue
    times: Sequence[Sequence[Stretch]]
    end: LogPosition


async def taken_times(
    scope: Scope,
    room_ids: Sequence[RoomId] | None,
    needed: Interval,
    *,
    alone: bool = False,
) -> TakenTimes | None:
    """Returns what decides whether rooms are free, of all bookings near an interval.

    Rooms are chosen as by ``load_venue``. None if that can't be told by facts that are kept.
    ``alone``: nothing else is read in the scope.
    """
    facts = await venue_facts(scope)
    for _ in range(ATTEMPTS):
        if facts is None or not facts.covers(needed):
            return None
        venue = _chosen(facts.venue, room_ids)
        version, (generation, *place), times = await scope.fetch_row(
            TAKEN,
            alone=alone,
            tenant_id=scope.tenant_id,
            room_ids=[*venue.rooms],
            earliest=needed.start - 3 * _BUFFER - venue.longest_booking,
            since=needed.start - _BUFFER,
            until=needed.end + _BUFFER,
            now=scope.now(),
        )
        if version == facts.version:
            end = LogPosition(scope.tenant_id, generation, LogOffset(*place))
            return TakenTimes(facts, venue, _by_room(len(venue.rooms), times or ()), end)
        facts = await venue_facts(scope, at_least=version)
    return None


def _chosen(venue: Venue, room_ids: Sequence[RoomId] | None) -> Venue:
    if room_ids is None:
        return Venue(
            venue.tenant,
            {id: room for id, room in venue.rooms.items() if room.archived_at is None},
        )
    wanted = set(room_ids)
    return Venue(venue.tenant, {id: room for id, room in venue.rooms.items() if id in wanted})


def _by_room(room_count: int, times: Sequence[tuple[int, int, int]]) -> Sequence[Sequence[Stretch]]:
    found: list[list[Stretch]] = [[] for _ in range(room_count)]
    for place, start, end in times:
        found[place - 1].append((start, end))
    return found


def open_starts(facts: VenueFacts, search: SlotSearch) -> "OpenStarts":
    """Returns the starts within the opening hours of a venue's rooms."""
    grids = _KEPT.get(facts)
    if grids is None:
        grids = _KEPT[facts] = BoundedDict(GRIDS_OF_A_VENUE)
    key = (search.window, search.wish.duration_minutes)
    found = grids.used(key)
    if found is None:
        found = OpenStarts(search)
        grids.put(key, found)
    return found


class OpenStarts:
    """Sets of starts within opening hours, worked out once for all rooms with the same hours."""

    def __init__(self, search: SlotSearch) -> None:
        self._search = search
        self._sets: dict[int, tuple[HoursFacts, int]] = {}

    def of(self, hours: HoursFacts) -> int:
        found = self._sets.get(id(hours))
        if found is None:
            # Stored with the hours, so that the id() isn't reused.
            found = hours, self._search.opened(hours)
            self._sets[id(hours)] = found
        return found[1]


_KEPT: Final[WeakKeyDictionary[VenueFacts, BoundedDict[OpenStarts]]] = WeakKeyDictionary()
