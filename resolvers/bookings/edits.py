"""Changes the customer, party size or note of a booking."""

from typing import Annotated

from typing_extensions import Doc

from domain.bookings.lifecycle import EDITABLE, check_status_in
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.log_events import EventType
from domain.core.patch import ABSENT, Absent
from domain.customers.customers import CustomerChoice
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.core.base import snapshot, stored
from resolvers.bookings.booking_access import (
    Version,
    load_visible_booking,
    lock_seen_booking,
    record_change,
    state_of,
    text_refusals,
)
from resolvers.bookings.calendars import load_venue
from resolvers.bookings.coupons import refusals_by_uses
from resolvers.bookings.edits_at_once import capacity_refusals, edit_at_once, give_to
from resolvers.bookings.hooks import BookingChange
from resolvers.bookings.party_prices import set_party_size
from resolvers.bookings.quotas import refusals_by_quotas
from resolvers.bookings.seats import seat_refusals
from resolvers.core.hooks import run_handlers
from resolvers.core.lookups import raise_all
from resolvers.customers.customers import chosen_booker


async def update_booking(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking.")],
    *,
    version: Version,
    customer: Annotated[CustomerChoice | Absent | None, Doc("The new customer.")] = ABSENT,
    party_size: Annotated[int | Absent, Doc("The new number of people.")] = ABSENT,
    note: Annotated[
        str | Absent | None,
        Doc("The new note for the venue: at most 2,000 characters. Null removes it."),
    ] = ABSENT,
) -> Booking:
    """Change the customer, party size or note of a booking.

    To change its time or room, use `rescheduleBooking`. If the customer changes, a `pendingMove` is
    cancelled, and a payment that still arrives for it is refunded.
    """
    seen = await load_visible_booking(scope, id)
    at_once = await edit_at_once(
        scope, seen, version=version, customer=customer, party_size=party_size, note=note
    )
    if at_once is not None:
        return at_once
    problems = text_refusals(note=None if note is ABSENT else note)
    edited = await lock_seen_booking(scope, seen, version=version)
    venue = await load_venue(scope, [RoomId(id) for id in edited.room_ids])
    check_status_in(state_of(edited, venue.tenant), EDITABLE, now=scope.now())
    before, was = snapshot(edited), stored(edited)
    if party_size is not ABSENT:
        set_party_size(edited, party_size)
        problems += capacity_refusals(venue, edited)
        problems += await seat_refusals(scope, venue, edited)
    if customer is not ABSENT:
        booker, unknown = await chosen_booker(scope, customer)
        problems += unknown
        give_to(edited, booker)
        time = Interval(edited.starts_at, edited.ends_at)
        problems += await refusals_by_quotas(
            scope, venue.tenant, booker.customer_id, time, without=[id], path=("customer",)
        )
        problems += await refusals_by_uses(
            scope,
            venue.tenant,
            edited.coupon_id,
            booker.customer_id,
            without=id,
            path=("customer",),
        )
    if note is not ABSENT:
        edited.note = note
    raise_all(problems)
    if stored(edited) == was:
        return edited
    change = BookingChange(
        type=EventType.BOOKING_UPDATED, booking=edited, tenant=venue.tenant, before=before
    )
    await run_handlers(scope, change)
    return record_change(scope, EventType.BOOKING_UPDATED, edited, before)
