"""Seats of bookings: seats them anew with a change of their room, or of their party."""

from collections.abc import Mapping
from heapq import nsmallest
from operator import attrgetter
from typing import Final

from domain.bookings.lifecycle import Status, effective_status
from domain.bookings.refusals import BookingsDontFit, Busy, SlotTaken
from domain.bookings.seats import all_seats, numbers_of, reseated, seats_to_take, set_of
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import EventType
from domain.core.refusals import Code, Refusal
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.bookings.seats import (
    GIVE_UP_SEATS,
    STANDING,
    TAKE_SEATS,
    TAKE_WHOLE_ROOM,
    stored_seats,
)
from resolvers.bookings.calendars import load_slot
from resolvers.bookings.slot_claims import expire
from resolvers.bookings.venue_facts import Venue
from resolvers.core.hooks import Conditional, Handler
from resolvers.tenants.tenants import own_tenant
from resolvers.venue.hooks import RoomChange

MOST_TOLD: Final = 100
"""The most bookings that a refused change of a room tells of."""


async def seat_refusals(scope: Scope, venue: Venue, booking: Booking) -> list[Refusal]:
    """Seats the party of a booking, whose size has changed, in its room and time.

    Returns the refusal if too few seats are free. Does nothing in a room that is booked as a whole.
    """
    room = venue.rooms[RoomId(booking.room_id)]
    party = booking.party_size
    if room.seats is None or not 1 <= party <= room.seats:
        return []
    time = Interval(booking.starts_at, booking.ends_at)
    assert booking.occupied.lower is not None and booking.occupied.upper is not None
    occupied = Interval(booking.occupied.lower, booking.occupied.upper)
    calendar = await load_slot(scope, venue, time)
    others = [
        each
        for each in calendar.facts[RoomId(room.id)].busy
        if each.booking_id != booking.id and each.occupied.overlaps(occupied)
    ]
    free = all_seats(room.seats)
    for each in others:
        free &= ~each.seats
    if free.bit_count() < party:
        return [
            SlotTaken(
                Code.SLOT_TAKEN,
                room_id=RoomId(room.id),
                room_name=room.name,
                wanted=time,
                party_size=party,
                zone=venue.zone,
                conflicts=tuple({each.interval: each for each in others}.values()),
                exclude_booking_id=BookingId(booking.id),
                remaining_seats=free.bit_count(),
                path=("party_size",),
            )
        ]
    await expire(scope, calendar.stale)
    own = set_of(booking.seat_numbers or ())
    booking.seat_numbers = [*numbers_of(seats_to_take(free, party, own=own))]
    return []


# ------------------------------------------------------------------------------ of rooms


def _concerns_seats(change: RoomChange) -> bool:
    return change.room.seats != change.before["seats"]


async def _reseat(scope: Scope, change: RoomChange) -> None:
    """Gives the bookings that stand in a room seats of it, or all of it.

    Raises BookingsDontFit where some of them would have to share what can't be shared.
    """
    room, had = change.room, change.before["seats"]
    if room.seats is not None and isinstance(had, int) and had < room.seats:
        return
    (rows,) = await scope.fetch_batch(STANDING, tenant_id=scope.tenant_id, room_id=room.id)
    standing: dict[BookingId, Busy] = {}
    parties: dict[BookingId, int] = {}
    with_others: list[BookingId] = []
    stale: list[BookingId] = []
    for row in rows:
        if effective_status(Status(row.status), row.hold_expires_at, scope.now()) is Status.EXPIRED:
            stale.append(row.id)
            continue
        occupied = Interval(row.occupied.lower, row.occupied.upper)
        time = Interval(row.starts_at, row.ends_at)
        standing[row.id] = Busy(RoomId(room.id), row.id, time, occupied)
        if row.also_room_ids:
            with_others.append(row.id)
            continue
        # A whole room is one seat.
        parties[row.id] = 1 if room.seats is None else row.party_size
    seats, left_out = reseated(
        ((id, standing[id].occupied.stretch, party) for id, party in parties.items()),
        1 if room.seats is None else room.seats,
    )
    left_out += with_others
    if left_out:
        tenant = await own_tenant(scope)
        first = nsmallest(MOST_TOLD, (standing[id] for id in left_out), attrgetter("interval"))
        raise BookingsDontFit(
            room.name, tuple(first), len(left_out), zone(tenant.time_zone), path=("seats",)
        )
    await expire(scope, stale)
    if room.seats is None:
        await scope.fetch_prepared(TAKE_WHOLE_ROOM, tenant_id=scope.tenant_id, room_id=room.id)
        return
    await scope.fetch_prepared(GIVE_UP_SEATS, tenant_id=scope.tenant_id, room_id=room.id)
    await scope.fetch_prepared(
        TAKE_SEATS,
        tenant_id=scope.tenant_id,
        room_id=room.id,
        ids=[*seats],
        seat_numbers=[stored_seats(numbers_of(each)) for each in seats.values()],
    )


ROOM_HANDLERS: Final[Mapping[EventType, Handler[RoomChange]]] = {
    EventType.ROOM_UPDATED: Conditional(_concerns_seats, _reseat)
}
