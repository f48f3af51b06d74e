"""What the product refuses, and why: expected answers that a person can act on.

Refusal
├── Invalid, Required, NotFound, Duplicate         something given is wrong
├── NonexistentLocalTime, AmbiguousLocalTime       a wall-clock start the clock change spoils
├── StaleVersion, InvalidTransition                the object has moved on
├── SlotTaken, SlotUnavailable                     the time is not free, or a rule refuses it
├── HoldExpired, PriceChanged                      the offer stands no longer
├── LimitReached                                   there are as many as there may be
├── GuestBookingClosed, ProofRequired              guests can't book here, or have to prove more
├── PaymentRequired                                it is booked by paying for it
├── ChangeTooLate                                  only the venue can move it now
├── PlanLimitReached                               the plan is used up
│   └── FeatureNotIncluded                         the plan lacks it
├── SubscriptionInactive, SubscriptionUnfit        the plan is not paid, or can't change so now
├── TooManyRooms, SubscriptionUnpaid               another plan can't be had so
├── IdempotencyKeyReused, IdempotencyInProgress    the key belongs to another call
├── InvalidCredentials, EmailNotVerified           who it is was not proved
└── WithoutDetails                                 another, for callers who may know no more

Raise one alone, or several that apply at once in an ExceptionGroup.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from domain.core.formatting import booked, counted, listed, moment, span, too_close
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval

if TYPE_CHECKING:
    from domain.core.money import Money

# Where in the input it is wrong, in the names of the function's arguments.
Path = tuple[str | int, ...]


class Code(StrEnum):
    """The names by which clients tell refusals apart."""

    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    DUPLICATE = "DUPLICATE"
    STALE_VERSION = "STALE_VERSION"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    SLOT_TAKEN = "SLOT_TAKEN"
    OUTSIDE_BUSINESS_HOURS = "OUTSIDE_BUSINESS_HOURS"
    BLACKOUT = "BLACKOUT"
    BUFFER_VIOLATION = "BUFFER_VIOLATION"
    MIN_NOTICE = "MIN_NOTICE"
    MAX_ADVANCE = "MAX_ADVANCE"
    MIN_DURATION = "MIN_DURATION"
    MAX_DURATION = "MAX_DURATION"
    OFF_GRID = "OFF_GRID"
    CAPACITY_EXCEEDED = "CAPACITY_EXCEEDED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    ROOM_ARCHIVED = "ROOM_ARCHIVED"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    NONEXISTENT_LOCAL_TIME = "NONEXISTENT_LOCAL_TIME"
    AMBIGUOUS_LOCAL_TIME = "AMBIGUOUS_LOCAL_TIME"
    PLAN_LIMIT_REACHED = "PLAN_LIMIT_REACHED"
    SUBSCRIPTION_INACTIVE = "SUBSCRIPTION_INACTIVE"
    PAYMENT_REQUIRED = "PAYMENT_REQUIRED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    CANCELLATION_WINDOW_PASSED = "CANCELLATION_WINDOW_PASSED"
    CHANGE_WINDOW_PASSED = "CHANGE_WINDOW_PASSED"
    PRICE_CHANGED = "PRICE_CHANGED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"
    EMAIL_NOT_VERIFIED = "EMAIL_NOT_VERIFIED"
    GUEST_BOOKING_CLOSED = "GUEST_BOOKING_CLOSED"
    PROOF_REQUIRED = "PROOF_REQUIRED"


@dataclass(eq=False)
class Refusal(Exception):
    """An expected answer other than yes; its text says what a person can do about it."""

    code: Code = field(init=False)
    path: Path = field(default=(), kw_only=True)

    @property
    def message(self) -> str:
        """The text for a person."""
        return str(self)


@dataclass(eq=False)
class Invalid(Refusal):
    """A value that can't be accepted."""

    code = Code.INVALID
    problem: str

    def __str__(self) -> str:
        return self.problem


@dataclass(eq=False)
class Required(Refusal):
    """A value that is missing, or null where there must be one."""

    code = Code.REQUIRED

    def __str__(self) -> str:
        return f"{_named(self.path)} is required."


@dataclass(eq=False)
class NotFound(Refusal):
    """An id of nothing here: malformed, unknown and another tenant's ids read alike."""

    code = Code.NOT_FOUND
    what: str

    def __str__(self) -> str:
        return f"There is no such {self.what}."


@dataclass(eq=False)
class Duplicate(Refusal):
    """A value that must be unique and is in use already."""

    code = Code.DUPLICATE
    what: str

    def __str__(self) -> str:
        return f"This {self.what} is in use already."


@dataclass(eq=False)
class NonexistentLocalTime(Refusal):
    """A wall-clock time that the clock skips when it is put forward."""

    code = Code.NONEXISTENT_LOCAL_TIME
    wall_clock: datetime
    zone: ZoneInfo
    next_valid: datetime

    def __str__(self) -> str:
        return (
            f"The clock in {self.zone.key} skips {self.wall_clock:%H:%M} on that day; "
            f"the next time there is {moment(self.next_valid, self.zone)}."
        )


@dataclass(eq=False)
class AmbiguousLocalTime(Refusal):
    """A wall-clock time that comes twice when the clock is put back, and no word which is meant."""

    code = Code.AMBIGUOUS_LOCAL_TIME
    wall_clock: datetime
    zone: ZoneInfo

    def __str__(self) -> str:
        return (
            f"The clock in {self.zone.key} shows {self.wall_clock:%H:%M} twice on that day; "
            "say which is meant by fold: 0 for the first, 1 for the second."
        )


@dataclass(eq=False)
class StaleVersion(Refusal):
    """Somebody else changed the object first; ``current`` is the row as it is now."""

    code = Code.STALE_VERSION
    current: object

    def __str__(self) -> str:
        return "It has been changed in the meantime; look at its current state and try again."


@dataclass(eq=False)
class InvalidTransition(Refusal):
    """A booking can't go from its status to the wanted one, or not now."""

    code = Code.INVALID_TRANSITION
    status: str
    wanted: str
    allowed: tuple[str, ...]
    hint: str | None = None

    def __str__(self) -> str:
        if self.hint:
            return self.hint
        ways = f"only {listed(self.allowed)}" if self.allowed else "nothing else any more"
        now = self.status.replace("_", " ")
        return f"The booking is {now}: it can become {ways.replace('_', ' ')}."


@dataclass(eq=False)
class InvalidCredentials(Refusal):
    """The address, password or token doesn't prove who it is; never says which."""

    code = Code.INVALID_CREDENTIALS

    def __str__(self) -> str:
        return "These credentials are not right, or they have expired."


@dataclass(eq=False)
class EmailNotVerified(Refusal):
    """The caller has yet to prove that their e-mail address is theirs."""

    code = Code.EMAIL_NOT_VERIFIED

    def __str__(self) -> str:
        return "Verify your e-mail address first, by the code in the mail that was sent to you."


@dataclass(eq=False)
class WithoutDetails(Refusal):
    """Another refusal without what it carries, which the caller may not see."""

    code: Code
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Busy:
    """A booking's time in a room: ``occupied`` is ``interval`` with the booking's own buffers."""

    room_id: RoomId
    booking_id: BookingId
    interval: Interval
    occupied: Interval

    @property
    def starts_at(self) -> datetime:
        return self.interval.start

    @property
    def ends_at(self) -> datetime:
        return self.interval.end


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that refuses a slot.

    ``frees_at`` is the first start, from the wanted one on, that this rule alone would allow;
    for MIN_NOTICE the first on the venue's grid, and for MAX_ADVANCE it is the moment from which
    the wanted start can be booked. None: never, or not within the time that is looked at.
    ``rule`` holds the rule's own numbers, for JSON.
    """

    code: Code
    message: str
    rule: Mapping[str, object] | None = None
    frees_at: datetime | None = None


@dataclass(eq=False)
class SlotTaken(Refusal):
    """Another booking has the time (SLOT_TAKEN) or lies closer than the buffers allow.

    Carries what is needed to find other slots for the same wish.
    """

    code: Code
    room_id: RoomId
    room_name: str
    wanted: Interval
    party_size: int
    zone: ZoneInfo
    conflicts: tuple[Busy, ...]
    exclude_booking_id: BookingId | None = None

    def __str__(self) -> str:
        if not self.conflicts:
            return f"{self.room_name} is no longer free {span(self.wanted, self.zone)}."
        if self.code is Code.BUFFER_VIOLATION:
            return too_close(self.room_name, self.conflicts[0].occupied, self.zone)
        return booked(self.room_name, self.conflicts[0].interval, self.zone)


@dataclass(eq=False)
class SlotUnavailable(Refusal):
    """A rule of the venue refuses the time; ``reasons`` are all that do, this one among them."""

    code: Code
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        return next(reason.message for reason in self.reasons if reason.code is self.code)


@dataclass(eq=False)
class HoldExpired(Refusal):
    """The hold ended before it was turned into a booking."""

    code = Code.HOLD_EXPIRED
    expired_at: datetime
    zone: ZoneInfo

    def __str__(self) -> str:
        return f"The hold ended at {moment(self.expired_at, self.zone)}; choose a time again."


@dataclass(eq=False)
class ChangeTooLate(Refusal):
    """A customer can't move the booking any more; ``until`` they could, None: never."""

    code = Code.CHANGE_WINDOW_PASSED
    until: datetime | None
    zone: ZoneInfo

    def __str__(self) -> str:
        if self.until is None:
            return "Only the venue can move this booking; ask it."
        return f"This booking could be moved until {moment(self.until, self.zone)}; ask the venue."


@dataclass(eq=False)
class PriceChanged(Refusal):
    """The price is no longer the one that the caller agreed to; None: there is no price."""

    code = Code.PRICE_CHANGED
    expected: "Money"
    actual: "Money | None"

    def __str__(self) -> str:
        if self.actual is None:
            return f"The room has no price any more, not {self.expected}."
        return f"The price is now {self.actual}, not {self.expected}."


@dataclass(eq=False)
class LimitReached(Refusal):
    """There are as many as there may be, on any plan; ``what`` is what there are, as a plural.

    ``frees_at`` is when there is room for one more by itself, if there will be; ``hint`` what to
    do about it.
    """

    code = Code.QUOTA_EXCEEDED
    what: str
    limit: int
    used: int
    frees_at: datetime | None = None
    hint: str | None = None

    def __str__(self) -> str:
        if self.hint is not None:
            return self.hint
        return f"There are {self.used} {self.what}, and at most {self.limit} are allowed."


@dataclass(eq=False)
class GuestBookingClosed(Refusal):
    """The venue takes no bookings of guests."""

    code = Code.GUEST_BOOKING_CLOSED

    def __str__(self) -> str:
        return "This venue takes no bookings without an account; sign up or log in to book."


@dataclass(eq=False)
class ProofRequired(Refusal):
    """The venue asks guests to prove that they are people; ``challenge`` is what to solve.

    ``was_given``: a proof came, but not a good one, or one that was used before.
    """

    code = Code.PROOF_REQUIRED
    challenge: object
    was_given: bool = False

    def __str__(self) -> str:
        if self.was_given:
            return "This proof is wrong, expired or used already; solve the challenge again."
        return "Solve the challenge, and give the result as `guestProof`."


@dataclass(eq=False)
class PaymentRequired(Refusal):
    """The time is booked once it is paid, and not by confirming it."""

    code = Code.PAYMENT_REQUIRED

    def __str__(self) -> str:
        return "This booking waits for a payment: it is booked once you have paid."


@dataclass(eq=False)
class PlanLimitReached(Refusal):
    """The tenant's plan allows no more.

    ``required_plan`` is the code of the cheapest plan that does; ``resets_at`` is when the
    meter starts anew, None for one that doesn't.
    """

    code = Code.PLAN_LIMIT_REACHED
    what: str
    limit: int
    used: int
    resets_at: datetime | None
    required_plan: str | None

    def __str__(self) -> str:
        way = f"; the {self.required_plan.capitalize()} plan has more" if self.required_plan else ""
        return f"The plan's {counted(self.limit, self.what)} are used up{way}."


@dataclass(eq=False)
class FeatureNotIncluded(PlanLimitReached):
    """The tenant's plan doesn't include it; ``required_plan`` is the cheapest that does."""

    def __str__(self) -> str:
        return f"{self.what}: this comes with the {str(self.required_plan).capitalize()} plan."


@dataclass(eq=False)
class SubscriptionInactive(Refusal):
    """No new bookings are taken, because the tenant's plan is not paid; ``since`` when."""

    code = Code.SUBSCRIPTION_INACTIVE
    status: str
    since: datetime

    def __str__(self) -> str:
        return (
            "No new bookings are taken until the venue's plan is paid; "
            "an owner or admin can do that under billing."
        )


@dataclass(eq=False)
class SubscriptionUnfit(Refusal):
    """The subscription, as it stands, can't become what is wanted."""

    code = Code.INVALID_TRANSITION
    problem: str

    def __str__(self) -> str:
        return self.problem


@dataclass(eq=False)
class TooManyRooms(Refusal):
    """More rooms are in use than the wanted plan allows; ``rooms`` are they, by name."""

    code = Code.PLAN_LIMIT_REACHED
    limit: int
    used: int
    rooms: tuple[object, ...]

    def __str__(self) -> str:
        return (
            f"{counted(self.used, 'room')} are in use, and the plan allows {self.limit}: "
            f"archive {self.used - self.limit}, or say which in `archiveRoomIds`."
        )


@dataclass(eq=False)
class SubscriptionUnpaid(Refusal):
    """The payment that the change needs didn't go through, so nothing has changed."""

    code = Code.PAYMENT_FAILED

    def __str__(self) -> str:
        return "The payment was declined, and the plan stays as it is; try another card first."


@dataclass(eq=False)
class IdempotencyKeyReused(Refusal):
    """The key came before with another input."""

    code = Code.IDEMPOTENCY_KEY_REUSED

    def __str__(self) -> str:
        return "This idempotency key was used with another input; use a new key."


@dataclass(eq=False)
class IdempotencyInProgress(Refusal):
    """A call with the same key is still running."""

    code = Code.IDEMPOTENCY_IN_PROGRESS

    def __str__(self) -> str:
        return "A call with this idempotency key is still running; try again in a moment."


def _named(path: Path) -> str:
    name = next((step for step in reversed(path) if isinstance(step, str)), "A value")
    return name.replace("_", " ").capitalize()
