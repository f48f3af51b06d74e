"""Live: what happens, as it happens."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.core.log_events import EventType
from kit.events.event_cursors import EventCursor
from kit.graphql.cost import Cost
from permissions.roles import P
from schema.bookings.availability import Slot, SlotKey, rooms_times_days
from schema.bookings.bookings import Booking
from schema.core.fields import column, id_column, subscription, value
from subscriptions import availability_changes, booking_changes, log_replay


@value(booking_changes.BookingChanged)
class BookingChanged:
    """A booking changed. `booking` is its present state, not its state at the event."""

    cursor: EventCursor = column("Subscribe after it to go on from here.")
    type: EventType = column("What happened.")
    at: datetime = column("When it happened.")
    booking: Booking = column("As it is now, which may be after later events.")


@value(booking_changes.BookingRemoved)
class BookingRemoved:
    """A booking that was yours isn't any more: drop it, if you have it.

    It was given to somebody else, or was held before your address was verified and is held no more.
    """

    cursor: EventCursor = column("Subscribe after it to go on from here.")
    at: datetime = column("When it happened.")
    booking_id: strawberry.ID = id_column("Booking", "The booking to drop.")


@value(log_replay.ResyncRequired)
class ResyncRequired:
    """Some events can't be sent: refetch, then go on from this cursor.

    The server can't replay from `after` (too old, unknown, from before your rights changed), or the
    client fell behind. The subscription goes on by itself.
    """

    cursor: EventCursor = column("Events after it follow; a refetch shows all before it.")
    reason: str = column("Why, for people.")


BookingEvent = Annotated[
    BookingChanged | BookingRemoved | ResyncRequired,
    strawberry.union(
        "BookingEvent", description="A change of a booking, its removal, or word of a gap."
    ),
]


@value(availability_changes.AvailabilityDelta)
class AvailabilityDelta:
    """Slots are otherwise than they were; some may be told again that are not.

    Slots are told apart by their room and start.
    """

    cursor: EventCursor = column("Subscribe after it to go on from here.")
    upserted: list[Slot] = column("Put these in the place of what you have of them, or add them.")
    removed: list[SlotKey] = column("Drop these, if you have them.")


AvailabilityEvent = Annotated[
    AvailabilityDelta | ResyncRequired,
    strawberry.union(
        "AvailabilityEvent", description="What to change in an Availability, or word of a gap."
    ),
]


@strawberry.type
class AvailabilitySubscriptions:
    availability_changed: AvailabilityEvent = subscription(
        availability_changes.availability_changed,
        requires=P.AVAILABILITY_READ,
        cost=Cost(1, size=rooms_times_days),
    )


@strawberry.type
class BookingSubscriptions:
    booking_changed: BookingEvent = subscription(
        booking_changes.booking_changed, requires=P.BOOKINGS_READ
    )
