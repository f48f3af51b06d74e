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
from schema.bookings.bookings import Booking, LocalPeriod
from schema.bookings.prices import PriceBreakdown
from schema.bookings.public_venue import GuestChallenge, Venue, VenueRoom
from schema.core.enums import describe
from schema.core.fields import column, computed, query, value
from schema.core.mutations import follow_up, mutation, payload
from schema.core.user_errors import UserError, shows

describe(
    GuestStep,
    "The next step for a guest who wants to keep the time that is held.",
    BOOK="Call `bookAsGuest` with the hold's code as `holdToken`.",
    CONFIRM="Call `confirmGuestBooking` with the code from the e-mail.",
    PAY="Make the `payment`.",
)


@shows(ProofRequired)
class GuestProofError(UserError):
    """The venue requires guests to solve a challenge that keeps bots away."""

    challenge: GuestChallenge = column("A new challenge. Its solution can be used for one request.")


@value()
class GuestBooking:
    """A booking as seen by a guest who has its code, without the customer's personal data."""

    reference: str = column("A short code for people, unique in the venue. It never changes.")
    version: int = column(
        "The version of the booking. It increases with every change; pass it "
        "to mutations that change the booking."
    )
    status: Status = computed(guest_bookings.status)
    venue: Venue = computed(guest_bookings.venue_of)
    room: VenueRoom = computed(guest_bookings.room_of)
    starts_at: datetime = column("When the booking starts.")
    ends_at: datetime = column("When the booking ends.")
    local: LocalPeriod = computed(guest_bookings.local)
    hold_expires_at: datetime | None = column("When the hold expires, or null if it is not a hold.")
    next_step: GuestStep | None = computed(guest_bookings.next_step)
    party_size: int = column("The number of people.")
    price: PriceBreakdown | None = column(
        "The price, which was fixed when the time was held or booked. Null if the room "
        "had no price.",
        name="breakdown",
    )


@strawberry.type
class GuestQueries:
    guest_booking: GuestBooking | None = query(guest_bookings.guest_booking, requires=P.PUBLIC)


@payload
class HoldAsGuestPayload:
    """The result of `holdAsGuest`."""

    booking: GuestBooking | None
    token: str | None = column(
        "The code of the hold, with which the guest can see it, cancel it "
        "and turn it into a booking. Null if the mutation was refused."
    )


@payload
class BookAsGuestPayload:
    """The result of `bookAsGuest`."""

    booking: GuestBooking | None
    token: str | None = column(
        "The code of the booking, with which the guest can see, move and cancel it. Only "
        "the code in the e-mail can also confirm it. Null if the mutation was refused."
    )


@payload
class ConfirmGuestBookingPayload:
    """The result of `confirmGuestBooking`."""

    booking: GuestBooking | None


@payload
class CancelGuestBookingPayload:
    """The result of `cancelGuestBooking`."""

    booking: GuestBooking | None


@payload
class RevokeGuestLinkPayload:
    """The result of `revokeGuestLink`."""

    booking: Booking | None


@payload
class RequestGuestLinkPayload:
    """The result of `requestGuestLink`.

    It doesn't reveal whether there is such a booking.
    """


async def _follow_up(operation: Operation, booked: guest_bookings.GuestBooked) -> None:
    await follow_up(operation, booked.booking)


@strawberry.type
class GuestMutations:
    hold_as_guest: HoldAsGuestPayload | None = mutation(
        guest_bookings.hold_as_guest, requires=P.PUBLIC, emits=[E.BOOKING_HELD], dry_run=True
    )
    book_as_guest: BookAsGuestPayload | None = mutation(
        guest_bookings.book_as_guest,
        requires=P.PUBLIC,
        emits=[E.CUSTOMER_CREATED, E.BOOKING_HELD, E.BOOKING_UPDATED, E.PAYMENT_REQUESTED],
        dry_run=True,
        then=_follow_up,
    )
    confirm_guest_booking: ConfirmGuestBookingPayload | None = mutation(
        guest_bookings.confirm_guest_booking,
        requires=P.PUBLIC,
        emits=[E.BOOKING_CREATED],
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    cancel_guest_booking: CancelGuestBookingPayload | None = mutation(
        guest_bookings.cancel_guest_booking,
        requires=P.PUBLIC,
        emits=[E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        at_once=True,
        dry_run=True,
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
        dry_run=True,
    )
