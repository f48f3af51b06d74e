"""What notifications tell of a booking, and the values that variables have for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.core.formatting import unlinked
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.notifications.calendar_entries import Series, SeriesBooking
from domain.notifications.variables import Variable
from domain.notifications.wording import Wording, duration


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """The series of a booking, as its customer's calendar shows it; ``this`` is the booking.

    ``sequence`` and ``changed_at`` rise with each change of the series or of one of its bookings.
    """

    id: UUID
    sequence: int
    changed_at: datetime
    series: Series
    this: SeriesBooking


@dataclass(frozen=True, slots=True)
class BookingFacts:
    """What is told of a booking; ``due`` is None if nothing is to be paid any more.

    ``series`` is None also where it isn't told of.
    """

    id: UUID
    version: int
    changed_at: datetime
    time: Interval
    rooms: tuple[str, ...]
    party_size: int
    reference: str
    customer: str
    email: str | None = None
    price: Money | None = None
    due: Money | None = None
    series: SeriesFacts | None = None


def place(rooms: Iterable[str], venue: str) -> str:
    """Returns where a booking takes place, for calendars."""
    return ", ".join(map(unlinked, (*rooms, venue)))


def values_of(
    venue: str,
    booking: BookingFacts | None,
    wording: Wording,
    *,
    recipient_name: str,
    manage_link: str,
    details: Mapping[str, Any],
) -> dict[Variable, str]:
    """Returns the values of all variables; those that a kind doesn't have may be missing.

    ``details`` are those of ``resolvers.notifications.rendering.render``. What people have typed
    can't contain links or line breaks.
    """
    name = unlinked(recipient_name)
    values = {
        Variable.VENUE: unlinked(venue),
        Variable.NAME: name,
        Variable.FIRST_NAME: name.split(" ")[0],
        Variable.MANAGE_LINK: manage_link,
    }
    if booking is not None:
        values |= _of_booking(booking, wording)
    return values | _of_details(details, wording)


def _of_booking(booking: BookingFacts, wording: Wording) -> dict[Variable, str]:
    time, price, due = booking.time, booking.price, booking.due
    return {
        Variable.CUSTOMER: unlinked(booking.customer),
        Variable.ROOMS: ", ".join(map(unlinked, booking.rooms)),
        Variable.DATE: wording.date(time.start),
        Variable.TIME: wording.time(time),
        Variable.DURATION: duration((time.end - time.start) // timedelta(minutes=1)),
        Variable.GUESTS: str(booking.party_size),
        Variable.PRICE: wording.money(price) if price else "",
        Variable.DUE: wording.money(due) if due else "",
        Variable.REFERENCE: booking.reference,
    }


def _of_details(details: Mapping[str, Any], wording: Wording) -> dict[Variable, str]:
    values = {}
    if (amount := details.get("amount")) is not None:
        values[Variable.AMOUNT] = wording.money(amount)
    if (deadline := details.get("deadline")) is not None:
        values[Variable.DEADLINE] = wording.moment(deadline)
    if (code := details.get("code")) is not None:
        values[Variable.CODE] = code
    for name in (Variable.TICKET, Variable.SUBJECT, Variable.MESSAGE, Variable.CUSTOMER):
        if (text := details.get(name.value)) is not None:
            values[name] = text
    if (start := details.get("old_start")) and (end := details.get("old_end")):
        values[Variable.OLD_DATE] = wording.date(start)
        values[Variable.OLD_TIME] = wording.time(_interval(start, end))
    if (day := details.get("date")) is not None:
        values[Variable.DATE] = wording.date(day)
    if (bookings := details.get("bookings")) is not None:
        values[Variable.COUNT] = str(len(bookings))
        values[Variable.BOOKINGS] = wording.digest(bookings)
    return values


def _interval(start: datetime, end: datetime) -> Interval:
    return Interval(start.astimezone(UTC), end.astimezone(UTC))
