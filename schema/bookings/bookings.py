"""Bookings: a room held for somebody for a time."""

from datetime import datetime
from typing import Any

import strawberry
from sqlmodel import col

import models
from domain.bookings.lifecycle import CancellationRefund, Status
from domain.bookings.series import ConflictPolicy, Recurrence, SeriesScope
from domain.core.local_time import LocalPeriod as Period
from domain.core.local_time import TimeZone
from domain.core.log_events import EventType as E
from kit.events.event_cursors import EventCursor
from kit.graphql.cost import Cost
from kit.scope import Scope
from models.audit import sql_fields as log_fields
from models.audit.log import LogEntry
from models.bookings import sql_fields
from models.bookings.filters import BookingFilter, BookingOrder, BookingOrderField, StatusFilter
from permissions.roles import P
from resolvers.audit import log, log_position
from resolvers.bookings import booking_access, bookings, edits, reading, transitions
from schema.audit import BookingChange
from schema.bookings.prices import PriceBreakdown
from schema.core.connections import Connection, View, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, query, related, value
from schema.core.inputs import input_type
from schema.core.mutations import follow_up, mutation, payload
from schema.customers.customers import Customer
from schema.venue.rooms import Room

describe(
    Status,
    "The status of a booking. Expect values to be added.",
    name="BookingStatus",
    HELD="The time is held until `holdExpiresAt`, for somebody who has yet to book or pay.",
    PENDING="The booking waits for the venue's confirmation. Its time is occupied.",
    CONFIRMED="The booking is confirmed.",
    CHECKED_IN="The guests have arrived.",
    COMPLETED="The booking took place.",
    CANCELLED="The booking was cancelled. Its time is free.",
    NO_SHOW="Nobody came. Its remaining time is free.",
    EXPIRED="The hold expired before it became a booking, or the venue didn't confirm the booking "
    "in time. Its time is free.",
    REJECTED="The venue rejected the booking. Its time is free.",
)
describe(
    BookingOrderField,
    "The fields by which bookings can be sorted.",
    STARTS_AT="The start of the booking.",
    CREATED_AT="The time at which the booking was made.",
    UPDATED_AT="The time at which the booking last changed.",
)
describe(
    CancellationRefund,
    "How much of the payments a cancellation refunds.",
    FULL="Refund everything.",
    POLICY="Refund what the booking's cancellation policy currently gives back.",
    NONE="Refund nothing.",
)
input_type(
    StatusFilter,
    "A filter by current status: an expired hold counts as EXPIRED. A status must match "
    "all fields that are given.",
    name="StatusFilter",
    nulls=False,
    eq="Match exactly this status.",
    in_="Match any of these statuses.",
    not_in="Match all statuses except these.",
)
input_type(
    BookingFilter,
    "Which bookings to return. Bookings must match all fields that are given.",
    name="BookingFilter",
    overlaps="Match bookings that overlap this period.",
    starts_at="Match bookings that start in this period.",
    updated_at="Match bookings that last changed in this period.",
    room_id="Match bookings that have one of these rooms, alone or with others.",
    customer_id="Match bookings of these customers. Requires `customers:read`.",
    status="Match bookings with these statuses.",
    search="Match bookings whose reference, customer name, e-mail address or phone number "
    "contains this text. Case and accents are ignored, and so is the dash of a reference. "
    "Only fields that the caller can read are searched. At most 100 characters.",
)
input_type(
    BookingOrder,
    "A field to sort bookings by, and the direction.",
    name="BookingOrder",
    field="The field to sort by.",
    direction="The direction to sort in: ascending by default.",
)


describe(
    ConflictPolicy,
    "What happens to a series of which some occurrences can't be booked.",
    FAIL_ALL="Nothing is booked; the refusal lists all conflicts.",
    SKIP_CONFLICTS="The other occurrences are booked, at least one; `skipped` lists the conflicts.",
)
describe(
    SeriesScope,
    "Which bookings of a series a change is about.",
    THIS="Only this booking.",
    THIS_AND_FOLLOWING="This booking and those that come after it by the rule.",
    ALL="All bookings that haven't begun.",
)
input_type(
    Recurrence,
    "How a booking repeats, at the same local time.",
    name="RecurrenceInput",
    rrule="The rule, which ends and must include the first date; see `previewRecurrence`.",
    except_dates="Local dates of the rule to leave out: at most 100.",
    conflict_policy="What happens if some occurrences can't be booked.",
)


@value(Period)
class LocalPeriod:
    """The start and end of a booking in the venue's local time."""

    time_zone: TimeZone = column("The time zone of the venue.")
    start: str = column("The local start, as 'YYYY-MM-DDTHH:MM'.")
    end: str = column("The local end, as 'YYYY-MM-DDTHH:MM'.")
    utc_offset_start: str = column("The UTC offset at the start, such as '-05:00'.")
    utc_offset_end: str = column("The UTC offset at the end, such as '-05:00'.")


@node(models.Booking, visible=booking_access.visible_bookings, requires=P.BOOKINGS_READ)
class Booking(Node):
    """A booking or hold of a room for a period."""

    reference: str = column("A short code for people, unique in the tenant. It never changes.")
    version: int = column(
        "The version of the booking. It increases with every change; pass it "
        "to mutations that change the booking."
    )
    status: Status = computed(booking_access.status, sql=sql_fields.status)
    allowed_transitions: list[Status] = computed(reading.transitions)
    room: Room = related("The booked room; the first one, if there are several.")
    rooms: list[Room] = computed(reading.rooms, cost=Cost(1, size=lambda _: 2))
    customer: Customer | None = related(
        "The customer that the booking is for, or null if a hold has none yet.",
        requires=P.CUSTOMERS_READ,
    )
    contact_name: str | None = column(
        "The name given for this booking, if it differs from the customer's name; otherwise null.",
        requires=P.CUSTOMERS_READ,
    )
    contact_phone: str | None = column(
        "The phone number given for this booking, if it differs from the customer's; "
        "otherwise null.",
        requires=P.CUSTOMERS_CONTACT,
    )
    starts_at: datetime = column("When the booking starts.")
    ends_at: datetime = column("When the booking ends.")
    local: LocalPeriod = computed(reading.local, sql=sql_fields.local)
    hold_expires_at: datetime | None = column("When the hold expires, or null if it is not a hold.")
    approval_expires_at: datetime | None = column(
        "Until when the venue can confirm the booking, or null if it isn't PENDING. After that "
        "it expires, and everything that was paid is refunded."
    )
    release_at: datetime | None = column(
        "When the booking becomes a NO_SHOW if nobody has checked in until then, or null if that "
        "never happens by itself; see `TenantSettings.autoReleaseMinutes`."
    )
    party_size: int = column("The number of people.")
    seats: int | None = column(
        "The number of seats that it takes, one for each person, or null if it takes the whole "
        "room.",
        sql=sql_fields.seats,
    )
    note: str | None = column(
        "A note for the venue, or null if there is none.", requires=P.BOOKINGS_READ
    )
    price: PriceBreakdown | None = column(
        "The price, which was fixed when the time was held or booked. Null if the room "
        "had no price.",
        requires=P.PRICES_READ,
        name="breakdown",
        sql=sql_fields.breakdown,
    )
    created_at: datetime = column("When the booking was made or the time was held.")
    updated_at: datetime = column("When the booking last changed.")
    history: Connection[BookingChange] | None = connection(
        log.history, requires=P.BOOKINGS_HISTORY, under=col(LogEntry.subject_id)
    )


async def _event_cursor(scope: Scope, _: View) -> str:
    """Pass it as `after` to `bookingChanged` to receive all later changes.

    Some changes may already be in this list: compare `version`.
    """
    return await log_position.event_cursor(scope)


@strawberry.type(description="One page of a list of bookings.")
class BookingConnection(Connection[Booking]):
    event_cursor: EventCursor = computed(
        _event_cursor,
        "Pass it as `after` to `bookingChanged` to receive all later changes. Some may "
        "already be in this list: compare `version`. Compare cursors only for equality.",
        sql=log_fields.event_cursor,
    )


@strawberry.type
class BookingQueries:
    booking: Booking | None = query(reading.booking, requires=P.BOOKINGS_READ)
    bookings: BookingConnection | None = connection(reading.bookings, requires=P.BOOKINGS_READ)


@payload
class HoldBookingPayload:
    """The result of `holdBooking`."""

    booking: Booking | None
    replayed: bool


@payload
class CreateBookingPayload:
    """The result of `createBooking`."""

    booking: Booking | None
    replayed: bool


@payload
class ConfirmBookingPayload:
    """The result of `confirmBooking`."""

    booking: Booking | None


@payload
class RejectBookingPayload:
    """The result of `rejectBooking`."""

    booking: Booking | None


@payload
class UpdateBookingPayload:
    """The result of `updateBooking`."""

    booking: Booking | None


async def first_booking(_: Scope, answer: Any) -> models.Booking | None:
    """The booking, or null if the mutation was refused; see `userErrors`."""
    return answer.bookings[0] if answer.bookings else None


@payload
class CancelBookingPayload:
    """The result of `cancelBooking`."""

    booking: Booking | None = computed(first_booking)
    bookings: list[Booking] = column(
        "All cancelled bookings, this one first; empty if the mutation was refused."
    )
    replayed: bool


@payload
class CheckInBookingPayload:
    """The result of `checkInBooking`."""

    booking: Booking | None


@payload
class CompleteBookingPayload:
    """The result of `completeBooking`."""

    booking: Booking | None


@payload
class MarkNoShowPayload:
    """The result of `markNoShow`."""

    booking: Booking | None


@strawberry.type
class BookingMutations:
    hold_booking: HoldBookingPayload | None = mutation(
        bookings.hold_booking,
        requires=P.BOOKINGS_WRITE,
        emits=[E.BOOKING_HELD],
        idempotent=True,
        at_once=True,
        dry_run=True,
    )
    create_booking: CreateBookingPayload | None = mutation(
        bookings.create_booking,
        requires=P.BOOKINGS_WRITE,
        emits=[E.BOOKING_CREATED, E.BOOKING_HELD, E.PAYMENT_REQUESTED],
        idempotent=True,
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    confirm_booking: ConfirmBookingPayload | None = mutation(
        transitions.confirm_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CONFIRMED, E.BOOKING_CANCELLED],
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    reject_booking: RejectBookingPayload | None = mutation(
        transitions.reject_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_REJECTED, E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        wrapped=False,
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    update_booking: UpdateBookingPayload | None = mutation(
        edits.update_booking,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_UPDATED, E.BOOKING_CANCELLED],
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    cancel_booking: CancelBookingPayload | None = mutation(
        transitions.cancel_booking,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        idempotent=True,
        input_required=False,
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    check_in_booking: CheckInBookingPayload | None = mutation(
        transitions.check_in_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CHECKED_IN, E.BOOKING_CANCELLED],
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    complete_booking: CompleteBookingPayload | None = mutation(
        transitions.complete_booking,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_COMPLETED, E.BOOKING_CANCELLED],
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
    mark_no_show: MarkNoShowPayload | None = mutation(
        transitions.mark_no_show,
        requires=P.BOOKINGS_MANAGE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_NO_SHOW, E.BOOKING_CANCELLED],
        input_required=False,
        at_once=True,
        dry_run=True,
        then=follow_up,
    )
