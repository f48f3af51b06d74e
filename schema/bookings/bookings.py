"""Bookings: a room held for somebody for a time."""

from datetime import datetime
from typing import Any

import strawberry
from sqlmodel import col

import models
import schema.core.filters  # noqa: F401 - its inputs are known before they are used
from domain.bookings.lifecycle import Status
from domain.bookings.pricing import Price
from domain.bookings.pricing import PriceLine as Line
from domain.bookings.refusals import ChangeTooLate, SlotTaken, SlotUnavailable
from domain.core.local_time import LocalPeriod as Period
from domain.core.local_time import TimeZone
from domain.core.log_events import EventType as E
from domain.core.money import Money as Amount
from kit.events.event_cursors import EventCursor
from kit.operation_context import Operation
from kit.scope import Scope
from models.audit import sql_fields as log_fields
from models.audit.log import LogEntry
from models.bookings import sql_fields
from permissions.roles import P
from resolvers import audit
from resolvers.bookings import availability, booking_access, bookings, guest_bookings, transitions
from resolvers.core import log_position
from resolvers.payments import moves, pending_moves, settlement
from resolvers.payments import payments as paid
from schema.audit import BookingChange
from schema.bookings.availability import BusyInterval, Slot, SlotReason
from schema.core.connections import Connection, View, connection
from schema.core.fields import Node, column, computed, node, query, related, value
from schema.core.money import Money
from schema.core.mutations import mutation, payload
from schema.core.user_errors import UserError, shows
from schema.customers import Customer
from schema.payments.payments import CancellationQuote, Payment, Refund
from schema.venue.rooms import Room


@value(Period)
class LocalPeriod:
    """The venue's wall clock, ready to print."""

    time_zone: TimeZone = column("The venue's.")
    start: str = column("As 'YYYY-MM-DDTHH:MM'.")
    end: str = column("As 'YYYY-MM-DDTHH:MM'.")
    utc_offset_start: str = column("The offset at the start: '-05:00'.")
    utc_offset_end: str = column("The offset at the end.")


@value(Line)
class PriceLine:
    """One part of a price."""

    label: str = column("What it is for.")
    starts_at: datetime | None = column("From when; null for what has no time.")
    ends_at: datetime | None = column("Until when.")
    minutes: int | None = column("For how long.")
    amount: Money = column("How much.")


@value(Price)
class PriceBreakdown:
    """What a booking costs: the lines sum to the subtotal; total = subtotal - discount + tax."""

    lines: list[PriceLine] = column("In the order of their times.")
    subtotal: Money = column("The sum of the lines.")
    discount: Money = column("What is taken off.")
    tax: Money = column("What is added.")
    total: Money = column("What is to pay.")


async def _move_room(scope: Scope, hold: models.Booking) -> str:
    """The name of the room it moves to."""
    return (await guest_bookings.room_of(scope, hold)).name


async def _move_price(_: Scope, hold: models.Booking) -> Amount | None:
    """What the booking costs once it has moved; null for a room without a price."""
    return hold.price


async def _move_expires_at(_: Scope, hold: models.Booking) -> datetime | None:
    """Until when the new time is held, and the payment can be made."""
    return hold.hold_expires_at


@value()
class PendingMove:
    """A move that waits for its payment: until then the booking stays where it is."""

    room_name: str = computed(_move_room)
    starts_at: datetime = column("When it starts once it has moved.")
    ends_at: datetime = column("When it ends then.")
    total: Money | None = computed(_move_price)
    expires_at: datetime | None = computed(_move_expires_at)


@node(models.Booking, visible=booking_access.visible_bookings, requires=P.BOOKINGS_READ)
class Booking(Node):
    """A room held for somebody for a time."""

    reference: str = column("For people to read out: unique in the tenant, never changes.")
    version: int = column("Grows with every change; updates name the one they saw.")
    status: Status = computed(booking_access.status, sql=sql_fields.status)
    allowed_transitions: list[Status] = computed(bookings.transitions)
    room: Room = related("The room that is booked.")
    customer: Customer | None = related("Whom it is for.", requires=P.CUSTOMERS_READ)
    contact_name: str | None = column(
        "What whoever booked called themselves, where the customer's record has another name; "
        "null: as in `customer`.",
        requires=P.CUSTOMERS_READ,
    )
    contact_phone: str | None = column(
        "The phone number that whoever booked gave, where the customer's record has another or "
        "none; null: as in `customer`.",
        requires=P.CUSTOMERS_CONTACT,
    )
    starts_at: datetime = column("When it starts.")
    ends_at: datetime = column("When it ends.")
    local: LocalPeriod = computed(bookings.local, sql=sql_fields.local)
    hold_expires_at: datetime | None = column("Until when a hold stands; null for others.")
    party_size: int = column("How many people.")
    note: str | None = column("For the venue.", requires=P.BOOKINGS_READ)
    price: PriceBreakdown | None = column(
        "What it costs; frozen when it was held or booked.",
        requires=P.PRICES_READ,
        name="breakdown",
        sql=sql_fields.breakdown,
    )
    payment: Payment | None = computed(paid.payment, requires=P.PAYMENTS_READ)
    payments: list[Payment] | None = computed(paid.payments, requires=P.PAYMENTS_READ)
    refunds: list[Refund] | None = computed(paid.refunds, requires=P.PAYMENTS_READ)
    amount_paid: Money | None = computed(paid.amount_paid, requires=P.PAYMENTS_READ)
    amount_refunded: Money | None = computed(paid.amount_refunded, requires=P.PAYMENTS_READ)
    balance_due: Money | None = computed(paid.balance_due, requires=P.PAYMENTS_READ)
    credit: Money | None = computed(paid.credit, requires=P.PAYMENTS_READ)
    pending_move: PendingMove | None = computed(
        pending_moves.pending_move, requires=P.PAYMENTS_READ
    )
    cancellation_quote: CancellationQuote | None = computed(
        paid.cancellation_quote, requires=P.PAYMENTS_READ
    )
    created_at: datetime = column("When it was held or booked.")
    updated_at: datetime = column("When it last changed.")
    history: Connection[BookingChange] | None = connection(
        audit.history, requires=P.BOOKINGS_HISTORY, under=col(LogEntry.subject_id)
    )


async def _event_cursor(scope: Scope, _: View) -> str:
    """Subscribe after it and miss nothing.

    Events after it may repeat these rows: compare `version`.
    """
    return await log_position.event_cursor(scope)


@strawberry.type(description="A page of bookings.")
class BookingConnection(Connection[Booking]):
    event_cursor: EventCursor = computed(
        _event_cursor,
        "Subscribe after it and miss nothing. Events after it may repeat these rows: compare "
        "`version`. Cursors compare for equality only.",
        sql=log_fields.event_cursor,
    )


@shows(SlotTaken)
class SlotConflictError(UserError):
    """The slot is gone: carries what a client needs to recover without another round trip."""

    conflicts: list[BusyInterval] = column("What is in the way; never whose it is.")
    alternatives: list[Slot] = computed(availability.alternatives_to)


@shows(SlotUnavailable)
class SlotUnavailableError(UserError):
    """A rule of the venue refuses the time."""

    reasons: list[SlotReason] = column("Every failed rule, the same as explainSlot gives.")


@shows(ChangeTooLate)
class ChangeTooLateError(UserError):
    """Its customer can't move the booking any more; the venue can."""

    until: datetime | None = column("Until when they could; null: never.")


@strawberry.type
class BookingQueries:
    booking: Booking | None = query(bookings.booking, requires=P.BOOKINGS_READ)
    bookings: BookingConnection | None = connection(bookings.bookings, requires=P.BOOKINGS_READ)


@payload
class HoldBookingPayload:
    """The hold."""

    booking: Booking | None
    replayed: bool


@payload
class CreateBookingPayload:
    """The booking."""

    booking: Booking | None
    replayed: bool


@payload
class ConfirmBookingPayload:
    """The confirmed booking."""

    booking: Booking | None


@payload
class RejectBookingPayload:
    """The rejected booking."""

    booking: Booking | None


@payload
class UpdateBookingPayload:
    """The changed booking."""

    booking: Booking | None


async def _booking(_: Scope, answer: Any) -> models.Booking | None:
    """Null when refused."""
    return answer.bookings[0] if answer.bookings else None


@payload
class RescheduleBookingPayload:
    """The moved booking."""

    booking: Booking | None = computed(_booking)
    bookings: list[Booking] = column(
        "The booking, in a list of one: bookings do not repeat yet. Empty when refused."
    )
    replayed: bool


async def _refund(scope: Scope, answer: Any) -> Amount | None:
    """What goes back of what was paid; null where nothing does."""
    return await paid.cancellation_refund(scope, answer.bookings)


@payload
class CancelBookingPayload:
    """The cancelled booking."""

    booking: Booking | None = computed(_booking)
    bookings: list[Booking] = column(
        "The booking, in a list of one: bookings do not repeat yet. Empty when refused."
    )
    refund: Money | None = computed(_refund)
    replayed: bool


@payload
class CheckInBookingPayload:
    """The booking, whose guests are here."""

    booking: Booking | None


@payload
class CompleteBookingPayload:
    """The completed booking."""

    booking: Booking | None


@payload
class MarkNoShowPayload:
    """The booking that nobody came to."""

    booking: Booking | None


async def settled(operation: Operation, changed: models.Booking | list[models.Booking]) -> None:
    """Ask the gateway at once for what the change has made due of the bookings' payments."""
    for booking in changed if isinstance(changed, list) else [changed]:
        if booking.terms is not None:
            await settlement.settle_changed(operation.runtime, booking)


@strawberry.type
class BookingMutations:
    hold_booking: HoldBookingPayload | None = mutation(
        bookings.hold_booking, requires=P.BOOKINGS_WRITE, emits=[E.BOOKING_HELD], idempotent=True
    )
    create_booking: CreateBookingPayload | None = mutation(
        bookings.create_booking,
        requires=P.BOOKINGS_WRITE,
        emits=[E.BOOKING_CREATED, E.BOOKING_HELD, E.PAYMENT_REQUESTED],
        idempotent=True,
        then=settled,
    )
    confirm_booking: ConfirmBookingPayload | None = mutation(
        transitions.confirm_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CONFIRMED, E.BOOKING_CANCELLED],
        then=settled,
    )
    reject_booking: RejectBookingPayload | None = mutation(
        transitions.reject_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_REJECTED, E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        wrapped=False,
        then=settled,
    )
    update_booking: UpdateBookingPayload | None = mutation(
        bookings.update_booking,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_UPDATED, E.BOOKING_CANCELLED],
        then=settled,
    )
    reschedule_booking: RescheduleBookingPayload | None = mutation(
        moves.reschedule_booking,
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
        then=settled,
    )
    cancel_booking: CancelBookingPayload | None = mutation(
        transitions.cancel_booking,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        idempotent=True,
        input_required=False,
        then=settled,
    )
    check_in_booking: CheckInBookingPayload | None = mutation(
        transitions.check_in_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CHECKED_IN, E.BOOKING_CANCELLED],
        then=settled,
    )
    complete_booking: CompleteBookingPayload | None = mutation(
        transitions.complete_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_COMPLETED, E.BOOKING_CANCELLED],
        then=settled,
    )
    mark_no_show: MarkNoShowPayload | None = mutation(
        transitions.mark_no_show,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_NO_SHOW, E.BOOKING_CANCELLED],
        input_required=False,
        then=settled,
    )
