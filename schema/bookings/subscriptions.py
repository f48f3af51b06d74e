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
    """A change of a booking. The booking is returned in its current state, which may be newer than
    the event."""

    cursor: EventCursor = column("Subscribe with it as `after` to continue after this event.")
    type: EventType = column("The type of the event.")
    at: datetime = column("When it happened.")
    booking: Booking = column("The booking in its current state, which may include later changes.")


@value(booking_changes.BookingRemoved)
class BookingRemoved:
    """A booking that the caller can't see any more: remove it from caches.

    It was given to another customer, or it was a hold that the caller made before verifying their
    e-mail address.
    """

    cursor: EventCursor = column("Subscribe with it as `after` to continue after this event.")
    at: datetime = column("When it happened.")
    booking_id: strawberry.ID = id_column("Booking", "The id of the booking to remove.")


@value(log_replay.ResyncRequired)
class ResyncRequired:
    """Some events can't be delivered: fetch the data again. The subscription continues by itself.

    The cursor given as `after` is too old, unknown or from before the caller's permissions changed,
    or the client was too slow.
    """

    cursor: EventCursor = column(
        "The position from which the subscription continues. Data "
        "fetched from now on includes everything before it."
    )
    reason: str = column("Why events can't be delivered, in English, for a person.")


BookingEvent = Annotated[
    BookingChanged | BookingRemoved | ResyncRequired,
    strawberry.union(
        "BookingEvent",
        description="A change or removal of a booking, or a request to fetch the data again.",
    ),
]


@value(availability_changes.AvailabilityDelta)
class AvailabilityDelta:
    """Changes to a list of slots. Some of the slots may be unchanged.

    Apply them by the key of each slot: its room and its start.
    """

    cursor: EventCursor = column("Subscribe with it as `after` to continue after these changes.")
    upserted: list[Slot] = column("The slots to add, or to replace if they are in the list.")
    removed: list[SlotKey] = column("The slots to remove, if they are in the list.")


AvailabilityEvent = Annotated[
    AvailabilityDelta | ResyncRequired,
    strawberry.union(
        "AvailabilityEvent",
        description="Changes to an Availability, or a request to fetch it again.",
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
