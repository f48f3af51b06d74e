"""Bookings that get another time, room or end, which may have to be paid first."""

from datetime import datetime

import strawberry

import models
from domain.core.log_events import EventType as E
from domain.core.money import Money as Amount
from kit.scope import Scope
from permissions.roles import P
from resolvers.bookings import guest_bookings
from resolvers.payments import ends, guest_payments, rescheduling
from schema.bookings.bookings import Booking, first_booking
from schema.bookings.guest_bookings import GuestBooking
from schema.core.fields import column, computed, value
from schema.core.money import Money
from schema.core.mutations import follow_up, mutation, payload


async def _move_room(scope: Scope, hold: models.Booking) -> str:
    """The name of the new room."""
    return (await guest_bookings.room_of(scope, hold)).name


async def _move_price(_: Scope, hold: models.Booking) -> Amount | None:
    """The price of the booking after the move, or null if the new room has no price."""
    return hold.price


async def _move_expires_at(_: Scope, hold: models.Booking) -> datetime | None:
    """Until when the new time is held and the payment can be made."""
    return hold.hold_expires_at


@value()
class PendingMove:
    """A move of a booking that waits for a payment. Until then the booking stays where it is."""

    room_name: str = computed(_move_room)
    starts_at: datetime = column("When the booking starts after the move.")
    ends_at: datetime = column("When the booking ends after the move.")
    total: Money | None = computed(_move_price)
    expires_at: datetime | None = computed(_move_expires_at)


@payload
class RescheduleBookingPayload:
    """The result of `rescheduleBooking`."""

    booking: Booking | None = computed(first_booking)
    bookings: list[Booking] = column(
        "All moved bookings, this one first; empty if the mutation was refused."
    )
    replayed: bool


@payload
class RescheduleGuestBookingPayload:
    """The result of `rescheduleGuestBooking`."""

    booking: GuestBooking | None


@payload
class ExtendBookingPayload:
    """The result of `extendBooking`."""

    booking: Booking | None


@payload
class EndBookingEarlyPayload:
    """The result of `endBookingEarly`."""

    booking: Booking | None


@strawberry.type
class MoveMutations:
    reschedule_booking: RescheduleBookingPayload | None = mutation(
        rescheduling.reschedule_booking,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[
            E.BOOKING_RESCHEDULED,
            E.BOOKING_HELD,
            E.BOOKING_CANCELLED,
            E.PAYMENT_REQUESTED,
            E.REFUND_REQUESTED,
        ],
        idempotent=True,
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    reschedule_guest_booking: RescheduleGuestBookingPayload | None = mutation(
        guest_payments.reschedule_guest_booking,
        requires=P.PUBLIC,
        emits=[
            E.BOOKING_RESCHEDULED,
            E.BOOKING_HELD,
            E.BOOKING_CANCELLED,
            E.PAYMENT_REQUESTED,
            E.REFUND_REQUESTED,
        ],
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    extend_booking: ExtendBookingPayload | None = mutation(
        ends.extend_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        needs=P.BOOKINGS_WRITE,
        emits=[E.BOOKING_EXTENDED, E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    end_booking_early: EndBookingEarlyPayload | None = mutation(
        ends.end_booking_early,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_COMPLETED, E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
