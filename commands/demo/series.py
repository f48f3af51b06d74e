"""A weekly series of a demo venue, at the first time that is free on all of its dates."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Final

from sqlalchemy.dialects.postgresql import Range

from commands.demo.bookings import Calendar
from commands.demo.history import History, id_made_at
from domain.accounts.users import Role
from domain.bookings.lifecycle import OCCUPYING, REFERENCE_BYTES, Status, reference
from domain.bookings.pricing import price_of
from domain.bookings.recurrence import Frequency, RecurrenceRule, occurrences
from domain.core.intervals import Interval, first_overlap, merge
from domain.core.log_events import EventType
from models.bookings.bookings import Booking, price_columns
from models.bookings.series import BookingSeries
from models.customers.customers import Customer
from models.venue.rooms import Room

_RULE: Final = RecurrenceRule(Frequency.WEEKLY, count=4)
_MINUTES: Final = 60
_BOOKED_AGO: Final = timedelta(days=9)


def weekly_series(
    history: History,
    calendar: Calendar,
    room: Room,
    customer: Customer,
    *,
    booked: Sequence[Booking],
) -> tuple[BookingSeries, list[Booking]] | None:
    """Returns a series of a room with its bookings; None if no time is free on all dates."""
    in_room = (each for each in booked if each.room_id == room.id and each.status in OCCUPYING)
    taken = merge(_occupied(room, Interval(each.starts_at, each.ends_at)) for each in in_room)
    times = next(_free(history, calendar, room, taken), None)
    if times is None:
        return None
    dice = Random(f"{history.venue.subdomain} series")  # noqa: S311 - reproducible
    at = history.now - _BOOKED_AGO
    series = BookingSeries(
        tenant_id=history.tenant_id,
        id=id_made_at(at, dice),
        rrule=str(_RULE),
        time_zone=history.venue.time_zone,
        starts_at=times[0].start,
        except_dates=[],
        skipped=[],
        room_id=room.id,
        customer_id=customer.id,
        duration_minutes=_MINUTES,
        party_size=1,
        created_at=at,
        updated_at=at,
    )
    bookings = []
    for time in times:
        price, occupied = price_of(room.hourly_rate, time, label=room.name), _occupied(room, time)
        booking = Booking(
            tenant_id=history.tenant_id,
            id=id_made_at(at, dice),
            reference=reference(dice.randbytes(REFERENCE_BYTES)),
            room_id=room.id,
            customer_id=customer.id,
            held_by_id=history.users[Role.STAFF].id,
            status=Status.CONFIRMED.value,
            starts_at=time.start,
            ends_at=time.end,
            occupied=Range(occupied.start, occupied.end),
            **price_columns(price),
            currency_code=room.currency_code,
            series_id=series.id,
            original_starts_at=time.start,
            created_at=at,
            updated_at=at,
        )
        history.created(EventType.BOOKING_CREATED, booking, at=at, by=Role.STAFF)
        bookings.append(booking)
    return series, bookings


def _free(
    history: History, calendar: Calendar, room: Room, taken: Sequence[Interval]
) -> Iterator[list[Interval]]:
    """Yields the times of a series that starts within the next week, if all of them are free."""
    today = history.now.astimezone(calendar.zone).date()
    for day in range(1, 8):
        for opened in calendar.hours_of(today + timedelta(days=day)):
            for hour in range((opened.end - opened.start) // timedelta(hours=1)):
                starts_at = opened.start + timedelta(hours=hour)
                found = occurrences(_RULE, starts_at, calendar.zone)
                times = [Interval.of_minutes(each.starts_at, _MINUTES) for each in found]
                if all(_is_free(calendar, room, taken, each) for each in times):
                    yield times


def _is_free(calendar: Calendar, room: Room, taken: Sequence[Interval], time: Interval) -> bool:
    days = (time.start.astimezone(calendar.zone).date() - timedelta(days=n) for n in (0, 1))
    return (
        any(opened.contains(time) for day in days for opened in calendar.hours_of(day))
        and not first_overlap(taken, _occupied(room, time))
        and not first_overlap(calendar.blackouts[room.id], time)
    )


def _occupied(room: Room, time: Interval) -> Interval:
    return time.padded(
        before_minutes=room.buffer_before_minutes, after_minutes=room.buffer_after_minutes
    )
