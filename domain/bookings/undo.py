"""Which changes of a booking can be taken back, and until when."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.bookings.lifecycle import OCCUPYING, Status, effective_status
from domain.bookings.refusals import NothingToUndo, UndoTooLate
from domain.core.log_events import EventType
from domain.core.refusals import Refusal

UNDO_FOR: Final = timedelta(minutes=5)

MANAGED: Final = frozenset(
    {
        EventType.BOOKING_CONFIRMED,
        EventType.BOOKING_REJECTED,
        EventType.BOOKING_CHECKED_IN,
        EventType.BOOKING_COMPLETED,
        EventType.BOOKING_NO_SHOW,
    }
)
"""Changes that only the venue's team makes, and takes back."""

UNDOABLE: Final = MANAGED | {
    EventType.BOOKING_UPDATED,
    EventType.BOOKING_RESCHEDULED,
    EventType.BOOKING_EXTENDED,
    EventType.BOOKING_CANCELLED,
}

FOLLOWING: Final = frozenset(
    {EventType.REFUND_REQUESTED, EventType.REFUND_SENT, EventType.REFUND_FAILED}
)
"""What a change brings about, and isn't taken back with it."""

_SETTLED: Final = frozenset({EventType.BOOKING_COMPLETED, EventType.BOOKING_NO_SHOW})
_AS_MADE: Final = frozenset({EventType.BOOKING_CREATED, EventType.BOOKING_HELD})


def undo_refusal(
    event: EventType | None,
    changed_at: datetime,
    *,
    has_terms: bool,
    zone: ZoneInfo,
    now: datetime,
) -> Refusal | None:
    """Returns why the last change of a booking can't be taken back, whatever it was before.

    ``has_terms``: it is paid by the venue's terms, which a booking that took place has settled.
    """
    if event is None or event in _AS_MADE:
        return NothingToUndo("Nothing has changed since the booking was made: cancel it instead.")
    if event not in UNDOABLE:
        return NothingToUndo("The last change of this booking can't be taken back.")
    if has_terms and event in _SETTLED:
        return NothingToUndo("The payments of this booking are settled.")
    until = changed_at + UNDO_FOR
    return UndoTooLate(until, zone) if now > until else None


def state_refusal(
    before: Status, hold_expires_at: datetime | None, after: Status, *, now: datetime
) -> Refusal | None:
    """Returns why a booking can't become again what it was ``before``."""
    if effective_status(before, hold_expires_at, now) is Status.EXPIRED:
        return NothingToUndo("The hold would have ended by now: choose a time again.")
    if before not in OCCUPYING and after in OCCUPYING:
        return NothingToUndo("An undone end isn't done again: cancel the booking instead.")
    return None
