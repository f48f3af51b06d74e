"""What is free, and why the rest is not: the same answer for readers and for every write."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from typing_extensions import Doc

from domain.availability import RoomFacts, VenueRules, Wish, facts_window
from domain.bookings import Status, effective_status
from domain.errors import Busy, SlotTaken
from domain.ids import BookingId, RoomId
from domain.intervals import Interval
from domain.money import Money
from domain.slots import (
    Slot,
    alternatives,
    alternatives_window,
    next_free_slot,
    slot_at,
    slots,
)
from domain.venue_time import Start, dates_around, resolve_start, within_reach, zone
from kit.errors import BadInput, TooComplex
from kit.scope import Scope
from models.bookings import claims_on
from models.hours import blackouts_overlapping
from models.rooms import Room, rooms_with_tenant
from models.tenants import Tenant
from permissions.policy import may
from permissions.roles import P
from resolvers.audit import event_cursor
from resolvers.hours import hours_facts
from resolvers.tenants import own_tenant

MAX_DAYS: Final = 31
MAX_SLOTS: Final = 10_000
MAX_ROOMS: Final = 100
MAX_ALTERNATIVES: Final = 20
_NEXT_WITHIN: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A venue's rooms with all that decides whether they are free in a window.

    ``stale`` are holds past their time that are not yet stored as expired.
    """

    tenant: Tenant
    rows: Mapping[RoomId, Room]
    facts: Mapping[RoomId, RoomFacts]
    stale: tuple[BookingId, ...]

    @property
    def zone(self) -> ZoneInfo:
        return zone(self.tenant.time_zone)


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
    def price(self) -> Money | None:
        return self.slot.price


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


@dataclass(frozen=True, slots=True)
class Availability:
    """The answer to a query, with the place in the log from which changes can be followed."""

    calendar: Calendar
    window: Interval
    wish: Wish
    slots: list[RoomSlot]
    computed_at: datetime
    cursor: str

    @property
    def next_free_slot(self) -> RoomSlot | None:
        """The first from the query's start on, at most 7 days beyond its end."""
        ahead = Interval(self.window.start, self.window.end + _NEXT_WITHIN)
        found = next_free_slot(self.calendar.facts.values(), ahead, wish=self.wish)
        return found and RoomSlot(self.calendar.rows[found.room_id], found)


async def availability(
    scope: Scope, *, query: Annotated[AvailabilityQuery, Doc("What is looked for.")]
) -> Availability:
    """The slots of rooms in a time: at most 31 days and 10,000 slots.

    A slot is FREE exactly when a booking of it, sent next, succeeds.
    """
    window = _window(query)
    tenant = await own_tenant(scope)
    wish = wish_of(
        scope, tenant, duration_minutes=query.duration_minutes, party_size=query.party_size
    )
    calendar = await load_calendar(
        scope,
        Interval(window.start, window.end + _NEXT_WITHIN),
        wish,
        room_ids=query.room_ids,
        exclude_booking_id=query.exclude_booking_id,
    )
    _check_size(calendar, window)
    found = slots(
        calendar.facts.values(), window, wish=wish, include_unavailable=query.include_unavailable
    )
    return Availability(
        calendar,
        window,
        wish,
        slots=[RoomSlot(calendar.rows[slot.room_id], slot) for slot in found],
        computed_at=scope.now(),
        cursor=await event_cursor(scope),
    )


async def explain_slot(
    scope: Scope,
    *,
    room_id: Annotated[RoomId, Doc("Which room.")],
    start: Annotated[Start, Doc("When it would start.")],
    duration_minutes: Annotated[int, Doc("How long it would be.")],
    party_size: Annotated[int, Doc("For how many people.")] = 1,
) -> RoomSlot | None:
    """One slot with every rule that refuses it; null for an unknown room."""
    tenant = await own_tenant(scope)
    starts_at = resolve_start(start, zone(tenant.time_zone))
    wish = wish_of(scope, tenant, duration_minutes=duration_minutes, party_size=party_size)
    calendar = await load_calendar(scope, wish.interval(starts_at), wish, room_ids=(room_id,))
    if room_id not in calendar.facts:
        return None
    return RoomSlot(calendar.rows[room_id], slot_at(calendar.facts[room_id], starts_at, wish))


async def alternatives_to(
    scope: Scope,
    taken: SlotTaken,
    *,
    first: Annotated[int, Doc("How many: at most 20.")] = 3,
) -> list[RoomSlot]:
    """Slots near the wanted one that a createBooking sent next would get.

    The nearest in time first, within 24 hours; at the same time the wanted room first.
    """
    if not 0 <= first <= MAX_ALTERNATIVES:
        raise BadInput(f"`first` is a number from 0 to {MAX_ALTERNATIVES}; got {first}.")
    wanted = taken.wanted
    tenant = await own_tenant(scope)
    wish = wish_of(scope, tenant, duration_minutes=wanted.minutes, party_size=taken.party_size)
    calendar = await load_calendar(
        scope,
        alternatives_window(wanted.start),
        wish,
        exclude_booking_id=taken.exclude_booking_id,
    )
    rooms = list(calendar.facts.values())
    found = alternatives(rooms, taken.room_id, wanted.start, wish=wish, first=first)
    return [RoomSlot(calendar.rows[slot.room_id], slot) for slot in found]


def wish_of(scope: Scope, tenant: Tenant, *, duration_minutes: int, party_size: int) -> Wish:
    """What the caller asks for under the venue's rules. Raises Invalid."""
    rules = VenueRules(
        zone(tenant.time_zone),
        slot_minutes=tenant.slot_minutes,
        min_notice_minutes=tenant.min_notice_minutes,
        max_advance_days=tenant.max_advance_days,
        min_duration_minutes=tenant.min_duration_minutes,
        max_duration_minutes=tenant.max_duration_minutes,
    )
    return Wish(
        duration_minutes=duration_minutes,
        party_size=party_size,
        rules=rules,
        override=may(scope.actor, P.BOOKINGS_OVERRIDE),
        now=scope.now(),
    )


async def load_calendar(
    scope: Scope,
    starts: Interval,
    wish: Wish,
    *,
    room_ids: Sequence[RoomId] | None = None,
    exclude_booking_id: BookingId | None = None,
) -> Calendar:
    """The facts about starts within an interval, in five statements whatever the rooms and days.

    Without ``room_ids``, all rooms in use; unknown ones are left out.
    """
    window = facts_window(starts, wish)
    rows = await scope.rows(rooms_with_tenant(scope.tenant_id, room_ids))
    tenant = rows[0][0]
    rooms = {RoomId(room.id): room for _, room in rows if room is not None}
    days = dates_around(window, zone(tenant.time_zone))
    hours = await hours_facts(scope, list(rooms), first=days[0], last=days[-1])

    blocked: defaultdict[RoomId | None, list[Interval]] = defaultdict(list)
    for blackout in await scope.all(blackouts_overlapping(scope.tenant_id, window)):
        room_id = blackout.room_id and RoomId(blackout.room_id)
        blocked[room_id].append(Interval(blackout.starts_at, blackout.ends_at))

    busy: defaultdict[RoomId, list[Busy]] = defaultdict(list)
    stale: list[BookingId] = []
    for room_id, id, status, starts_at, ends_at, occupied, expires_at in await scope.rows(
        claims_on(scope.tenant_id, list(rooms), window)
    ):
        if effective_status(Status(status), expires_at, scope.now()) is Status.EXPIRED:
            stale.append(id)
        elif id != exclude_booking_id:
            taken = Interval(occupied.lower, occupied.upper)
            busy[room_id].append(Busy(room_id, id, Interval(starts_at, ends_at), taken))

    facts = {
        id: RoomFacts(
            id,
            name=room.name,
            capacity=room.capacity,
            archived=room.archived_at is not None,
            buffer_before_minutes=room.buffer_before_minutes,
            buffer_after_minutes=room.buffer_after_minutes,
            hourly_rate=room.hourly_rate,
            hours=hours[id],
            blackouts=(*blocked[None], *blocked[id]),
            busy=tuple(busy[id]),
        )
        for id, room in rooms.items()
    }
    return Calendar(tenant, rows=rooms, facts=facts, stale=tuple(stale))


def _window(query: AvailabilityQuery) -> Interval:
    first = within_reach(query.from_, path=("from",)).astimezone(UTC)
    last = within_reach(query.to, path=("to",)).astimezone(UTC)
    if not first < last <= first + timedelta(days=MAX_DAYS):
        raise BadInput(f"`to` lies after `from`, by at most {MAX_DAYS} days.")
    if query.room_ids is not None and len(query.room_ids) > MAX_ROOMS:
        raise BadInput(f"At most {MAX_ROOMS} rooms.")
    return Interval(first, last)


def _check_size(calendar: Calendar, window: Interval) -> None:
    starts = window.minutes // calendar.tenant.slot_minutes + 1
    if starts * len(calendar.rows) > MAX_SLOTS:
        raise TooComplex(
            f"{len(calendar.rows)} rooms have more than {MAX_SLOTS} slots in this time; "
            "ask for fewer rooms or days."
        )
