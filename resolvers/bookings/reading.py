"""Bookings as they are found, with what the caller may do to each."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.bookings.lifecycle import Status, allowed_transitions
from domain.core.ids import BookingId
from domain.core.intervals import Interval
from domain.core.local_time import LocalPeriod, local_period, zone
from kit.postgres.keyset_pagination import Listing
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.bookings.filters import BookingFilter, BookingOrder, bookings_matching, bookings_sorted
from models.bookings.past_bookings import as_of_instant
from models.bookings.search import bookings_shortlisted
from models.venue.rooms import Room
from permissions.policy import may, only_own
from permissions.roles import P
from resolvers.bookings.booking_access import (
    state_of,
    status,
    too_late_to_cancel,
    visible_bookings,
)
from resolvers.bookings.past_bookings import AsOf, booking_as_of, load_as_of
from resolvers.customers.customers import searched_by
from resolvers.venue.rooms import load_rooms

Filter = Annotated[BookingFilter | None, Doc("Which bookings to return; all by default.")]
OrderBy = Annotated[
    tuple[BookingOrder, ...] | None, Doc("How to sort the bookings; by start by default.")
]


async def booking(
    scope: Scope, *, id: Annotated[BookingId, Doc("The id of the booking.")], as_of: AsOf = None
) -> Booking | None:
    """Find a booking by id. Null if there is no such booking or the caller can't see it."""
    if as_of is not None:
        return await booking_as_of(scope, id, as_of)
    return await scope.one(visible_bookings(scope).where(col(Booking.id) == id))


def bookings(
    scope: Scope, *, filter: Filter = None, order_by: OrderBy = None, as_of: AsOf = None
) -> Listing[Booking]:
    """The bookings of all rooms, with every status. A customer who calls sees only their own."""
    if as_of is None:
        return bookings_now(scope, filter=filter, order_by=order_by)
    return Listing(
        Booking,
        as_of_instant(_matching(scope, filter, now=as_of), scope.tenant_id, as_of),
        bookings_sorted(order_by),
        load=partial(load_as_of, scope, as_of),
    )


def bookings_now(
    scope: Scope, *, filter: Filter = None, order_by: OrderBy = None
) -> Listing[Booking]:
    """The bookings of all rooms, with every status. A customer who calls sees only their own."""
    listing = Listing(Booking, _matching(scope, filter, now=scope.now()), bookings_sorted(order_by))
    # One's own are few.
    if filter is None or filter.search is None or only_own(scope.actor, P.BOOKINGS_READ):
        return listing
    return bookings_shortlisted(
        listing,
        _matching(scope, replace(filter, search=None), now=scope.now()),
        filter.search,
        searched=searched_by(scope.actor),
        tenant_id=scope.tenant_id,
    )


def _matching(scope: Scope, filter: BookingFilter | None, *, now: datetime) -> Select[Booking]:
    return bookings_matching(
        visible_bookings(scope),
        filter,
        tenant_id=scope.tenant_id,
        now=now,
        searched=searched_by(scope.actor),
    )


async def rooms(scope: Scope, booking: Booking) -> list[Room]:
    """All booked rooms, in the order in which they were chosen: at most 20.

    Costs 1 point, plus 2 times what is selected of a room.
    """
    return await load_rooms(scope, booking.room_ids)


async def transitions(scope: Scope, booking: Booking) -> tuple[Status, ...]:
    """The statuses to which the caller can change the booking now, each with its own mutation.

    Empty for a booking as of an earlier time.
    """
    if booking.as_of is not None:
        return ()
    tenant = await scope.loaders.related(booking, "tenant")
    allowed = allowed_transitions(state_of(booking, tenant), now=scope.now())
    if may(scope.actor, P.BOOKINGS_MANAGE, booking):
        return allowed
    if status(scope, booking) is Status.HELD:
        return allowed
    if too_late_to_cancel(scope, booking, tenant) is not None:
        return ()
    return tuple(each for each in allowed if each is Status.CANCELLED)


async def local(scope: Scope, booking: Booking) -> LocalPeriod:
    """The start and end in the venue's local time."""
    tenant = await scope.loaders.related(booking, "tenant")
    return local_period(Interval(booking.starts_at, booking.ends_at), zone(tenant.time_zone))
