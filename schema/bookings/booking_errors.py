"""What refuses a booking or its change, beyond what any mutation can be refused for."""

from datetime import datetime

from domain.bookings.refusals import (
    BookingsDontFit,
    CancellationTooLate,
    ChangeTooLate,
    CheckInNotOpen,
    SlotTaken,
    SlotUnavailable,
)
from resolvers.bookings import availability
from schema.bookings.availability import BusyInterval, Slot, SlotReason
from schema.core.fields import column, computed
from schema.core.user_errors import UserError, shows


@shows(SlotTaken)
class SlotConflictError(UserError):
    """Another booking occupies the time, or is too close. The error suggests alternatives."""

    conflicts: list[BusyInterval] = column("The occupied periods that conflict with the request.")
    remaining_seats: int | None = column(
        "How many seats are left at the time, or null if the room is booked as a whole."
    )
    alternatives: list[Slot] = computed(availability.alternatives_to)


@shows(BookingsDontFit)
class BookingsDontFitError(UserError):
    """Bookings that stand don't fit into the room as it is to be."""

    conflicts: list[BusyInterval] = column(
        "When the room is booked by those that don't fit: the first 100."
    )


@shows(SlotUnavailable)
class SlotUnavailableError(UserError):
    """The opening hours, a blackout or a booking rule of the venue exclude the time."""

    reasons: list[SlotReason] = column(
        "Why the time is excluded: the same reasons as `explainSlot` returns."
    )


@shows(ChangeTooLate, CancellationTooLate)
class ChangeTooLateError(UserError):
    """It is too late for the customer to move or cancel the booking. The venue still can."""

    until: datetime | None = column(
        "Until when the customer could move or cancel it, or null if they never could."
    )


@shows(CheckInNotOpen)
class CheckInNotOpenError(UserError):
    """It is too early to check the booking in."""

    opens_at: datetime = column("When checking in opens.")
