"""What is free, and why the rest is not: the same answer for readers and for every write."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Final

from typing_extensions import Doc

from domain.bookings.availability import RoomFacts, SlotRequest, VenueRules, facts_window
from domain.bookings.lifecycle import Status, effective_status
from domain.bookings.refusals import Busy, Reason, SlotTaken
from domain.bookings.slots import (
    RoomSlots,
    Slot,
    SlotState,
    alternatives,
    alternatives_window,
    next_free_slot,
    slot_at,
)
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start, dates_around, resolve_start, within_reach
from domain.core.money import Money
from domain.core.refusals import Invalid
from kit.errors import BadInput, TooComplex
from kit.graphql.work_meter import Weighed
from kit.postgres.json_batch import JsonBatch
from kit.scope import Scope
from models.bookings.availability import CALENDAR, SLOT, VENUE
from models.bookings.bookings import BookingOwner
from models.venue.rooms import Room
from permissions.policy import may
from permissions.roles import P
from resolvers.audit.log_position import end_of_log
from resolvers.bookings.availability_cursors import known_now
from resolvers.bookings.venue_facts import Venue, blocked_times, room_facts
from resolvers.venue.hours import hours_facts
from resolvers.venue.rooms import MAX_BUFFER_MINUTES

MAX_DAYS: Final = 31
MAX_SLOTS: Final = 10_000
MAX_ROOMS: Final = 100
MAX_ALTERNATIVES: Final = 20
_NEXT_WITHIN: Final = timedelta(days=7)
_BUFFERS_MINUTES: Final = 2 * MAX_BUFFER_MINUTES
"""The buffer after one booking and that before the next, at the longest."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """All that decides whether a venue's rooms are free in a window.

    ``stale`` are holds past their time that are not yet stored as expired.
    """

    venue: Venue
    facts: Mapping[RoomId, RoomFacts]
    stale: tuple[BookingId, ...]


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
    def reasons(self) -> tuple[Reason, ...]:
        return self.slot.reasons


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


# Of work as ``kit.graphql.work_meter`` counts it: of a room whose facts are read, a start of it
# that is listed with the reasons against it or if it is free, and one that is only looked at.
_ROOM_WORK: Final = 100
_EXPLAINED_WORK: Final = 12
_LISTED_WORK: Final = 4
_LOOK_WORK: Final = 1


@dataclass(frozen=True)
class Availability(Weighed):
    """The answer to a query, with the place in the log from which changes can be followed."""

    calendar: Calendar
    window: Interval
    wish: SlotRequest
    include_unavailable: bool
    computed_at: datetime
    cursor: str

    @cached_property
    def slots(self) -> list[RoomSlot]:
        """Room by room, each in order of time."""
        grid = self.wish.rules.grid(self.window)
        return [
            self._of_room(slot)
            for room in self.calendar.facts.values()
            for slot in RoomSlots.of(
                room, grid, self.wish, include_unavailable=self.include_unavailable
            )
        ]

    @cached_property
    def next_free_slot(self) -> RoomSlot | None:
        """The first from the query's start on, at most 7 days beyond its end."""
        ahead = ahead_of(self.window)
        found = next_free_slot(self.calendar.facts.values(), ahead, wish=self.wish)
        return self._of_room(found) if found else None

    def work(self, selected: Collection[str]) -> int:
        """By the starts that there are to look at, whether they are told or not."""
        of_room = _ROOM_WORK
        if "slots" in selected:
            each = _EXPLAINED_WORK if self.include_unavailable else _LISTED_WORK
            of_room += starts_in(self.calendar.venue, self.window) * each
        if "nextFreeSlot" in selected:
            ahead = ahead_of(self.window)
            found = self.next_free_slot
            looked_at = Interval(ahead.start, found.ends_at if found else ahead.end)
            of_room += starts_in(self.calendar.venue, looked_at) * _LOOK_WORK
        return len(self.calendar.venue.rooms) * of_room

    def _of_room(self, slot: Slot) -> RoomSlot:
        return RoomSlot(self.calendar.venue.rooms[slot.room_id], slot)


async def availability(
    scope: Scope,
    *,
    query: Annotated[AvailabilityQuery, Doc("The period, rooms and duration to search for.")],
) -> Availability:
    """Search for slots in a period of at most 31 days.

    A slot is FREE exactly if booking it now succeeds. If there could be more than 10,000 slots, the
    query is refused: choose fewer rooms or days. Costs 1 point, plus 1 point for each room and each
    day begun; without `roomIds` 20 rooms are charged.
    """
    window = window_of(query)
    venue = await load_venue(scope, query.room_ids)
    check_size(venue, window)
    wish = wish_of_query(scope, venue, query)
    calendar = await load_calendar(
        scope,
        venue,
        ahead_of(window),
        wish,
        exclude_booking_id=query.exclude_booking_id,
    )
    return Availability(
        calendar,
        window,
        wish,
        include_unavailable=query.include_unavailable,
        computed_at=scope.now(),
        cursor=known_now(scope, await end_of_log(scope)).cursor,
    )


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


async def load_venue(scope: Scope, room_ids: Sequence[RoomId] | None) -> Venue:
    """The tenant with these rooms, unknown ones left out; without ids, with all rooms in use."""
    (tenant,), rooms = await scope.fetch_batch(VENUE, tenant_id=scope.tenant_id, room_ids=room_ids)
    return Venue(tenant, {RoomId(room.id): room for room in rooms})


def wish_of_query(scope: Scope, venue: Venue, query: AvailabilityQuery) -> SlotRequest:
    """What a query looks for. Raises Invalid, at its place in the argument `query`."""
    try:
        return wish_of(
            scope, venue, duration_minutes=query.duration_minutes, party_size=query.party_size
        )
    except Invalid as refusal:
        refusal.path = ("query", *refusal.path)
        raise


def wish_of(scope: Scope, venue: Venue, *, duration_minutes: int, party_size: int) -> SlotRequest:
    """What the caller asks for under the venue's rules. Raises Invalid."""
    tenant = venue.tenant
    rules = VenueRules(
        venue.zone,
        slot_minutes=tenant.slot_minutes,
        min_notice_minutes=tenant.min_notice_minutes,
        max_advance_days=tenant.max_advance_days,
        min_duration_minutes=tenant.min_duration_minutes,
        max_duration_minutes=tenant.max_duration_minutes,
    )
    return SlotRequest(
        duration_minutes=duration_minutes,
        party_size=party_size,
        rules=rules,
        override=may(scope.actor, P.BOOKINGS_OVERRIDE),
        now=scope.now(),
    )


async def load_calendar(
    scope: Scope,
    venue: Venue,
    starts: Interval,
    wish: SlotRequest,
    *,
    exclude_booking_id: BookingId | None = None,
) -> Calendar:
    """The facts about starts within an interval: one statement, whatever the rooms and days."""
    window = facts_window(starts, wish)
    return await _facts(
        scope,
        venue,
        window,
        CALENDAR,
        booked=Interval(window.start - venue.longest_booking, window.end),
        exclude_booking_id=exclude_booking_id,
    )


async def load_slot(
    scope: Scope,
    venue: Venue,
    wanted: Interval,
    *,
    exclude_booking_id: BookingId | None = None,
) -> Calendar:
    """No more than what decides whether rooms are free at a time.

    Where one isn't, ``load_calendar`` has all there is to tell about it.
    """
    touching = wanted.padded(before_minutes=_BUFFERS_MINUTES, after_minutes=_BUFFERS_MINUTES)
    return await _facts(
        scope,
        venue,
        wanted,
        SLOT,
        booked=Interval(touching.start - venue.longest_booking, touching.end),
        exclude_booking_id=exclude_booking_id,
    )


async def _facts(
    scope: Scope,
    venue: Venue,
    window: Interval,
    bundle: JsonBatch,
    *,
    booked: Interval,
    exclude_booking_id: BookingId | None,
) -> Calendar:
    days = dates_around(window, venue.zone)
    rooms = list(venue.rooms)
    weekdays, exceptions, blackouts, claims = await scope.fetch_batch(
        bundle,
        tenant_id=scope.tenant_id,
        room_ids=rooms,
        first_day=days[0],
        last_day=days[-1],
        since=window.start,
        until=window.end,
        earliest=booked.start,
        latest=booked.end,
    )
    hours = hours_facts(rooms, weekdays, exceptions)

    blocked = blocked_times(blackouts)

    busy: defaultdict[RoomId, list[Busy]] = defaultdict(list)
    moving: dict[RoomId, Busy] = {}
    stale: list[BookingId] = []
    for taken in claims:
        status = effective_status(Status(taken.status), taken.hold_expires_at, scope.now())
        if status is Status.EXPIRED:
            stale.append(taken.id)
            continue
        time = Interval(taken.starts_at, taken.ends_at)
        occupied = Interval(taken.occupied_from, taken.occupied_to)
        found = Busy(taken.room_id, taken.id, time, occupied)
        owner = BookingOwner.of(taken)
        # Whoever leaves out another's booking would be told of a free time that isn't; and when
        # it is, whoever may not read it.
        if taken.id == exclude_booking_id and all(
            may(scope.actor, each, owner) for each in (P.BOOKINGS_READ, P.BOOKINGS_WRITE)
        ):
            moving[taken.room_id] = found
        else:
            busy[taken.room_id].append(found)

    facts = {
        id: replace(
            room_facts(room, hours=hours[id], blackouts=(*blocked[None], *blocked[id])),
            busy=tuple(busy[id]),
            moving=moving.get(id),
        )
        for id, room in venue.rooms.items()
    }
    return Calendar(venue, facts, stale=tuple(stale))


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
