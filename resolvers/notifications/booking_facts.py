"""Loads what notifications tell of a booking, and of its series."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlmodel import col

from domain.bookings.calendar_feeds import SHOWN
from domain.bookings.recurrence_text import parse_rule
from domain.core.intervals import Interval
from domain.notifications.attachments import WITH_CALENDAR
from domain.notifications.calendar_entries import Series, SeriesBooking
from domain.notifications.facts import BookingFacts, SeriesFacts, place
from domain.notifications.kinds import Channel, NotificationKind
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.bookings.series import BookingSeries, series_of
from models.customers.customers import Customer, customers_of
from models.tenants import Tenant
from models.venue.rooms import Room, rooms_of
from resolvers.payments.payments import balance_due

_SHOWN: Final = [status.value for status in SHOWN]


async def facts_of(
    scope: Scope, booking: Booking, kind: NotificationKind, channel: Channel, tenant: Tenant
) -> BookingFacts:
    """Returns what a notification of a kind tells of a booking."""
    customer = None
    if booking.customer_id is not None:
        theirs = customers_of(scope.tenant_id).where(col(Customer.id) == booking.customer_id)
        customer = await scope.one(theirs)
    series = None
    if booking.series_id is not None and channel is Channel.EMAIL and kind in WITH_CALENDAR:
        series = await _series_facts(scope, booking, tenant)
    due = await balance_due(scope, booking)
    return BookingFacts(
        booking.id,
        version=booking.version,
        changed_at=booking.updated_at,
        time=Interval(booking.starts_at, booking.ends_at),
        rooms=_named(booking, await _rooms(scope, [booking])),
        party_size=booking.party_size,
        reference=booking.reference,
        customer=booking.contact_name or (customer.name if customer else ""),
        email=customer.email if customer else None,
        price=booking.price,
        due=due if due is not None and due.amount_minor > 0 else None,
        series=series,
    )


async def _series_facts(scope: Scope, booking: Booking, tenant: Tenant) -> SeriesFacts:
    """Returns the series of a booking, with the bookings in it of the same customer."""
    of_id = series_of(scope.tenant_id).where(col(BookingSeries.id) == booking.series_id)
    row = await scope.one(of_id)
    assert row is not None, "a series is never removed"
    every = await scope.all(
        bookings_of(scope.tenant_id).where(
            col(Booking.series_id) == row.id, col(Booking.customer_id) == booking.customer_id
        )
    )
    rooms = await _rooms(scope, [*every, booking])
    changed_at = max(row.updated_at, *(each.updated_at for each in every))
    taking_place = [each for each in every if each.status in _SHOWN]
    return SeriesFacts(
        row.id,
        # Versions of bookings don't add up: those that follow a change can go to another series.
        sequence=int((changed_at - row.created_at).total_seconds()),
        changed_at=changed_at,
        series=Series(
            parse_rule(row.rrule),
            row.starts_at,
            row.duration_minutes,
            row.time_zone,
            [_in_series(each, rooms, tenant) for each in taking_place],
        ),
        this=_in_series(booking, rooms, tenant),
    )


def _in_series(booking: Booking, rooms: Mapping[UUID, Room], tenant: Tenant) -> SeriesBooking:
    assert booking.original_starts_at is not None, "it belongs to a series"
    return SeriesBooking(
        booking.original_starts_at,
        Interval(booking.starts_at, booking.ends_at),
        location=place(_named(booking, rooms), tenant.name),
    )


async def _rooms(scope: Scope, bookings: Sequence[Booking]) -> Mapping[UUID, Room]:
    ids = {id for booking in bookings for id in booking.room_ids}
    found = await scope.all(rooms_of(scope.tenant_id).where(col(Room.id).in_(sorted(ids))))
    return {room.id: room for room in found}


def _named(booking: Booking, rooms: Mapping[UUID, Room]) -> tuple[str, ...]:
    return tuple(rooms[id].name for id in booking.room_ids if id in rooms)
