"""Refusals of bookings: the time isn't free, a rule forbids it, or an offer has ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.core.formatting import (
    booked,
    counted,
    listed,
    moment,
    span,
    too_close,
    too_few_seats,
)
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class InvalidTransition(Refusal):
    """The booking can't change from its status to the wanted one, or not now."""

    code = Code.INVALID_TRANSITION
    status: str
    wanted: str
    allowed: tuple[str, ...]
    hint: str | None = None

    def __str__(self) -> str:
        if self.hint:
            return self.hint
        now = self.status.replace("_", " ")
        if not self.allowed:
            return f"The booking is {now} and can't change any more."
        return f"The booking is {now}; it can only become {listed(self.allowed).replace('_', ' ')}."


@dataclass(eq=False)
class CheckInNotOpen(InvalidTransition):
    """The booking can't be checked in yet; ``opens_at`` is when it can."""

    code = Code.CHECK_IN_NOT_OPEN
    opens_at: datetime = field(kw_only=True)
    zone: ZoneInfo = field(kw_only=True)

    def __str__(self) -> str:
        return f"Checking in opens at {moment(self.opens_at, self.zone)}."


@dataclass(frozen=True, slots=True)
class Busy:
    """A booking's time in a room: ``occupied`` is ``interval`` with the booking's own buffers.

    ``seats`` is the set of seats that it takes, where these are booked.
    """

    room_id: RoomId
    booking_id: BookingId
    interval: Interval
    occupied: Interval
    seats: int = 0

    @property
    def starts_at(self) -> datetime:
        return self.interval.start

    @property
    def ends_at(self) -> datetime:
        return self.interval.end


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that refuses a slot.

    ``frees_at`` is the first start, from the wanted one on, that this rule alone would allow;
    for MIN_NOTICE the first on the venue's grid, and for MAX_ADVANCE the instant from which the
    wanted start can be booked. None: never, or not within the time that was searched. ``rule``
    has the rule's numbers, for JSON.
    """

    code: Code
    message: str
    rule: Mapping[str, object] | None = None
    frees_at: datetime | None = None


@dataclass(eq=False)
class SlotTaken(Refusal):
    """Another booking has the time (SLOT_TAKEN) or lies closer than the buffers allow.

    Carries what is needed to find alternatives for the same request: ``together`` are all rooms, if
    several were wanted. ``remaining_seats``: of a room whose seats are booked, how many are free.
    """

    code: Code
    room_id: RoomId
    room_name: str
    wanted: Interval
    party_size: int
    zone: ZoneInfo
    conflicts: tuple[Busy, ...]
    exclude_booking_id: BookingId | None = None
    together: tuple[RoomId, ...] = ()
    remaining_seats: int | None = None

    def __str__(self) -> str:
        if self.remaining_seats is not None:
            return too_few_seats(self.room_name, self.remaining_seats)
        if not self.conflicts:
            return f"{self.room_name} is no longer free {span(self.wanted, self.zone)}."
        if self.code is Code.BUFFER_VIOLATION:
            return too_close(self.room_name, self.conflicts[0].occupied, self.zone)
        return booked(self.room_name, self.conflicts[0].interval, self.zone)


@dataclass(eq=False)
class SlotUnavailable(Refusal):
    """A rule of the venue refuses the time; ``reasons`` are all rules that do."""

    code: Code
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        return next(reason.message for reason in self.reasons if reason.code is self.code)


@dataclass(eq=False)
class BookingsDontFit(Refusal):
    """Bookings that stand don't fit into a room as it is to be.

    ``number`` is how many these are, and ``conflicts`` the first of them.
    """

    code = Code.SLOT_TAKEN
    room_name: str
    conflicts: tuple[Busy, ...]
    number: int
    zone: ZoneInfo

    def __str__(self) -> str:
        first = self.conflicts[0]
        number = counted(self.number, "booking")
        when = span(first.interval, self.zone)
        return f"{number} of {self.room_name} wouldn't fit any more, the first {when}."


@dataclass(frozen=True, slots=True)
class OccurrenceConflict:
    """An occurrence of a series that can't be booked, with every reason."""

    starts_at: datetime
    reasons: tuple[Reason, ...]


@dataclass(eq=False)
class SeriesConflict(Refusal):
    """Occurrences of a series can't be booked, so none is; ``number`` is how many it has."""

    code = Code.SERIES_CONFLICT
    conflicts: tuple[OccurrenceConflict, ...]
    number: int
    zone: ZoneInfo

    def __str__(self) -> str:
        first, refused = self.conflicts[0], len(self.conflicts)
        which = f"{refused} of {counted(self.number, 'occurrence')}"
        return (
            f"{which} can't be booked, the first at {moment(first.starts_at, self.zone)}: "
            f"{first.reasons[0].message}"
        )


@dataclass(eq=False)
class PartsConflict(Refusal):
    """Bookings would overlap if rooms had these parts; ``number`` is how many do."""

    code = Code.ROOM_PARTS_CONFLICT
    conflicts: tuple[Busy, ...]
    number: int
    zone: ZoneInfo

    def __str__(self) -> str:
        first = moment(self.conflicts[0].starts_at, self.zone)
        return (
            f"{counted(self.number, 'booking')} would overlap, the first at {first}; "
            "move or cancel them first."
        )


@dataclass(eq=False)
class HoldExpired(Refusal):
    """The hold ended before it was turned into a booking."""

    code = Code.HOLD_EXPIRED
    expired_at: datetime
    zone: ZoneInfo

    def __str__(self) -> str:
        return f"The hold ended at {moment(self.expired_at, self.zone)}; choose a time again."


@dataclass(eq=False)
class WaitlistEntryClosed(Refusal):
    """Nothing is offered to the entry of the waitlist, or it has ended."""

    code = Code.INVALID_TRANSITION
    problem: str

    def __str__(self) -> str:
        return self.problem


@dataclass(eq=False)
class ChangeTooLate(Refusal):
    """A customer can't move the booking any more; ``until`` was the deadline, None: never."""

    code = Code.CHANGE_WINDOW_PASSED
    until: datetime | None
    zone: ZoneInfo

    def __str__(self) -> str:
        if self.until is None:
            return "Only the venue can move this booking; contact the venue."
        return (
            f"You could move this booking until {moment(self.until, self.zone)}; contact the venue."
        )


@dataclass(eq=False)
class UndoTooLate(Refusal):
    """The change can't be taken back any more; it could until ``undoable_until``."""

    code = Code.UNDO_WINDOW_PASSED
    undoable_until: datetime
    zone: ZoneInfo

    def __str__(self) -> str:
        return f"This change could be taken back until {moment(self.undoable_until, self.zone)}."


@dataclass(eq=False)
class NothingToUndo(Refusal):
    """The booking has no change that can be taken back, or not by this caller."""

    code = Code.NOTHING_TO_UNDO
    problem: str

    def __str__(self) -> str:
        return self.problem


@dataclass(eq=False)
class CancellationTooLate(Refusal):
    """A customer can't cancel the booking any more; ``until`` was the deadline."""

    code = Code.CANCELLATION_WINDOW_PASSED
    until: datetime
    zone: ZoneInfo

    def __str__(self) -> str:
        deadline = moment(self.until, self.zone)
        return f"You could cancel this booking until {deadline}; contact the venue."


@dataclass(eq=False)
class PriceChanged(Refusal):
    """The price differs from the one that the caller expects; None: there is no price."""

    code = Code.PRICE_CHANGED
    expected: "Money"
    actual: "Money | None"

    def __str__(self) -> str:
        if self.actual is None:
            return f"The room no longer has a price; you expected {self.expected}."
        return f"The price is now {self.actual}; you expected {self.expected}."


@dataclass(eq=False)
class GuestBookingClosed(Refusal):
    """The venue accepts no bookings from guests."""

    code = Code.GUEST_BOOKING_CLOSED

    def __str__(self) -> str:
        return "This venue accepts no bookings without an account; sign up or log in."


@dataclass(eq=False)
class ProofRequired(Refusal):
    """The venue requires guests to prove that they are human by solving the ``challenge``.

    ``was_given``: a proof was given, but it was invalid or used before.
    """

    code = Code.PROOF_REQUIRED
    challenge: object
    was_given: bool = False

    def __str__(self) -> str:
        if self.was_given:
            return "This solution is wrong, expired or already used; solve the new challenge."
        return "Solve the challenge, and send the solution as `guestProof`."


@dataclass(eq=False)
class PaymentRequired(Refusal):
    """The booking is confirmed by paying for it, not by confirmGuestBooking."""

    code = Code.PAYMENT_REQUIRED

    def __str__(self) -> str:
        return "This booking waits for a payment; pay to book it."
