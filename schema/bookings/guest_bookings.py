"""Guests: they book without an account, and look after that one booking by a code."""

from datetime import datetime

import strawberry

from domain.bookings.lifecycle import Status
from domain.bookings.refusals import ProofRequired
from domain.core.log_events import EventType as E
from kit.operation_context import Operation
from permissions.roles import P
from resolvers.bookings import guest_bookings, guest_links
from resolvers.bookings.next_steps import GuestStep
from schema.bookings.bookings import Booking, LocalPeriod, PriceBreakdown
from schema.bookings.public_venue import GuestChallenge, Venue, VenueRoom
from schema.core.enums import describe
from schema.core.fields import column, computed, query, value
from schema.core.mutations import follow_up, mutation, payload
from schema.core.user_errors import UserError, shows

describe(
    GuestStep,
    "What a guest does next to have the time that is held.",
    BOOK="Say who they are: `bookAsGuest(holdToken:)`.",
    CONFIRM="Give the token of the mail to `confirmGuestBooking`.",
    PAY="Make the `payment`.",
)


@shows(ProofRequired)
class GuestProofError(UserError):
    """The venue asks guests to prove that they are people."""

    challenge: GuestChallenge = column("A new one; its solution is good for one request.")


@value()
class GuestBooking:
    """A booking as the bearer of its code sees it: nothing that others told of it or of them."""

    reference: str = column("For people to read out: unique in the venue, never changes.")
    version: int = column("Grows with every change; changes name the one they saw.")
    status: Status = computed(guest_bookings.status)
    venue: Venue = computed(guest_bookings.venue_of)
    room: VenueRoom = computed(guest_bookings.room_of)
    starts_at: datetime = column("When it starts.")
    ends_at: datetime = column("When it ends.")
    local: LocalPeriod = computed(guest_bookings.local)
    hold_expires_at: datetime | None = column("Until when a hold stands; null for others.")
    next_step: GuestStep | None = computed(guest_bookings.next_step)
    party_size: int = column("How many people.")
    price: PriceBreakdown | None = column(
        "What it costs; frozen when it was held or booked.", name="breakdown"
    )


@strawberry.type
class GuestQueries:
    guest_booking: GuestBooking | None = query(guest_bookings.guest_booking, requires=P.PUBLIC)


@payload
class HoldAsGuestPayload:
    """The hold."""

    booking: GuestBooking | None
    token: str | None = column("Its code: shows and cancels it, and turns it into a booking.")


@payload
class BookAsGuestPayload:
    """The booking."""

    booking: GuestBooking | None
    token: str | None = column(
        "Its code: shows, moves and cancels it. The mail has another, which confirms it as well."
    )


@payload
class ConfirmGuestBookingPayload:
    """The confirmed booking."""

    booking: GuestBooking | None


@payload
class CancelGuestBookingPayload:
    """The cancelled booking."""

    booking: GuestBooking | None


@payload
class RevokeGuestLinkPayload:
    """The booking whose codes are worth nothing now."""

    booking: Booking | None


@payload
class RequestGuestLinkPayload:
    """Nothing: neither whether there is such a booking."""


async def _follow_up(operation: Operation, booked: guest_bookings.GuestBooked) -> None:
    await follow_up(operation, booked.booking)


@strawberry.type
class GuestMutations:
    hold_as_guest: HoldAsGuestPayload | None = mutation(
        guest_bookings.hold_as_guest, requires=P.PUBLIC, emits=[E.BOOKING_HELD]
    )
    book_as_guest: BookAsGuestPayload | None = mutation(
        guest_bookings.book_as_guest,
        requires=P.PUBLIC,
        emits=[E.CUSTOMER_CREATED, E.BOOKING_HELD, E.BOOKING_UPDATED, E.PAYMENT_REQUESTED],
        then=_follow_up,
    )
    confirm_guest_booking: ConfirmGuestBookingPayload | None = mutation(
        guest_bookings.confirm_guest_booking,
        requires=P.PUBLIC,
        emits=[E.BOOKING_CREATED],
        then=follow_up,
    )
    cancel_guest_booking: CancelGuestBookingPayload | None = mutation(
        guest_bookings.cancel_guest_booking,
        requires=P.PUBLIC,
        emits=[E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        then=follow_up,
    )
    request_guest_link: RequestGuestLinkPayload | None = mutation(
        guest_links.request_guest_link, requires=P.PUBLIC, emits=[E.GUEST_LINK_REVOKED]
    )
    revoke_guest_link: RevokeGuestLinkPayload | None = mutation(
        guest_links.revoke_guest_link,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.GUEST_LINK_REVOKED],
    )
