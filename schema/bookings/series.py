"""Series of bookings: a rule, and the bookings that it made."""

from datetime import date, datetime
from typing import Any

import strawberry

import models
from domain.bookings.refusals import OccurrenceConflict, SeriesConflict
from domain.core.local_time import RRule, TimeZone
from domain.core.log_events import EventType as E
from kit.scope import Scope
from models.bookings.series import SeriesFilter
from permissions.roles import P
from resolvers.bookings import new_series, reading, series
from schema.bookings.availability import SlotReason
from schema.bookings.bookings import Booking, BookingConnection, CreateBookingPayload
from schema.core.connections import Connection, connection
from schema.core.fields import Node, column, computed, extends, node, query, related, value
from schema.core.inputs import input_type
from schema.core.mutations import follow_up, mutation, payload
from schema.core.user_errors import UserError, shows
from schema.customers.customers import Customer
from schema.venue.rooms import Room

input_type(
    SeriesFilter,
    "Which series to return. Series must match all fields that are given.",
    name="SeriesFilter",
    room_id="Match series of these rooms.",
    customer_id="Match series of these customers. Requires `customers:read`.",
)


@node(models.BookingSeries, visible=series.visible_series, requires=P.BOOKINGS_READ)
class BookingSeries(Node):
    """A booking that repeats by a rule; each of its occurrences is a booking of its own."""

    version: int = column(
        "The version of the series. It increases when its rule or the template of its bookings "
        "changes; pass it to mutations that change the series."
    )
    rrule: RRule = column("The rule in its normal form.")
    time_zone: TimeZone = column("The time zone in which the occurrences keep their local time.")
    starts_at: datetime = column(
        "When the first occurrence starts by the rule, even if that isn't booked."
    )
    duration_minutes: int = column("The duration of an occurrence in minutes.")
    party_size: int = column("The number of people of an occurrence.")
    room: Room = related("The room of the occurrences; one that was moved by itself may differ.")
    customer: Customer | None = related(
        "The customer that the series is for, or null if there is none.",
        requires=P.CUSTOMERS_READ,
    )
    except_dates: list[date] = column("The local dates of the rule that are left out: at most 366.")
    occurrences: BookingConnection = connection(
        reading.bookings_now,
        "The bookings of the series that the caller can see, with every status.",
        under=models.Booking.series_id,
    )


@extends(Booking, after="price")
class BookingInSeries:
    series: BookingSeries | None = related(
        "The series that the booking belongs to, or null if it doesn't repeat."
    )
    original_starts_at: datetime | None = column(
        "When the booking was to start by the rule of its series, even if it has been moved by "
        "itself; null without a series."
    )


@value(OccurrenceConflict)
class SkippedOccurrence:
    """An occurrence of a series that can't be booked."""

    starts_at: datetime = column("When the occurrence would start.")
    reasons: list[SlotReason] = column("Why it can't be booked: the reasons of `explainSlot`.")


@shows(SeriesConflict)
class SeriesConflictError(UserError):
    """Occurrences of a series can't be booked, so the whole change was refused."""

    conflicts: list[SkippedOccurrence] = column(
        "The occurrences that can't be booked, by start: at most 366."
    )


async def _series(scope: Scope, answer: Any) -> models.BookingSeries | None:
    """The series, or null if the booking doesn't repeat or was refused."""
    if answer.booking is None:
        return None
    found: models.BookingSeries | None = await scope.loaders.related(answer.booking, "series")
    return found


async def _skipped(scope: Scope, answer: Any) -> list[OccurrenceConflict]:
    """The occurrences that were skipped because of conflicts, by start: at most 365."""
    made = await _series(scope, answer)
    return [] if made is None else made.conflicts


@extends(CreateBookingPayload, after="booking")
class CreatedSeries:
    series: BookingSeries | None = computed(_series)
    skipped: list[SkippedOccurrence] = computed(_skipped)


@payload
class AddOccurrencePayload:
    """The result of `addOccurrence`."""

    booking: Booking | None


@strawberry.type
class SeriesMutations:
    add_occurrence: AddOccurrencePayload | None = mutation(
        new_series.add_occurrence,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_CREATED],
        wrapped=False,
        dry_run=True,
        then=follow_up,
    )


@strawberry.type
class SeriesQueries:
    booking_series: Connection[BookingSeries] | None = connection(
        series.booking_series, requires=P.BOOKINGS_READ
    )
    series: BookingSeries | None = query(series.series, requires=P.BOOKINGS_READ)
