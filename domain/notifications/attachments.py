"""Which notifications have a calendar entry, and what it shows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from domain.notifications.calendar_entries import (
    Entry,
    Person,
    cancellation,
    request,
    series_cancellation,
    series_request,
)
from domain.notifications.content import CalendarAttachment
from domain.notifications.facts import BookingFacts, place
from domain.notifications.kinds import NotificationKind
from domain.notifications.product_texts import labels
from domain.notifications.variables import Variable

_ADDED: Final = frozenset(
    {
        NotificationKind.BOOKING_REQUESTED,
        NotificationKind.BOOKING_CONFIRMED,
        NotificationKind.BOOKING_CHANGED,
    }
)
_REMOVED: Final = frozenset({NotificationKind.BOOKING_CANCELLED, NotificationKind.BOOKING_REJECTED})
WITH_CALENDAR: Final = _ADDED | _REMOVED
"""The kinds whose mails have a calendar entry."""
NOBODY: Final = "no-reply@localhost.test"
"""The organizer of venues that can't be answered; an entry without one is no invitation."""


def calendar_attachment(
    kind: NotificationKind,
    booking: BookingFacts,
    *,
    language: str,
    values: Mapping[Variable, str],
    organizer: str | None,
) -> CalendarAttachment | None:
    """Returns the calendar entry of a mail, or None for kinds that have none.

    Of a series it has all bookings, since calendars keep a series as one entry.
    """
    if kind not in WITH_CALENDAR:
        return None
    words, venue, series = labels(language), values[Variable.VENUE], booking.series
    entry = Entry(
        booking.id,
        booking.version - 1,
        booking.changed_at,
        summary=venue,
        location=place(booking.rooms, venue),
        description=f"{words['reference']}: {booking.reference}\n"
        f"{words['guests']}: {booking.party_size}",
        url=values.get(Variable.MANAGE_LINK, ""),
        organizer=Person(venue, organizer or NOBODY),
        attendee=Person(booking.customer, booking.email) if booking.email else None,
        is_certain=kind is not NotificationKind.BOOKING_REQUESTED,
    )
    if series is None:
        return request(entry, booking.time) if kind in _ADDED else cancellation(entry, booking.time)
    entry = replace(
        entry,
        id=series.id,
        sequence=series.sequence,
        changed_at=series.changed_at,
        description=f"{words['guests']}: {booking.party_size}",
    )
    if kind in _ADDED:
        return series_request(entry, series.series)
    # Once nothing is left of a series, all of its entry goes.
    return series_cancellation(
        entry, series.series, series.this if series.series.bookings else None
    )
