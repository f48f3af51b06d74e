"""Which entries of the log cause which notifications."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from domain.bookings.lifecycle import Status
from domain.core.log_events import EventType, LoggedEvent
from domain.notifications.kinds import NotificationKind as Kind

STAFF_KINDS: Final = frozenset(each for each in Kind if each.startswith("STAFF_"))
"""The kinds for the venue's team; all others are for a customer."""
REVIEW_AFTER: Final = timedelta(hours=2)
"""How long after its end a customer is asked about a booking."""

_ALWAYS: Final[Mapping[EventType, tuple[Kind, ...]]] = {
    EventType.BOOKING_CONFIRMED: (Kind.BOOKING_CONFIRMED,),
    EventType.BOOKING_REJECTED: (Kind.BOOKING_REJECTED,),
    EventType.BOOKING_RESCHEDULED: (Kind.BOOKING_CHANGED,),
    EventType.BOOKING_EXTENDED: (Kind.BOOKING_CHANGED,),
    EventType.BOOKING_COMPLETED: (Kind.REVIEW_ASKED,),
    EventType.PAYMENT_RECEIVED: (Kind.PAYMENT_RECEIVED,),
    EventType.PAYMENT_FAILED: (Kind.PAYMENT_FAILED,),
    EventType.REFUND_SENT: (Kind.REFUNDED,),
    EventType.WAITLIST_OFFERED: (Kind.WAITLIST_OFFERED,),
}
NOTIFYING: Final = frozenset(_ALWAYS) | {
    EventType.BOOKING_CREATED,
    EventType.BOOKING_CANCELLED,
    EventType.BOOKING_EXPIRED,
}
"""The events that may cause notifications."""
_BOOKED: Final = frozenset({Status.PENDING, Status.CONFIRMED, Status.CHECKED_IN})


def kinds_of(event: LoggedEvent) -> tuple[Kind, ...]:
    """Returns the kinds of notifications that an entry of the log causes.

    None for holds that end, as nobody was told of them, nor for what an import did that was to send
    no messages.
    """
    if (event.after or {}).get("silent"):
        return ()
    match event.type:
        case EventType.BOOKING_CREATED:
            is_pending = _status(event.after) is Status.PENDING
            told = Kind.BOOKING_REQUESTED if is_pending else Kind.BOOKING_CONFIRMED
            return (told, Kind.STAFF_BOOKING_CREATED)
        case EventType.BOOKING_CANCELLED if _status(event.before) in _BOOKED:
            return (Kind.BOOKING_CANCELLED, Kind.STAFF_BOOKING_CANCELLED)
        case EventType.BOOKING_EXPIRED if _status(event.before) is Status.PENDING:
            return (Kind.BOOKING_REJECTED,)
        case _:
            return _ALWAYS.get(event.type, ())


def _status(fields: Mapping[str, object] | None) -> Status | None:
    value = (fields or {}).get("status")
    return None if value is None else Status(str(value))
