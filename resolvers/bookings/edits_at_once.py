"""Edits bookings, and makes bookings of holds, in one statement each where nothing is against it.

These functions return None where nothing is stored; then it is decided step by step.
"""

from dataclasses import asdict, replace

from domain.bookings import several_rooms
from domain.bookings.availability import party_refusals
from domain.bookings.lifecycle import EDITABLE, check_status_in
from domain.core.ids import RoomId
from domain.core.log_events import EventType
from domain.core.patch import ABSENT, Absent
from domain.core.refusals import Refusal
from domain.customers.customers import CustomerChoice
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.bookings.new_bookings import BOOK_HOLD_AND_CUSTOMER
from models.core.base import snapshot, stored
from permissions.policy import is_guest
from resolvers.bookings.at_once import Changed, change_at_once
from resolvers.bookings.booking_access import change_event, state_of, text_refusals
from resolvers.bookings.hooks import BookingChange
from resolvers.bookings.new_bookings import BookingWish, booker_at_once, customer_values
from resolvers.bookings.party_prices import set_party_size
from resolvers.bookings.slot_claims import price_refusals
from resolvers.bookings.standing import stand_at_once
from resolvers.bookings.venue_facts import Venue, VenueFacts
from resolvers.core.hooks import Hooks
from resolvers.customers.customers import Booker, customer_created


async def book_hold_at_once(scope: Scope, seen: Booking, wish: BookingWish) -> Booking | None:
    """Turns a hold into a booking."""
    if is_guest(scope.actor) or text_refusals(note=wish.note):
        return None
    if wish.coupon_code is not None or seen.coupon_id is not None:
        return None
    found = await booker_at_once(scope, wish.customer)
    if found is None:
        return None
    booker, new_customer = found

    def book(hold: Booking, facts: VenueFacts) -> Changed | None:
        before = snapshot(hold)
        if wish.party_size is not None:
            if hold.seat_numbers is not None:
                return None
            set_party_size(hold, wish.party_size)
        if booker.customer_id is not None:
            give_to(hold, booker)
        if wish.note is not None:
            hold.note = wish.note
        if facts.quotas and hold.customer_id is not None:
            return None
        if capacity_refusals(facts.venue, hold) or price_refusals(wish.expected_total, hold.price):
            return None
        booked = stand_at_once(scope, hold, facts, before)
        if booked is None or new_customer is None:
            return booked
        return replace(
            booked,
            events=[customer_created(new_customer), *booked.events],
            statement=BOOK_HOLD_AND_CUSTOMER,
            values={**booked.values, **customer_values(scope, new_customer)},
        )

    return await change_at_once(scope, seen, book, version=seen.version)


async def confirm_at_once(scope: Scope, seen: Booking) -> Booking | None:
    """Makes a booking of what a guest holds, who has given the code of the mail."""

    def confirm(hold: Booking, facts: VenueFacts) -> Changed | None:
        if facts.quotas or hold.coupon_id is not None:
            return None
        return stand_at_once(scope, hold, facts, snapshot(hold), by_guest=True)

    return await change_at_once(scope, seen, confirm, version=seen.version)


async def edit_at_once(
    scope: Scope,
    seen: Booking,
    *,
    version: int,
    customer: CustomerChoice | Absent | None,
    party_size: int | Absent,
    note: str | Absent | None,
) -> Booking | None:
    """Changes the customer, party size or note of a booking."""
    if text_refusals(note=None if note is ABSENT else note):
        return None
    booker: Booker | None = None
    if customer is not ABSENT:
        is_new = customer is not None and customer.new is not None
        found = None if is_new else await booker_at_once(scope, customer)
        if found is None:
            return None
        booker, _ = found

    def edit(booking: Booking, facts: VenueFacts) -> Changed | None:
        tenant, before = facts.venue.tenant, snapshot(booking)
        check_status_in(state_of(booking, tenant), EDITABLE, now=scope.now())
        if booker is not None:
            if facts.quotas or booking.coupon_id is not None:
                return None
            give_to(booking, booker)
        if note is not ABSENT:
            booking.note = note
        if party_size is not ABSENT:
            if booking.seat_numbers is not None:
                return None
            set_party_size(booking, party_size)
            if capacity_refusals(facts.venue, booking):
                return None
        if stored(booking) == stored(seen):
            return None
        change = BookingChange(
            type=EventType.BOOKING_UPDATED, booking=booking, tenant=tenant, before=before
        )
        if scope.service(Hooks).concern(change):
            return None
        return Changed([change_event(scope, EventType.BOOKING_UPDATED, booking, before)])

    return await change_at_once(scope, seen, edit, version=version)


def give_to(booking: Booking, booker: Booker) -> None:
    for name, value in asdict(booker).items():
        setattr(booking, name, value)


def capacity_refusals(venue: Venue, booking: Booking) -> list[Refusal]:
    """Returns the refusals of a booking's party by its rooms."""
    first, *others = [venue.rooms[RoomId(id)] for id in booking.room_ids]
    if others and booking.party_size > 0:
        capacity = sum(room.capacity for room in (first, *others))
        return several_rooms.party_refusals(booking.party_size, capacity)
    capacity = first.capacity if first.seats is None else first.seats
    return party_refusals(booking.party_size, room_name=first.name, capacity=capacity)
