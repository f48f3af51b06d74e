"""Live: what happens, as it happens."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.events import EventType
from kit.cursors import EventCursor
from permissions.roles import P
from schema.bookings import Booking
from schema.fields import column, subscription, value
from subscriptions import bookings, following


@value(bookings.BookingChanged)
class BookingChanged:
    """A booking changed. `booking` is its present state, not its state at the event."""

    cursor: EventCursor = column("Subscribe after it to go on from here.")
    type: EventType = column("What happened.")
    at: datetime = column("When it happened.")
    booking: Booking = column("As it is now, which may be after later events.")


@value(following.ResyncRequired)
class ResyncRequired:
    """Some events can't be sent: refetch, then go on from this cursor.

    The server can't replay from `after` (too old, unknown), or the client fell behind. The
    subscription goes on by itself.
    """

    cursor: EventCursor = column("Events after it follow; a refetch shows all before it.")
    reason: str = column("Why, for people.")


BookingEvent = Annotated[
    BookingChanged | ResyncRequired,
    strawberry.union("BookingEvent", description="A change of a booking, or word of a gap."),
]


@strawberry.type
class BookingSubscriptions:
    booking_changed: BookingEvent = subscription(bookings.booking_changed, requires=P.BOOKINGS_READ)
