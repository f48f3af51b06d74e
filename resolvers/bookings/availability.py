"""What is free, and why the rest is not: the same answer for readers and for every write."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from typing_extensions import Doc

from domain.bookings.refusals import SlotTaken
from domain.bookings.room_starts import SlotSearch
from domain.bookings.slot_facts import RoomFacts, SlotRequest
from domain.bookings.slots import (
    RoomSlots,
    alternatives,
    alternatives_window,
    next_free_slot,
    slot_at,
)
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start, resolve_start, within_reach
from domain.core.refusals import Invalid
from domain.tenants.settings import LONGEST_MINUTES
from kit.errors import BadInput, TooComplex
from kit.events.event_cursors import LogPosition
from kit.graphql.selected import EVERYTHING, Selected
from kit.graphql.work_meter import Weighed
from kit.scope import Scope
from kit.time_slice import TimeSlice
from resolvers.audit.log_position import end_of_log
from resolvers.bookings.availability_cursors import known_now
from resolvers.bookings.calendars import load_calendar, load_venue, wish_of
from resolvers.bookings.slot_pages import RoomSlot, SlotPage
from resolvers.bookings.taken_times import TakenTimes, open_starts, taken_times
from resolvers.bookings.venue_facts import Venue

MAX_DAYS: Final = 31
MAX_SLOTS: Final = 10_000
MAX_ROOMS: Final = 100
MAX_ALTERNATIVES: Final = 20
_NEXT_WITHIN: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class AvailabilityQuery:
    """What somebody looks for."""

    from_: datetime
    to: datetime
    duration_minutes: int
    room_ids: tuple[RoomId, ...] | None = None
    party_size: int = 1
    include_unavailable: bool = False
    exclude_booking_id: BookingId | None = None


# Of work as ``kit.graphql.work_meter`` counts it: of a room whose starts are found, and a start of
# it that is listed with the reasons against it.
_ROOM_WORK: Final = 40
_EXPLAINED_WORK: Final = 12


@dataclass(frozen=True, slots=True)
class Availability(Weighed):
    """The answer to a query, with the place in the log from which changes can be followed.

    ``next_free_slot`` is looked for only where it is selected. ``starts`` says how many starts of
    a room there are at most.
    """

    slots: SlotPage
    next_free_slot: RoomSlot | None
    include_unavailable: bool
    starts: int
    computed_at: datetime
    cursor: str

    def work(self, selected: Collection[str]) -> int:
        """By the starts that may have to be explained, whether they are or not."""
        explained = "slots" in selected and self.include_unavailable
        of_room = _ROOM_WORK + (self.starts * _EXPLAINED_WORK if explained else 0)
        return len(self.slots.rooms) * of_room


async def availability(
    scope: Scope,
    *,
    query: Annotated[AvailabilityQuery, Doc("The period, rooms and duration to search for.")],
    selected: Selected = EVERYTHING,
) -> Availability:
    """Search for slots in a period of at most 31 days.

    A slot is FREE exactly if booking it now succeeds. If there could be more than 10,000 slots, the
    query is refused: choose fewer rooms or days. Costs 1 point, plus 1 point for each room and each
    day begun; without `roomIds` 20 rooms are charged.
    """
    window = window_of(query)
    found = await openings(
        scope,
        query,
        ahead_of(window) if "nextFreeSlot" in selected else window,
        explained=query.include_unavailable and "reasons" in selected,
        alone=selected.is_alone,
    )
    check_size(found.venue, window)
    wish = wish_of_query(scope, found.venue, query)
    listed = await found.slots(
        SlotSearch(wish, window), include_unavailable=query.include_unavailable
    )
    next_free = None
    if "nextFreeSlot" in selected:
        next_free = next_free_slot(listed) or next_free_slot(
            await found.slots(SlotSearch(wish, Interval(window.end, window.end + _NEXT_WITHIN)))
        )
    return Availability(
        SlotPage(found.venue.rooms, listed),
        RoomSlot(found.venue.rooms[next_free.room_id], next_free) if next_free else None,
        include_unavailable=query.include_unavailable,
        starts=starts_in(found.venue, window),
        computed_at=scope.now(),
        cursor=known_now(scope, found.end).cursor,
    )


@dataclass(frozen=True, slots=True)
class Openings:
    """What decides about rooms: facts that have their bookings, or facts beside ``taken`` times."""

    venue: Venue
    facts: Mapping[RoomId, RoomFacts]
    end: LogPosition
    taken: TakenTimes | None = None

    async def slots(
        self, search: SlotSearch, *, include_unavailable: bool = False
    ) -> list[RoomSlots]:
        """Returns what a search finds, room by room."""
        opened = open_starts(self.taken.facts, search) if self.taken else None
        turn = TimeSlice()
        found = []
        for number, id in enumerate(self.venue.rooms):
            facts = self.facts[id]
            slots = RoomSlots.of(
                facts,
                search,
                include_unavailable=include_unavailable,
                opened=opened.of(facts.hours) if opened else None,
                occupied=self.taken.times[number] if self.taken else None,
            )
            found.append(slots)
            if turn.is_over:
                await turn.give_way()
        return found


async def openings(
    scope: Scope,
    query: AvailabilityQuery,
    needed: Interval,
    *,
    explained: bool,
    venue: Venue | None = None,
    alone: bool = False,
) -> Openings:
    """Load what decides about a query's starts within an interval, in its rooms or a venue's.

    Where the facts are kept, that is the bookings of this time. Reasons tell of more, and so does
    a booking that is left out. ``alone``: nothing else is read in the scope.
    """
    room_ids = query.room_ids if venue is None else [*venue.rooms]
    if not explained and query.exclude_booking_id is None:
        lasting = min(max(query.duration_minutes, 1), LONGEST_MINUTES)
        whole = needed.padded(before_minutes=0, after_minutes=lasting)
        taken = await taken_times(scope, room_ids, whole, alone=alone)
        if taken is not None:
            return Openings(taken.venue, taken.facts.rooms, taken.end, taken)
    if venue is None:
        venue = await load_venue(scope, room_ids)
        check_size(venue, window_of(query))
    wish = wish_of_query(scope, venue, query)
    calendar = await load_calendar(
        scope, venue, needed, wish, exclude_booking_id=query.exclude_booking_id
    )
    return Openings(venue, calendar.facts, await end_of_log(scope))


async def explain_slot(
    scope: Scope,
    *,
    room_id: Annotated[RoomId, Doc("The id of the room.")],
    start: Annotated[Start, Doc("When the slot starts.")],
    duration_minutes: Annotated[
        int, Doc("The duration of the slot in minutes: 1 to 44,700, which is 31 days and an hour.")
    ],
    party_size: Annotated[int, Doc("The number of people.")] = 1,
) -> RoomSlot | None:
    """Check one slot, and list every reason why it can't be booked. Null if there is no such room.

    Costs 5 points, plus 1 point for each whole day of `durationMinutes`.
    """
    venue = await load_venue(scope, [room_id])
    if room_id not in venue.rooms:
        return None
    starts_at = resolve_start(start, venue.zone)
    wish = wish_of(scope, venue, duration_minutes=duration_minutes, party_size=party_size)
    calendar = await load_calendar(scope, venue, wish.interval(starts_at), wish)
    return RoomSlot(venue.rooms[room_id], slot_at(calendar.facts[room_id], starts_at, wish))


async def alternatives_to(
    scope: Scope,
    taken: SlotTaken,
    *,
    first: Annotated[int, Doc("The number of slots to return: at most 20.")] = 3,
) -> list[RoomSlot]:
    """Free slots near the requested one.

    The closest in time come first, within 24 hours; at the same time, the requested room comes
    first.
    """
    if not 0 <= first <= MAX_ALTERNATIVES:
        raise BadInput(f"`first` must be 0 to {MAX_ALTERNATIVES}; got {first}.")
    wanted = taken.wanted
    venue = await load_venue(scope, None)
    wish = wish_of(scope, venue, duration_minutes=wanted.minutes, party_size=taken.party_size)
    calendar = await load_calendar(
        scope,
        venue,
        alternatives_window(wanted.start),
        wish,
        exclude_booking_id=taken.exclude_booking_id,
    )
    rooms = list(calendar.facts.values())
    found = alternatives(rooms, taken.room_id, wanted.start, wish=wish, first=first)
    return [RoomSlot(venue.rooms[slot.room_id], slot) for slot in found]


def wish_of_query(scope: Scope, venue: Venue, query: AvailabilityQuery) -> SlotRequest:
    """What a query looks for. Raises Invalid, at its place in the argument `query`."""
    try:
        return wish_of(
            scope, venue, duration_minutes=query.duration_minutes, party_size=query.party_size
        )
    except Invalid as refusal:
        refusal.path = ("query", *refusal.path)
        raise


def window_of(query: AvailabilityQuery) -> Interval:
    """The time that is asked about, in UTC. Raises Invalid, BadInput."""
    first = within_reach(query.from_, path=("query", "from")).astimezone(UTC)
    last = within_reach(query.to, path=("query", "to")).astimezone(UTC)
    # A month in which the clock is put back has an hour more.
    if not first < last <= first + timedelta(days=MAX_DAYS, hours=1):
        raise BadInput(f"`to` must be after `from`, by at most {MAX_DAYS} days.")
    if query.room_ids is not None and len(query.room_ids) > MAX_ROOMS:
        raise BadInput(f"At most {MAX_ROOMS} rooms.")
    return Interval(first, last)


def ahead_of(window: Interval) -> Interval:
    """The time with what lies ahead of it, where the next free slot is looked for."""
    return Interval(window.start, window.end + _NEXT_WITHIN)


def check_size(venue: Venue, window: Interval) -> None:
    """Raises TooComplex where the rooms may have too many slots in the time."""
    if starts_in(venue, window) * len(venue.rooms) > MAX_SLOTS:
        raise TooComplex(
            f"{len(venue.rooms)} rooms have more than {MAX_SLOTS} slots in this time; "
            "choose fewer rooms or days."
        )


def starts_in(venue: Venue, window: Interval) -> int:
    """How many slots of a room may start within a time, at most."""
    return window.minutes // venue.tenant.slot_minutes + 1
