"""Bookings of the days ahead that show a series, a divided hall and a class with seats.

Each is at the first time that is free for all of it.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import product
from random import Random
from typing import Any, Final

from sqlalchemy.dialects.postgresql import Range

from commands.demo.bookings import Calendar
from commands.demo.history import History, id_made_at
from domain.accounts.users import Role
from domain.bookings.lifecycle import OCCUPYING, REFERENCE_BYTES, Status, reference
from domain.bookings.pricing import Price, PriceLine, price_of
from domain.bookings.recurrence import Frequency, RecurrenceRule, occurrences
from domain.core.intervals import Interval, first_overlap, merge
from domain.core.log_events import EventType
from models.bookings.bookings import Booking
from models.bookings.price_rules import PriceRule
from models.bookings.series import BookingSeries
from models.bookings.stored_prices import price_columns
from models.customers.customers import Customer
from models.venue.rooms import Room

_WEEKLY: Final = RecurrenceRule(Frequency.WEEKLY, count=4)
_MINUTES: Final = 60
_PARTIES: Final = (3, 1, 4)
BOOKED_AGO: Final = timedelta(days=9)


class Upcoming:
    """Makes bookings around those that are ``booked`` already."""

    def __init__(self, history: History, calendar: Calendar, booked: Sequence[Booking]) -> None:
        self._history = history
        self._calendar = calendar
        self._booked = [each for each in booked if each.ends_at > history.now]
        self._dice = Random(f"{history.venue.subdomain} upcoming")  # noqa: S311 - reproducible
        self._at = history.now - BOOKED_AGO

    def weekly_series(
        self, rooms: Sequence[Room], customer: Customer
    ) -> tuple[BookingSeries, list[Booking]] | None:
        """Returns a series in the first room that is free on all its dates, and its bookings."""
        found = ((room, times) for room in rooms for times in self._free(room, _WEEKLY))
        room, times = next(found, (None, []))
        if room is None:
            return None
        series = BookingSeries(
            tenant_id=self._history.tenant_id,
            id=id_made_at(self._at, self._dice),
            rrule=str(_WEEKLY),
            time_zone=self._history.venue.time_zone,
            starts_at=times[0].start,
            except_dates=[],
            skipped=[],
            room_id=room.id,
            customer_id=customer.id,
            duration_minutes=_MINUTES,
            party_size=1,
            created_at=self._at,
            updated_at=self._at,
        )
        bookings = [
            self._booking(
                room,
                time,
                customer,
                price_of(room.hourly_rate, time, label=room.name),
                series_id=series.id,
                original_starts_at=time.start,
            )
            for time in times
        ]
        return series, bookings

    def of_a_part(self, whole: Room, part: Room, customer: Customer) -> list[Booking]:
        """Returns a booking of a part, at a time at which the whole room is free."""
        times = next(self._free(whole), [])
        return [
            self._booking(part, time, customer, price_of(part.hourly_rate, time, label=part.name))
            for time in times
        ]

    def of_seats(
        self, room: Room, customers: Sequence[Customer], price: PriceRule
    ) -> Iterator[Booking]:
        """Yields bookings of a class at one time, at a price for each person."""
        times, taken = next(self._free(room), []), 0
        for time, (customer, party) in product(times, zip(customers, _PARTIES, strict=False)):
            seats = [*range(taken, taken := taken + party)]
            line = PriceLine(
                price.label,
                price.amount,
                interval=time,
                minutes=time.minutes,
                unit=price.per,
                each=price.amount,
            )
            yield self._booking(
                *(room, time, customer, Price.of([line]).for_party(party)),
                party_size=party,
                seat_numbers=seats,
            )

    def _booking(
        self, room: Room, time: Interval, customer: Customer, price: Price | None, **given: Any
    ) -> Booking:
        occupied = _occupied(room, time)
        booking = Booking(
            tenant_id=self._history.tenant_id,
            id=id_made_at(self._at, self._dice),
            reference=reference(self._dice.randbytes(REFERENCE_BYTES)),
            room_id=room.id,
            space_ids=room.space_ids,
            customer_id=customer.id,
            held_by_id=self._history.users[Role.STAFF].id,
            status=Status.CONFIRMED.value,
            starts_at=time.start,
            ends_at=time.end,
            occupied=Range(occupied.start, occupied.end),
            **price_columns(price),
            currency_code=room.currency_code,
            created_at=self._at,
            updated_at=self._at,
            **given,
        )
        self._history.created(EventType.BOOKING_CREATED, booking, at=self._at, by=Role.STAFF)
        return booking

    def _free(self, room: Room, rule: RecurrenceRule | None = None) -> Iterator[list[Interval]]:
        """Yields the times that start within the next week, by a rule or once, if all are free."""
        calendar = self._calendar
        taken = merge(
            _occupied(room, Interval(each.starts_at, each.ends_at))
            for each in self._booked
            if each.room_id == room.id and each.status in OCCUPYING
        )
        today = self._history.now.astimezone(calendar.zone).date()
        for day in range(1, 8):
            for opened in calendar.hours_of(today + timedelta(days=day)):
                for hour in range((opened.end - opened.start) // timedelta(hours=1)):
                    starts_at = opened.start + timedelta(hours=hour)
                    starts = [starts_at]
                    if rule is not None:
                        starts = [
                            each.starts_at for each in occurrences(rule, starts_at, calendar.zone)
                        ]
                    times = [Interval.of_minutes(each, _MINUTES) for each in starts]
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
