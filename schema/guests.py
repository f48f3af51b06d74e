"""Guests: they book without an account, and look after that one booking by a link."""

from datetime import datetime

import strawberry

from domain.bookings import Status
from domain.events import EventType as E
from permissions.roles import P
from resolvers import guests
from schema.bookings import LocalPeriod, PriceBreakdown
from schema.fields import column, computed, query, value
from schema.mutations import mutation, payload
from schema.venues import Venue, VenueRoom


@value()
class GuestBooking:
    """A booking as the bearer of its link sees it: nothing that others told of it or of them."""

    reference: str = column("For people to read out: unique in the venue, never changes.")
    version: int = column("Grows with every change; changes name the one they saw.")
    status: Status = computed(guests.status)
    venue: Venue = computed(guests.venue_of)
    room: VenueRoom = computed(guests.room_of)
    starts_at: datetime = column("When it starts.")
    ends_at: datetime = column("When it ends.")
    local: LocalPeriod = computed(guests.local)
    hold_expires_at: datetime | None = column("Until when a hold stands; null for others.")
    party_size: int = column("How many people.")
    price: PriceBreakdown | None = column(
        "What it costs; frozen when it was held or booked.", name="breakdown"
    )


@strawberry.type
class GuestQueries:
    guest_booking: GuestBooking | None = query(guests.guest_booking, requires=P.PUBLIC)


@payload
class HoldAsGuestPayload:
    """The hold."""

    booking: GuestBooking | None
    token: str | None = column("Its link: shows and cancels it, and turns it into a booking.")


@payload
class BookAsGuestPayload:
    """The booking."""

    booking: GuestBooking | None
    token: str | None = column("Its link: shows, moves and cancels it; it is mailed as well.")


@payload
class RescheduleGuestBookingPayload:
    """The moved booking."""

    booking: GuestBooking | None


@payload
class CancelGuestBookingPayload:
    """The cancelled booking."""

    booking: GuestBooking | None


@strawberry.type
class GuestMutations:
    hold_as_guest: HoldAsGuestPayload | None = mutation(
        guests.hold_as_guest, requires=P.PUBLIC, emits=[E.BOOKING_HELD]
    )
    book_as_guest: BookAsGuestPayload | None = mutation(
        guests.book_as_guest, requires=P.PUBLIC, emits=[E.BOOKING_CREATED, E.CUSTOMER_CREATED]
    )
    reschedule_guest_booking: RescheduleGuestBookingPayload | None = mutation(
        guests.reschedule_guest_booking, requires=P.PUBLIC, emits=[E.BOOKING_RESCHEDULED]
    )
    cancel_guest_booking: CancelGuestBookingPayload | None = mutation(
        guests.cancel_guest_booking, requires=P.PUBLIC, emits=[E.BOOKING_CANCELLED]
    )
