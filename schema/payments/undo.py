"""The last change of a booking, taken back."""

from datetime import datetime

import strawberry

from domain.bookings.refusals import UndoTooLate
from domain.core.log_events import EventType as E
from permissions.roles import P
from resolvers.payments import undo
from schema.bookings.bookings import Booking
from schema.core.fields import column
from schema.core.mutations import follow_up, mutation, payload
from schema.core.user_errors import UserError, shows


@shows(UndoTooLate)
class UndoTooLateError(UserError):
    """It is too late to take the last change back: that is possible for 5 minutes."""

    undoable_until: datetime = column("Until when the change could be taken back.")


@payload
class UndoChangePayload:
    """The result of `undoChange`."""

    booking: Booking | None


@strawberry.type
class UndoMutations:
    undo_change: UndoChangePayload | None = mutation(
        undo.undo_change,
        requires=P.BOOKINGS_WRITE,
        finds_by=P.BOOKINGS_READ,
        emits=[E.BOOKING_UPDATED, E.BOOKING_RESCHEDULED, E.BOOKING_CANCELLED, E.REFUND_REQUESTED],
        wrapped=False,
        dry_run=True,
        then=follow_up,
    )
