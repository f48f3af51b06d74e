"""Bookings: a room held for somebody for a time."""

from datetime import datetime
from typing import Any

import strawberry
from sqlmodel import col

import models
from domain.bookings.lifecycle import Status
from domain.bookings.pricing import Price
from domain.bookings.pricing import PriceLine as Line
from domain.bookings.refusals import ChangeTooLate, SlotTaken, SlotUnavailable
from domain.core.local_time import LocalPeriod as Period
from domain.core.local_time import TimeZone
from domain.core.log_events import EventType as E
from domain.payments.payments import CancellationRefund
from kit.events.event_cursors import EventCursor
from kit.scope import Scope
from models.audit import sql_fields as log_fields
from models.audit.log import LogEntry
from models.bookings import sql_fields
from models.bookings.bookings import BookingFilter, BookingOrder, BookingOrderField, StatusFilter
from permissions.roles import P
from resolvers import audit
from resolvers.bookings import availability, booking_access, bookings, transitions
from resolvers.core import log_position
from schema.audit import BookingChange
from schema.bookings.availability import BusyInterval, Slot, SlotReason
from schema.core.connections import Connection, View, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, query, related, value
from schema.core.inputs import input_type
from schema.core.money import Money
from schema.core.mutations import follow_up, mutation, payload
from schema.core.user_errors import UserError, shows
from schema.customers import Customer
from schema.venue.rooms import Room

describe(
    Status,
    "Where a booking stands. Clients tolerate new values.",
    name="BookingStatus",
    HELD="Kept for somebody who is still deciding, until `holdExpiresAt`.",
    PENDING="Asked for; the venue has yet to confirm it. Its time is taken.",
    CONFIRMED="Agreed.",
    CHECKED_IN="The guests are here.",
    COMPLETED="It took place.",
    CANCELLED="Called off; its time is free.",
    NO_SHOW="Nobody came; its time is free.",
    EXPIRED="A hold that was not turned into a booking in time; its time is free.",
    REJECTED="The venue said no; its time is free.",
)
describe(
    BookingOrderField,
    "What bookings can be sorted by.",
    STARTS_AT="By when they start.",
    CREATED_AT="By when they were made.",
    UPDATED_AT="By when they last changed.",
)
describe(
    CancellationRefund,
    "What a cancellation gives back of what was paid. Clients tolerate new values.",
    FULL="Everything.",
    POLICY="What the booking's cancellation policy gives back now.",
    NONE="Nothing.",
)
input_type(
    StatusFilter,
    "Statuses as they count now: a hold past its time is EXPIRED. All given fields are ANDed.",
    name="StatusFilter",
    nulls=False,
    eq="Exactly this one.",
    in_="One of these.",
    not_in="None of these.",
)
input_type(
    BookingFilter,
    "All given fields are ANDed.",
    name="BookingFilter",
    overlaps="Shares some time with the range.",
    starts_at="Starts within the range.",
    updated_at="Last changed within the range.",
    room_id="Of these rooms.",
    customer_id="Of these customers. Needs `customers:read`.",
    status="With these statuses.",
    search="Somewhere in the reference, with or without its dash, or in the customer's name, "
    "whatever its case and accents, e-mail address or phone number, as far as the caller may read "
    "them. At most 100 characters.",
)
input_type(
    BookingOrder,
    "One key to sort by.",
    name="BookingOrder",
    field="What to sort by.",
    direction="Which end comes first.",
)


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


async def first_booking(_: Scope, answer: Any) -> models.Booking | None:
    """Null when refused."""
    return answer.bookings[0] if answer.bookings else None


@payload
class CancelBookingPayload:
    """The cancelled booking."""

    booking: Booking | None = computed(first_booking)
    bookings: list[Booking] = column(
        "The booking, in a list of one: bookings do not repeat yet. Empty when refused."
    )
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
        then=follow_up,
    )
    confirm_booking: ConfirmBookingPayload | None = mutation(
        transitions.confirm_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CONFIRMED, E.BOOKING_CANCELLED],
        then=follow_up,
    )
    reject_booking: RejectBookingPayload | None = mutation(
        transitions.reject_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_REJECTED, E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        wrapped=False,
        then=follow_up,
    )
    update_booking: UpdateBookingPayload | None = mutation(
        bookings.update_booking,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_UPDATED, E.BOOKING_CANCELLED],
        then=follow_up,
    )
    cancel_booking: CancelBookingPayload | None = mutation(
        transitions.cancel_booking,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        idempotent=True,
        input_required=False,
        then=follow_up,
    )
    check_in_booking: CheckInBookingPayload | None = mutation(
        transitions.check_in_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CHECKED_IN, E.BOOKING_CANCELLED],
        then=follow_up,
    )
    complete_booking: CompleteBookingPayload | None = mutation(
        transitions.complete_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_COMPLETED, E.BOOKING_CANCELLED],
        then=follow_up,
    )
    mark_no_show: MarkNoShowPayload | None = mutation(
        transitions.mark_no_show,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_NO_SHOW, E.BOOKING_CANCELLED],
        input_required=False,
        then=follow_up,
    )
