"""The waitlist: who waits for a time, and what is offered to them."""

from datetime import date, datetime

import strawberry

import models
from domain.bookings.waitlist import WaitlistDates as Dates
from domain.bookings.waitlist import WaitlistStatus
from domain.core.local_time import LocalTime
from domain.core.log_events import EventType as E
from kit.operation_context import Operation
from models.bookings.waitlist import WaitlistFilter
from permissions.roles import P
from resolvers.bookings import waitlist
from schema.bookings.bookings import Booking
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, related, value
from schema.core.inputs import input_type
from schema.core.mutations import follow_up, mutation, payload
from schema.customers.customers import Customer
from schema.venue.rooms import Room

describe(
    WaitlistStatus,
    "The status of an entry of the waitlist. Expect values to be added.",
    name="WaitlistStatus",
    WAITING="No time has become free yet.",
    OFFERED="A time is held for the customer until `offerExpiresAt`.",
    ACCEPTED="The customer booked the time that was offered.",
    DECLINED="The customer declined the time that was offered.",
    EXPIRED="The offer wasn't accepted in time, or the wanted time passed.",
    LEFT="The customer left the waitlist.",
)
input_type(
    Dates,
    "Dates, and the local times between which a booking lies on one of them.",
    name="WaitlistDatesInput",
    first="The first date.",
    last="The last date: at most 89 days after the first.",
    earliest="When the booking may start at the earliest; '00:00' by default.",
    latest="When the booking has to end at the latest; '24:00' by default.",
)
input_type(
    WaitlistFilter,
    "Which entries to return. Entries must match all fields that are given.",
    name="WaitlistFilter",
    statuses="Match entries with any of these statuses.",
    customer_id="Match entries of these customers. Requires `customers:read`.",
)


@value(Dates)
class WaitlistDates:
    """Dates, and the local times between which a booking lies on one of them."""

    first: date = column("The first date.")
    last: date = column("The last date.")
    earliest: LocalTime | None = column(
        "When the booking may start at the earliest, or null for any time."
    )
    latest: LocalTime | None = column(
        "When the booking has to end at the latest, or null for any time."
    )


@node(models.WaitlistEntry, visible=waitlist.visible_entries, requires=P.BOOKINGS_READ)
class WaitlistEntry(Node):
    """A customer who waits for a time that isn't free."""

    status: WaitlistStatus = column("The status of the entry.")
    position: int | None = computed(waitlist.position)
    customer: Customer | None = related("The customer who waits.", requires=P.CUSTOMERS_READ)
    starts_at: datetime | None = column(
        "The start that is waited for, or null if `dates` are given."
    )
    dates: WaitlistDates | None = computed(waitlist.dates)
    duration_minutes: int = column("The duration of the booking in minutes.")
    party_size: int = column("The number of people.")
    rooms: list[Room] | None = computed(waitlist.rooms)
    booking: Booking | None = computed(waitlist.booking)
    offer_expires_at: datetime | None = column(
        "Until when the offer can or could be accepted; null without an offer."
    )
    created_at: datetime = column("When the customer joined.")
    updated_at: datetime = column("When the entry last changed.")


@strawberry.type(description="One page of a list of entries of the waitlist.")
class WaitlistConnection(Connection[WaitlistEntry]):
    pass


@strawberry.type
class WaitlistQueries:
    waitlist: WaitlistConnection | None = connection(waitlist.waitlist, requires=P.BOOKINGS_READ)


@payload
class JoinWaitlistPayload:
    """The result of `joinWaitlist`."""

    entry: WaitlistEntry | None
    replayed: bool


@payload
class LeaveWaitlistPayload:
    """The result of `leaveWaitlist`."""

    entry: WaitlistEntry | None


@payload
class AcceptWaitlistOfferPayload:
    """The result of `acceptWaitlistOffer`."""

    entry: WaitlistEntry | None
    replayed: bool


@payload
class DeclineWaitlistOfferPayload:
    """The result of `declineWaitlistOffer`."""

    entry: WaitlistEntry | None


async def _follow_up_booking(operation: Operation, entry: models.WaitlistEntry) -> None:
    """Runs the follow-ups of later areas for the booking of an accepted offer."""
    booking = await operation.scope.loaders.related(entry, "hold")
    await operation.release()
    await follow_up(operation, booking)


@strawberry.type
class WaitlistMutations:
    join_waitlist: JoinWaitlistPayload | None = mutation(
        waitlist.join_waitlist,
        requires=P.BOOKINGS_WRITE,
        emits=[E.WAITLIST_JOINED],
        dry_run=True,
        idempotent=True,
    )
    leave_waitlist: LeaveWaitlistPayload | None = mutation(
        waitlist.leave_waitlist,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.WAITLIST_LEFT, E.BOOKING_CANCELLED],
        dry_run=True,
    )
    accept_waitlist_offer: AcceptWaitlistOfferPayload | None = mutation(
        waitlist.accept_waitlist_offer,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CREATED, E.WAITLIST_ACCEPTED, E.PAYMENT_REQUESTED],
        idempotent=True,
        input_required=False,
        dry_run=True,
        then=_follow_up_booking,
    )
    decline_waitlist_offer: DeclineWaitlistOfferPayload | None = mutation(
        waitlist.decline_waitlist_offer,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.WAITLIST_DECLINED, E.BOOKING_CANCELLED],
        dry_run=True,
    )
