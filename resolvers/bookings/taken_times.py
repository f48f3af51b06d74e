"""The times that bookings take of rooms, beside the cached facts of a venue."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from domain.bookings.refusals import Busy
from domain.bookings.room_starts import SlotSearch
from domain.bookings.seats import set_of
from domain.bookings.slot_facts import RoomFacts, RoomTimes, facts_window
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.refusals import Refusal
from domain.core.stretches import ticks
from domain.venue.hours import HoursFacts
from kit.bounded_cache import BoundedDict
from kit.errors import RequestError
from kit.events.event_cursors import LogOffset, LogPosition
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.bookings import BookingOwner
from models.bookings.taken_times import BOOKED, BOOKED_AND_SEATS, TAKEN, TAKEN_AND_SEATS
from resolvers.bookings.calendars import has_all, may_move, rooms_by_space
from resolvers.bookings.venue_facts import Venue, VenueFacts, venue_facts
from resolvers.venue.rooms import MAX_BUFFER_MINUTES

ATTEMPTS: Final = 3
GRIDS_OF_A_VENUE: Final = 16
_BUFFER: Final = timedelta(minutes=MAX_BUFFER_MINUTES)
_TAKEN: Final = Struct(">2q")
_BOOKED: Final = Struct(">4q")
_SEAT: Final = Struct(">4qh")
_STATEMENTS: Final = {
    (False, False): TAKEN,
    (True, False): BOOKED,
    (False, True): TAKEN_AND_SEATS,
    (True, True): BOOKED_AND_SEATS,
}
"""By whether all that is booked is read, and whether seats are."""
_SENT_SINCE: Final = ticks(datetime(2000, 1, 1, tzinfo=UTC))
"""From when PostgreSQL counts the microseconds of an instant that it sends."""

Ask = Callable[[Venue], SlotSearch]
"""Returns what is looked for in some rooms of a venue. Raises what refuses that."""


@dataclass(frozen=True, slots=True)
class TakenTimes:
    """What decides about some rooms of a venue, all of it as of the ``end`` of the log.

    ``rooms`` are facts without bookings; ``times`` are what bookings take of each room, in the
    order of the venue.
    """

    facts: VenueFacts
    venue: Venue
    search: SlotSearch
    rooms: Mapping[RoomId, RoomFacts]
    times: Sequence[RoomTimes]
    end: LogPosition


async def taken_times(
    scope: Scope,
    room_ids: Sequence[RoomId] | None,
    ask: Ask,
    *,
    explained: bool = False,
    exclude_booking_id: BookingId | None = None,
    alone: bool = False,
) -> TakenTimes | None:
    """Returns what decides about a search, by cached facts and the bookings of the time.

    Rooms are chosen as by ``load_venue``. ``explained``: all that reasons tell of is read; else it
    is what decides whether rooms are free. ``alone``: nothing else is read in the scope. None if
    there are no such facts, or ``ask`` raises for what may be outdated.
    """
    facts = await venue_facts(scope)
    everything = explained or exclude_booking_id is not None
    for _ in range(ATTEMPTS):
        if facts is None:
            return None
        venue = _chosen(facts.venue, room_ids)
        try:
            search = ask(venue)
        except (Refusal, RequestError):
            return None
        window = _reach(search, everything=everything)
        if not facts.covers(window):
            return None
        spaces, seat_rooms = _spaces(facts, venue)
        version, (generation, *place), times, *more = await scope.fetch_row(
            _STATEMENTS[everything, bool(seat_rooms)],
            alone=alone,
            tenant_id=scope.tenant_id,
            space_ids=spaces,
            seat_room_ids=seat_rooms,
            # With its buffers, a time is longer.
            earliest=window.start - venue.longest_booking - (0 if everything else 2) * _BUFFER,
            since=window.start,
            until=window.end,
            latest=window.end + _BUFFER,
            now=scope.now(),
            excluded=exclude_booking_id,
        )
        if version == facts.version:
            end = LogPosition(scope.tenant_id, generation, LogOffset(*place))
            of_seats = await _seat_times(more.pop()) if seat_rooms else []
            seated = dict(zip(seat_rooms, of_seats, strict=True))
            if not everything:
                of_spaces = await _space_times(times or (), _TAKEN)
                taken = _of_rooms(facts, venue, spaces, of_spaces, seated)
                return TakenTimes(facts, venue, search, facts.rooms, taken, end)
            rooms = await _rooms_within(facts, venue, window)
            of_spaces = await _space_times(times or (), _BOOKED)
            taken = _of_rooms(facts, venue, spaces, of_spaces, seated)
            if more[0] is not None:
                _leave_out(scope, venue, rooms, taken, more[0])
            return TakenTimes(facts, venue, search, rooms, taken, end)
        facts = await venue_facts(scope, at_least=version)
    return None


def _reach(search: SlotSearch, *, everything: bool) -> Interval:
    """Returns the time of which bookings are read."""
    if everything:
        return facts_window(search.window, search.wish)
    window = search.window.padded(before_minutes=0, after_minutes=search.wish.duration_minutes)
    return Interval(window.start - _BUFFER, window.end + _BUFFER)


def _chosen(venue: Venue, room_ids: Sequence[RoomId] | None) -> Venue:
    if room_ids is None:
        in_use = {id: room for id, room in venue.rooms.items() if room.archived_at is None}
        return replace(venue, rooms=in_use)
    wanted = set(room_ids)
    return replace(venue, rooms={id: room for id, room in venue.rooms.items() if id in wanted})


async def _rooms_within(
    facts: VenueFacts, venue: Venue, window: Interval
) -> dict[RoomId, RoomFacts]:
    """Returns the facts about a time: later blackouts don't count, as in ``load_calendar``."""
    turn, found = TimeSlice(), dict[RoomId, RoomFacts]()
    for id in venue.rooms:
        found[id] = facts.rooms[id].within(window)
        if turn.is_over:
            await turn.give_way()
    return found


async def _space_times(spaces: Sequence[bytes | None], row: Struct) -> list[RoomTimes]:
    """Reads the rows of each space; the last two instants of a row are what is occupied."""
    turn, found, since = TimeSlice(), list[RoomTimes](), _SENT_SINCE
    for sent in spaces:
        if row is _TAKEN:
            rows = row.iter_unpack(sent or b"")
            found.append(RoomTimes((), [(start + since, end + since) for start, end in rows]))
        else:
            times = [*row.iter_unpack(sent or b"")]
            found.append(
                RoomTimes(
                    [(start + since, end + since) for start, end, *_ in times],
                    [(start + since, end + since) for *_, start, end in times],
                )
            )
        if turn.is_over:
            await turn.give_way()
    return found


async def _seat_times(rooms: Sequence[bytes | None]) -> list[RoomTimes]:
    """Reads the seats that are taken of each room, together where their times are the same."""
    turn, found, since = TimeSlice(), list[RoomTimes](), _SENT_SINCE
    for sent in rooms:
        seats: defaultdict[tuple[int, ...], int] = defaultdict(int)
        for *times, number in _SEAT.iter_unpack(sent or b""):
            seats[*times] |= 1 << number
        found.append(
            RoomTimes(
                [(start + since, end + since) for start, end, *_ in seats],
                [(start + since, end + since) for *_, start, end in seats],
                [*seats.values()],
            )
        )
        if turn.is_over:
            await turn.give_way()
    return found


def _spaces(facts: VenueFacts, venue: Venue) -> tuple[list[UUID], list[RoomId]]:
    """Returns the spaces of rooms, but for those whose seats are booked, and these rooms."""
    if not facts.has_parts and not facts.seat_rooms:
        return [*venue.rooms], []
    seat_rooms = [id for id in venue.rooms if id in facts.seat_rooms]
    return [each for each in rooms_by_space(venue) if each not in facts.seat_rooms], seat_rooms


def _of_rooms(
    facts: VenueFacts,
    venue: Venue,
    spaces: Sequence[UUID],
    times: list[RoomTimes],
    seated: Mapping[RoomId, RoomTimes],
) -> list[RoomTimes]:
    """Returns the times of each room, which are those of all its spaces, or of its seats."""
    if not facts.has_parts and not seated:
        return times
    of_space = dict(zip(spaces, times, strict=True))
    return [
        seated.get(id)
        or RoomTimes(
            [each for space in room.spaces for each in of_space[space].booked],
            [each for space in room.spaces for each in of_space[space].occupied],
        )
        for id, room in venue.rooms.items()
    ]


def _leave_out(
    scope: Scope,
    venue: Venue,
    rooms: dict[RoomId, RoomFacts],
    times: list[RoomTimes],
    booking: Sequence[Any],
) -> None:
    """Leaves a booking out of what is taken, if the caller may move it."""
    spaces, seat_numbers, *owner, starts_at, ends_at, occupied_from, occupied_to = booking
    seats = set_of(map(int, seat_numbers.split(","))) if seat_numbers else 0
    interval, occupied = Interval(starts_at, ends_at), Interval(occupied_from, occupied_to)
    is_left_out = may_move(scope.actor, BookingOwner(*owner))
    for place, (id, room) in enumerate(venue.rooms.items()):
        if is_left_out and has_all(spaces, room):
            moving = Busy(id, BookingId(owner[0]), interval, occupied, seats)
            rooms[id] = replace(rooms[id], moving=moving)
        elif not is_left_out and not set(spaces).isdisjoint(room.spaces):
            has = times[place]
            times[place] = RoomTimes(
                [*has.booked, interval.stretch],
                [*has.occupied, occupied.stretch],
                [*has.seats, seats] if room.seats is not None else (),
            )


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
