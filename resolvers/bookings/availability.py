"""What is free, and why the rest is not: the same answer for readers and for every write."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Final

from typing_extensions import Doc

from domain.bookings.refusals import SlotTaken
from domain.bookings.room_starts import SlotSearch
from domain.bookings.several_rooms import alternatives_together, together
from domain.bookings.slot_facts import SlotRequest
from domain.bookings.slots import (
    alternatives,
    alternatives_window,
    next_free_slot,
    slot_state,
)
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start, resolve_start, within_reach
from domain.core.refusals import Invalid, NotFound
from kit.errors import BadInput, TooComplex
from kit.graphql.selected import EVERYTHING, Selected
from kit.graphql.work_meter import Weighed
from kit.scope import Scope
from resolvers.bookings.availability_cursors import known_now
from resolvers.bookings.calendars import wish_of
from resolvers.bookings.customer_tags import OwnTags, with_own_tags
from resolvers.bookings.openings import Openings, openings
from resolvers.bookings.quotas import reasons_by_quotas
from resolvers.bookings.slot_pages import RoomSlot, SlotPage
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
    needed = ahead_of(window) if "nextFreeSlot" in selected else window

    def ask(tags: OwnTags, venue: Venue) -> SlotSearch:
        check_size(venue, window)
        wish = wish_of_query(scope, venue, query, tags=tags.deciding(venue.prices))
        return SlotSearch(wish, needed)

    found = await with_own_tags(
        scope,
        lambda tags: openings(
            scope,
            query.room_ids,
            partial(ask, tags),
            explained=query.include_unavailable and "reasons" in selected,
            exclude_booking_id=query.exclude_booking_id,
            alone=selected.is_alone and not tags.were_read,
        ),
    )
    wish = found.search.wish
    listed = await found.slots(
        SlotSearch(wish, window), include_unavailable=query.include_unavailable
    )
    next_free = None
    if "nextFreeSlot" in selected:
        next_free = next_free_slot(listed) or next_free_slot(
            await found.slots(SlotSearch(wish, Interval(window.end, needed.end)))
        )
    return Availability(
        SlotPage(found.venue.rooms, listed),
        RoomSlot(found.venue.rooms[next_free.room_id], next_free) if next_free else None,
        include_unavailable=query.include_unavailable,
        starts=starts_in(found.venue, window),
        computed_at=scope.now(),
        cursor=known_now(scope, await found.log_end(scope)).cursor,
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

    def ask(tags: OwnTags, venue: Venue) -> SlotSearch:
        if room_id not in venue.rooms:
            raise NotFound("room")
        starts_at = resolve_start(start, venue.zone)
        wish = wish_of(
            scope,
            venue,
            duration_minutes=duration_minutes,
            party_size=party_size,
            customer_tags=tags.deciding(venue.prices),
        )
        return SlotSearch(wish, wish.interval(starts_at))

    try:
        found = await with_own_tags(
            scope, lambda tags: openings(scope, [room_id], partial(ask, tags), explained=True)
        )
    except NotFound:
        return None
    slot = found.slot_at(room_id, found.search.window.start)
    if over := await reasons_by_quotas(scope, found.venue.tenant, slot.interval):
        reasons = (*slot.reasons, *over)
        slot = replace(slot, state=slot_state(reasons), reasons=reasons)
    return RoomSlot(found.venue.rooms[room_id], slot)


async def alternatives_to(
    scope: Scope,
    taken: SlotTaken,
    *,
    first: Annotated[int, Doc("The number of slots to return: at most 20.")] = 3,
) -> list[RoomSlot]:
    """Free slots near the requested one.

    The closest in time come first, within 24 hours; at the same time, the requested room comes
    first. If several rooms were requested, they are times at which all of these are free, with the
    first room and the price of all.
    """
    if not 0 <= first <= MAX_ALTERNATIVES:
        raise BadInput(f"`first` must be 0 to {MAX_ALTERNATIVES}; got {first}.")
    wanted = taken.wanted

    def ask(tags: OwnTags, venue: Venue) -> SlotSearch:
        wish = wish_of(
            scope,
            venue,
            duration_minutes=wanted.minutes,
            party_size=taken.party_size,
            customer_tags=tags.deciding(venue.prices),
        )
        return SlotSearch(wish, alternatives_window(wanted.start))

    exclude = taken.exclude_booking_id
    found = await with_own_tags(
        scope,
        lambda tags: openings(
            scope,
            taken.together or None,
            partial(ask, tags),
            explained=False,
            exclude_booking_id=exclude,
        ),
    )
    if taken.together:
        return await _alternatives_together(found, taken, first=first)
    free = await found.slots(found.search)
    slots = alternatives(free, taken.room_id, wanted.start, first=first)
    return [RoomSlot(found.venue.rooms[slot.room_id], slot) for slot in slots]


async def _alternatives_together(
    found: Openings, taken: SlotTaken, *, first: int
) -> list[RoomSlot]:
    rooms = [found.venue.rooms[id] for id in taken.together if id in found.venue.rooms]
    capacity = sum(room.capacity for room in rooms)
    if len(rooms) < len(taken.together) or taken.party_size > capacity:
        return []
    facts = together([found.facts[id] for id in taken.together], taken.party_size)
    by_room = {room.id: room for room in facts}
    free = {each.room.id: each for each in await replace(found, facts=by_room).slots(found.search)}
    in_order = [free[id] for id in taken.together]
    slots = alternatives_together(in_order, taken.wanted.start, first=first)
    return [RoomSlot(rooms[0], slot) for slot in slots]


def wish_of_query(
    scope: Scope, venue: Venue, query: AvailabilityQuery, *, tags: frozenset[str]
) -> SlotRequest:
    """What a query looks for. Raises Invalid, at its place in the argument `query`."""
    try:
        return wish_of(
            scope,
            venue,
            duration_minutes=query.duration_minutes,
            party_size=query.party_size,
            customer_tags=tags,
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
