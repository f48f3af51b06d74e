"""Claims a time of locked rooms: decides by the current facts, with all that refuses it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range
from sqlmodel import col

from domain.bookings.availability import RoomCalendar, overridden, refusals
from domain.bookings.lifecycle import Status
from domain.bookings.pricing import Price
from domain.bookings.refusals import Busy, PriceChanged
from domain.bookings.several_rooms import choice_refusals, of_all, party_refusals, summed, together
from domain.bookings.slot_facts import RoomFacts, SlotRequest
from domain.core.ids import BookingId, CustomerId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start, resolve_start
from domain.core.log_events import Event, EventType
from domain.core.money import Money
from domain.core.refusals import Code, Invalid, NotFound, Refusal
from domain.customers.customers import CustomerChoice
from kit.scope import Scope
from models.bookings.bookings import Booking, BookingOwner, bookings_of
from models.core.base import snapshot
from models.tenants import Tenant
from models.venue.rooms import Room, booked_spaces
from resolvers.bookings.calendars import (
    has_all,
    load_calendar,
    load_slot,
    load_venue,
    may_move,
    wish_of,
)
from resolvers.bookings.customer_tags import customer_tags
from resolvers.bookings.space_locks import check_spaces
from resolvers.bookings.venue_facts import Venue, VenueFacts
from resolvers.core.lookups import raise_all


@dataclass(frozen=True, slots=True)
class Claim:
    """A requested time of a room, with everything that refuses it.

    ``facts`` are those of the room. ``space_ids`` and ``seat_numbers`` are stored with a booking:
    None for a plain room.
    ``occupied`` is the time with its buffers, as no two bookings may have it; ``lifted`` are the
    rules that the caller's override let pass, for the audit; ``price`` is that by the room's
    current rate and the venue's rules, less what a coupon takes off. ``also_rooms`` are the others
    of several rooms.
    """

    tenant: Tenant
    room: Room
    facts: RoomFacts
    space_ids: list[UUID] | None
    seat_numbers: list[int] | None
    wish: SlotRequest
    wanted: Interval
    occupied: Range[datetime]
    refusals: tuple[Refusal, ...]
    lifted: tuple[Code, ...]
    price: Price | None
    also_rooms: tuple[Room, ...] = ()
    also_facts: tuple[RoomFacts, ...] = ()
    coupon_id: UUID | None = None

    @property
    def has_price_rules(self) -> bool:
        return any(each.price_plan is not None for each in (self.facts, *self.also_facts))

    def price_at(self, time: Interval) -> Price | None:
        """Returns what the same would cost at another time."""
        return summed(each.price(time, self.wish) for each in (self.facts, *self.also_facts))

    @property
    def spaces(self) -> list[UUID]:
        """The spaces of all its rooms."""
        return [space for room in (self.room, *self.also_rooms) for space in room.spaces]


@dataclass(frozen=True, slots=True)
class WantedTime:
    """A requested time of a room, or of several.

    ``keeps_start``: it is that of a booking that starts then already.
    """

    room_id: RoomId
    start: Start
    duration_minutes: int
    party_size: int
    also_room_ids: tuple[RoomId, ...] = ()
    keeps_start: bool = False

    @property
    def room_ids(self) -> list[RoomId]:
        return [self.room_id, *self.also_room_ids]


async def claim(
    scope: Scope,
    room_id: RoomId,
    start: Start,
    *,
    duration_minutes: int,
    party_size: int,
    also_room_ids: Sequence[RoomId] = (),
    customer: CustomerChoice | None = None,
    moving: Booking | None = None,
    override: bool | None = None,
    keeps_start: bool = False,
) -> Claim:
    """Decides on a time of locked rooms, after expired holds have been released.

    The ``customer``, or that of the booking that is ``moving``, decides about the price; by default
    it is the caller. ``override`` is that of ``wish_of``, and ``keeps_start`` that of
    ``WantedTime``. A booking that is moved keeps its other rooms.
    Raises NotFound for a room, what refuses the choice of them, and what makes the time itself
    unreadable.
    """
    room_ids = [room_id, *(also_room_ids if moving is None else _other_rooms(moving))]
    venue = await load_venue(scope, room_ids)
    raise_all(_unknown(venue, room_ids))
    raise_all(unfit(venue, room_ids, is_move=moving is not None))
    check_spaces(scope, *venue.rooms.values())
    if moving is not None:
        customer = customer_of(moving)
    starts_at = resolve_start(start, venue.zone)
    wish = wish_of(
        scope,
        venue,
        duration_minutes=duration_minutes,
        party_size=party_size,
        override=override,
        customer_tags=await customer_tags(scope, venue.prices, customer),
    )
    if keeps_start:
        wish = wish.keeping_start(starts_at)
    wanted = wish.interval(starts_at)
    exclude = BookingId(moving.id) if moving else None
    slot = await load_slot(scope, venue, wanted, exclude_booking_id=exclude)
    rooms = [slot.facts[id] for id in room_ids]
    claimed = decide_all(venue, rooms, starts_at, wish, exclude_booking_id=exclude)
    if not claimed.refusals:
        await expire(scope, slot.stale)
        return claimed
    # Until when each reason holds is found in what lies around.
    calendar = await load_calendar(scope, venue, wanted, wish, exclude_booking_id=exclude)
    rooms = [calendar.facts[id] for id in room_ids]
    return decide_all(venue, rooms, starts_at, wish, exclude_booking_id=exclude)


def _other_rooms(booking: Booking) -> list[RoomId]:
    return [RoomId(id) for id in booking.also_room_ids or ()]


def _unknown(venue: Venue, room_ids: Sequence[RoomId]) -> list[Refusal]:
    return [
        NotFound("room", path=("also_room_ids", number - 1) if number else ("room_id",))
        for number, id in enumerate(room_ids)
        if id not in venue.rooms
    ]


def unfit(venue: Venue, room_ids: Sequence[RoomId], *, is_move: bool = False) -> list[Refusal]:
    """Returns what refuses known rooms as those of one booking."""
    if len(room_ids) == 1:
        return []
    rooms = [venue.rooms[id] for id in room_ids]
    refused = choice_refusals(
        [room.spaces for room in rooms], path=("room_id",) if is_move else None
    )
    if any(room.seats is not None for room in rooms):
        problem = "A room that is booked by the seat can't be one of several."
        refused.append(Invalid(problem, path=("room_id",) if is_move else ("also_room_ids",)))
    return refused


def decide_all(
    venue: Venue,
    rooms: Sequence[RoomFacts],
    starts_at: datetime,
    wish: SlotRequest,
    *,
    exclude_booking_id: BookingId | None = None,
) -> Claim:
    """Returns the claim of a time of rooms that are booked together, as ``decide`` does of one."""
    if len(rooms) == 1:
        return decide(venue, rooms[0], starts_at, wish, exclude_booking_id=exclude_booking_id)
    claims = [
        decide(venue, each, starts_at, wish, exclude_booking_id=exclude_booking_id)
        for each in together(rooms, wish.party_size)
    ]
    first, chosen = claims[0], [claimed.room for claimed in claims]
    capacity = sum(room.capacity for room in rooms)
    ids = tuple(room.id for room in rooms)
    refused = of_all([claimed.refusals for claimed in claims], together=ids)
    return replace(
        first,
        also_rooms=tuple(chosen[1:]),
        also_facts=tuple(rooms[1:]),
        space_ids=booked_spaces(chosen),
        refusals=(*refused, *party_refusals(wish.party_size, capacity)),
        price=summed(claimed.price for claimed in claims),
    )


def decide(
    venue: Venue,
    facts: RoomFacts,
    starts_at: datetime,
    wish: SlotRequest,
    *,
    exclude_booking_id: BookingId | None = None,
) -> Claim:
    """Returns the claim of a time of a room by known facts, with everything that refuses it."""
    wanted = wish.interval(starts_at)
    calendar = RoomCalendar.of(facts, wanted, wish)
    reasons = calendar.reasons_against(wanted)
    occupied = facts.occupied_by(wanted)
    room = venue.rooms[facts.id]
    return Claim(
        venue.tenant,
        room,
        facts,
        room.space_ids,
        None if reasons else calendar.seat_numbers(wanted, wish.party_size),
        wish,
        wanted,
        Range(occupied.start, occupied.end),
        refusals=tuple(
            refusals(facts, starts_at, reasons, wish=wish, exclude_booking_id=exclude_booking_id)
        ),
        lifted=overridden(starts_at, wish),
        price=facts.price(wanted, wish),
    )


def claim_by_facts(
    scope: Scope, facts: VenueFacts, times: WantedTime, *, moving: Booking | None = None
) -> Claim | None:
    """Returns the claim of a time that no rule refuses, bookings left aside; otherwise None.

    A time without a claim is decided by what is stored.
    """
    if facts.venue.prices.uses_tags:
        # The tags of a customer are read with what is stored.
        return None
    room_ids = times.room_ids if moving is None else [times.room_id, *_other_rooms(moving)]
    if any(id not in facts.rooms for id in room_ids) or unfit(facts.venue, room_ids):
        return None
    if moving is not None and not may_move(scope.actor, BookingOwner.of(moving)):
        return None
    has_seats = facts.rooms[times.room_id].seats is not None
    if moving is not None and (has_seats or moving.seat_numbers is not None):
        # Only the statements of new bookings pick seats.
        return None
    try:
        starts_at = resolve_start(times.start, facts.venue.zone)
        wish = wish_of(
            scope,
            facts.venue,
            duration_minutes=times.duration_minutes,
            party_size=times.party_size,
        )
    except Refusal:
        return None
    if times.keeps_start:
        wish = wish.keeping_start(starts_at)
    wanted = wish.interval(starts_at)
    if not facts.covers(wanted):
        return None
    rooms = [facts.rooms[id].within(wanted) for id in room_ids]
    if moving is not None:
        rooms = [
            replace(room, moving=_busy(moving))
            if has_all(moving.spaces, facts.venue.rooms[room.id])
            else room
            for room in rooms
        ]
    claimed = decide_all(facts.venue, rooms, starts_at, wish)
    return None if claimed.refusals else claimed


def _busy(booking: Booking) -> Busy:
    occupied = booking.occupied
    assert occupied.lower is not None and occupied.upper is not None
    return Busy(
        RoomId(booking.room_id),
        BookingId(booking.id),
        Interval(booking.starts_at, booking.ends_at),
        Interval(occupied.lower, occupied.upper),
    )


class _OfCustomer(Protocol):
    customer_id: Any


def customer_of(row: _OfCustomer) -> CustomerChoice:
    """Returns the customer of a booking, a series, or somebody who waits; there may be none."""
    return CustomerChoice(id=CustomerId(row.customer_id) if row.customer_id else None)


def claim_of(
    venue: Venue,
    facts: RoomFacts,
    time: Interval,
    wish: SlotRequest,
    *,
    seat_numbers: list[int] | None,
) -> Claim:
    """Returns the claim of a time that no rule refuses."""
    occupied = facts.occupied_by(time)
    room = venue.rooms[facts.id]
    return Claim(
        venue.tenant,
        room,
        facts,
        room.space_ids,
        seat_numbers,
        wish,
        time,
        Range(occupied.start, occupied.end),
        refusals=(),
        lifted=overridden(time.start, wish),
        price=facts.price(time, wish),
    )


async def expire(scope: Scope, ids: Sequence[BookingId], *, reason: str | None = None) -> None:
    """Stores the end of holds: they have expired, unless there is another ``reason``."""
    if not ids:
        return
    for hold in await scope.all(bookings_of(scope.tenant_id).where(col(Booking.id).in_(ids))):
        before = snapshot(hold)
        hold.status = Status.EXPIRED.value
        hold.version += 1
        hold.updated_at = scope.now()
        scope.emit(
            Event(
                EventType.BOOKING_EXPIRED,
                "Booking",
                hold.id,
                reason=reason,
                before=before,
                after=snapshot(hold),
            )
        )
    await scope.flush()


def price_refusals(expected: Money | None, actual: Money | None) -> list[Refusal]:
    """Returns the refusal of a price that differs from the one that the caller agreed to."""
    if expected is None or expected == actual:
        return []
    return [PriceChanged(expected, actual=actual, path=("expected_total",))]
