"""Refusals: expected errors that a person can act on.

Refusal
├── Invalid, Required, NotFound, Duplicate         a value of the input is wrong
├── NonexistentLocalTime, AmbiguousLocalTime       (local_time) a clock change skips or repeats it
├── LimitReached                                   a limit that applies to every plan is reached
├── StaleVersion                                   the object was changed by another caller
├── IdempotencyKeyReused, IdempotencyInProgress    the key belongs to another call
├── WithoutDetails                                 another refusal, without data the caller may see
├── tenants
│   ├── PlanLimitReached                           the plan's limit is reached
│   ├── FeatureNotIncluded                         the plan doesn't include the feature
│   └── SubscriptionInactive                       the plan isn't paid
├── customers
│   ├── AlreadyMerged, CustomerHasLogin            the merge isn't possible
│   └── MergeUndoTooLate                           it can't be undone any more
├── accounts
│   └── InvalidCredentials, EmailNotVerified       the identity or address isn't proved
├── bookings
│   ├── SlotTaken, SlotUnavailable                 the time isn't free, or a rule refuses it
│   ├── SeriesConflict                             the same of occurrences of a series
│   ├── PartsConflict                              bookings would overlap in divided rooms
│   ├── BookingsDontFit                            bookings have no place in the changed room
│   ├── HoldExpired, PriceChanged                  the hold or the price is no longer valid
│   ├── CouponNotApplicable                        the coupon isn't for this booking, or used up
│   ├── InvalidTransition                          the change isn't possible
│   ├── ChangeTooLate, CancellationTooLate         the change isn't possible any more
│   ├── WaitlistEntryClosed                        the same of an entry of the waitlist
│   ├── CheckInNotOpen                             the change isn't possible yet
│   ├── UndoTooLate, NothingToUndo                 the last change can't be taken back
│   ├── PaymentRequired                            the booking is confirmed by paying for it
│   └── GuestBookingClosed, ProofRequired          guests can't book here, or need a proof
├── billing
│   ├── SubscriptionChangeNotAllowed               the plan can't be changed in this state
│   ├── SubscriptionUnpaid                         the payment for the change failed
│   └── TooManyRooms                               more are in use than the wanted plan allows
├── notifications
│   └── TemplateChanged                            the template was changed by another caller
├── support
│   └── TicketTransition                           the ticket is in the wrong state
└── assistant
    ├── AssistantUnavailable                       there is no assistant for the caller
    ├── AssistantBudgetReached                     the tokens of the day or month are used up
    ├── ConversationBusy                           the last message is still being answered
    └── ProposalClosed                             it has expired, or was decided already

The refusals of an area are in its ``refusals.py``.

Raise one alone, or several that apply at once in an ExceptionGroup.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

# Leads to the wrong part of the input, in the names of the function's arguments.
Path = tuple[str | int, ...]


class Code(StrEnum):
    """The codes of refusals, for clients."""

    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    DUPLICATE = "DUPLICATE"
    STALE_VERSION = "STALE_VERSION"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    CHECK_IN_NOT_OPEN = "CHECK_IN_NOT_OPEN"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    SLOT_TAKEN = "SLOT_TAKEN"
    SERIES_CONFLICT = "SERIES_CONFLICT"
    ROOM_PARTS_CONFLICT = "ROOM_PARTS_CONFLICT"
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
    COUPON_NOT_APPLICABLE = "COUPON_NOT_APPLICABLE"
    ROOM_ARCHIVED = "ROOM_ARCHIVED"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    NONEXISTENT_LOCAL_TIME = "NONEXISTENT_LOCAL_TIME"
    AMBIGUOUS_LOCAL_TIME = "AMBIGUOUS_LOCAL_TIME"
    PLAN_LIMIT_REACHED = "PLAN_LIMIT_REACHED"
    FEATURE_NOT_INCLUDED = "FEATURE_NOT_INCLUDED"
    SUBSCRIPTION_INACTIVE = "SUBSCRIPTION_INACTIVE"
    PAYMENT_REQUIRED = "PAYMENT_REQUIRED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    CANCELLATION_WINDOW_PASSED = "CANCELLATION_WINDOW_PASSED"
    CHANGE_WINDOW_PASSED = "CHANGE_WINDOW_PASSED"
    UNDO_WINDOW_PASSED = "UNDO_WINDOW_PASSED"
    NOTHING_TO_UNDO = "NOTHING_TO_UNDO"
    PRICE_CHANGED = "PRICE_CHANGED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"
    EMAIL_NOT_VERIFIED = "EMAIL_NOT_VERIFIED"
    GUEST_BOOKING_CLOSED = "GUEST_BOOKING_CLOSED"
    PROOF_REQUIRED = "PROOF_REQUIRED"
    ALREADY_MERGED = "ALREADY_MERGED"
    CUSTOMER_HAS_LOGIN = "CUSTOMER_HAS_LOGIN"
    ASSISTANT_UNAVAILABLE = "ASSISTANT_UNAVAILABLE"
    ASSISTANT_BUDGET_REACHED = "ASSISTANT_BUDGET_REACHED"
    CONVERSATION_BUSY = "CONVERSATION_BUSY"
    PROPOSAL_CLOSED = "PROPOSAL_CLOSED"


@dataclass(eq=False)
class Refusal(Exception):
    """An expected error; its message explains what a person can do about it."""

    code: Code = field(init=False)
    path: Path = field(default=(), kw_only=True)

    @property
    def message(self) -> str:
        """The message for a person."""
        return str(self)


@dataclass(eq=False)
class Invalid(Refusal):
    """A value that isn't accepted."""

    code = Code.INVALID
    problem: str

    def __str__(self) -> str:
        return self.problem


@dataclass(eq=False)
class Required(Refusal):
    """A value is missing or null, but required."""

    code = Code.REQUIRED

    def __str__(self) -> str:
        return f"{_named(self.path)} is required."


@dataclass(eq=False)
class NotFound(Refusal):
    """No object has the id; malformed ids and those of other tenants get the same refusal."""

    code = Code.NOT_FOUND
    what: str

    def __str__(self) -> str:
        return f"There is no such {self.what}."


@dataclass(eq=False)
class Duplicate(Refusal):
    """A value that must be unique is in use already."""

    code = Code.DUPLICATE
    what: str

    def __str__(self) -> str:
        return f"This {self.what} is already in use."


@dataclass(eq=False)
class LimitReached(Refusal):
    """A limit that applies to every plan is reached; ``what`` is the plural of what is limited.

    ``frees_at`` is when there is room for one more by itself, or None; ``hint`` is what to do.
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
class StaleVersion(Refusal):
    """Another caller changed the object first; ``current`` is its current row."""

    code = Code.STALE_VERSION
    current: object

    def __str__(self) -> str:
        return "It has changed since you read it; check its current state and try again."


@dataclass(eq=False)
class WithoutDetails(Refusal):
    """Another refusal without its data, which the caller may not see."""

    code: Code
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(eq=False)
class IdempotencyKeyReused(Refusal):
    """The key was used before with another input."""

    code = Code.IDEMPOTENCY_KEY_REUSED

    def __str__(self) -> str:
        return "This idempotency key was used with a different input; use a new key."


@dataclass(eq=False)
class IdempotencyInProgress(Refusal):
    """A call with the same key is still running."""

    code = Code.IDEMPOTENCY_IN_PROGRESS

    def __str__(self) -> str:
        return "A request with this idempotency key is still running; try again in a moment."


def refusals_in(group: BaseExceptionGroup[Refusal]) -> Iterator[Refusal]:
    """Yields all refusals of a group and of the groups inside."""
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from refusals_in(each)
        else:
            yield each


def _named(path: Path) -> str:
    name = next((step for step in reversed(path) if isinstance(step, str)), "a value")
    shown = name.replace("_", " ")
    is_item = bool(path) and isinstance(path[-1], int)
    return f"Each of the {shown}" if is_item else shown.capitalize()
