"""Enums, each value described for the client developer."""

from enum import Enum, StrEnum

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from domain.core.log_events import EventType
from domain.core.refusals import Code
from kit.actor import ActorKind
from models.core.filters import SortDirection


class CountMode(StrEnum):
    EXACT = "EXACT"
    CAPPED = "CAPPED"


def describe(enum: type[Enum], description: str, *, name: str | None = None, **values: str) -> None:
    """Declare an enum of the API before it is used; every value has a description.

    Raises TypeError.
    """
    if "__strawberry_definition__" in enum.__dict__:
        raise TypeError(f"{enum.__name__} was used before it was described")
    strawberry.enum(enum, name=name, description=description)
    definition: StrawberryEnumDefinition = enum.__strawberry_definition__  # type: ignore[attr-defined]
    if missing := {value.name for value in definition.values} ^ set(values):
        raise TypeError(f"{enum.__name__}: not described, or unknown: {sorted(missing)}")
    for value in definition.values:
        value.description = values[value.name]


describe(
    SortDirection,
    "Which end of a list comes first.",
    ASC="Smallest, earliest or first in the alphabet first.",
    DESC="Largest, latest or last in the alphabet first.",
)
describe(
    CountMode,
    "How far a list is counted. CAPPED counts to 10,000 and says 10,001 for more.",
    EXACT="Every row is counted; slow on long lists.",
    CAPPED="Counted to 10,000; 10,001 means more.",
)
describe(
    ActorKind,
    "What kind of caller did something.",
    USER="A member of the venue's team.",
    CUSTOMER="A customer of the venue, logged in or by the code of their booking.",
    API_KEY="A program with an API key.",
    SYSTEM="The platform itself, when a hold expires for example.",
)
describe(
    EventType,
    "What happened. Clients tolerate new values.",
    BOOKING_HELD="A time was held.",
    BOOKING_CREATED="A booking was made, directly or from a hold.",
    BOOKING_CONFIRMED="The venue confirmed a pending booking.",
    BOOKING_REJECTED="The venue refused a pending booking.",
    BOOKING_RESCHEDULED="A booking moved to another time or room.",
    BOOKING_CANCELLED="A booking or hold was cancelled.",
    BOOKING_CHECKED_IN="The guests arrived.",
    BOOKING_COMPLETED="A booking took place.",
    BOOKING_NO_SHOW="Nobody came.",
    BOOKING_EXPIRED="A hold ran out.",
    BOOKING_UPDATED="Customer, party size or note changed.",
    LOGIN_SUCCEEDED="A user logged in with their password.",
    LOGIN_FAILED="Somebody failed to log in as a user: see `reason`; at most 20 an hour each.",
    PASSWORD_CHANGED="A user changed their password.",  # noqa: S106 - a description
    PASSWORD_RESET="A user set a new password by a mailed code.",  # noqa: S106 - a description
    SESSIONS_ENDED="Sessions of a user were ended; `reason` says why.",
    GUEST_LINK_REVOKED="The codes that guests had for a booking are worth nothing any more.",
    ROOM_CREATED="A room was added.",
    ROOM_UPDATED="A room changed.",
    ROOM_ARCHIVED="A room was taken out of use.",
    ROOM_UNARCHIVED="An archived room was taken back into use.",
    HOURS_CHANGED="Opening hours or an exception to them changed.",
    BLACKOUT_CREATED="Time was blocked.",
    BLACKOUT_DELETED="Blocked time was given back.",
    TENANT_UPDATED="The tenant's name or time zone changed.",
    SETTINGS_CHANGED="The venue's booking rules changed.",
    CUSTOMER_CREATED="A customer was added.",
    CUSTOMER_UPDATED="A customer changed.",
    USER_INVITED="Somebody was invited to the team.",
    USER_JOINED="An invited person joined, or a customer signed up.",
    USER_ROLE_CHANGED="A user's role changed.",
    USER_DEACTIVATED="A user can no longer log in.",
    EMAIL_VERIFIED="A user proved that their e-mail address is theirs.",
    API_KEY_CREATED="A program was given a key.",
    API_KEY_REVOKED="A program's key was made worthless.",
    TRIAL_STARTED="The trial of a plan began.",
    SUBSCRIPTION_STARTED="The tenant subscribed to a plan.",
    PLAN_CHANGED="Another plan is in force.",
    NEXT_PLAN_CHANGED="Which plan follows at the end of the period was changed.",
    SUBSCRIPTION_CANCELLED="The subscription is to end with its period.",
    SUBSCRIPTION_RESUMED="The subscription goes on after all.",
    SUBSCRIPTION_OVERDUE="The tenant's payment for its plan failed.",
    SUBSCRIPTION_RECOVERED="What was owed for the plan is paid.",
    SUBSCRIPTION_ENDED="The subscription is over.",
    PAYMENT_REQUESTED="A customer was asked to pay for a booking, or to have a card held.",
    PAYMENT_RECEIVED="Money for a booking arrived, or a card is held for it.",
    PAYMENT_FAILED="A payment for a booking failed, or was not made in time.",
    REFUND_REQUESTED="Money of a booking is to go back.",
    REFUND_SENT="Money of a booking went back.",
    REFUND_FAILED="Money of a booking could not go back; it is held again.",
)
describe(
    Code,
    "Why something was refused. Clients tolerate new values.",
    name="UserErrorCode",
    INVALID="The value can't be accepted; the message says why.",
    REQUIRED="The value is missing, or null where there must be one.",
    NOT_FOUND="The id belongs to nothing that the caller can see.",
    DUPLICATE="The value must be unique and is in use.",
    STALE_VERSION="Somebody changed the object first; the error carries its current state.",
    INVALID_TRANSITION="It can't go from the status it has to the wanted one now.",
    INVALID_CREDENTIALS="The address, password or token is not right, or has expired.",
    SLOT_TAKEN="Another booking has the time.",
    OUTSIDE_BUSINESS_HOURS="The room is not open for the whole time.",
    BLACKOUT="The venue blocked the time.",
    BUFFER_VIOLATION="Another booking lies closer than the buffers allow.",
    MIN_NOTICE="The start is in the past, or sooner than the venue accepts.",
    MAX_ADVANCE="The start is further ahead than the venue accepts.",
    MIN_DURATION="Shorter than the venue accepts.",
    MAX_DURATION="Longer than the venue accepts.",
    OFF_GRID="The start is not on the venue's grid.",
    CAPACITY_EXCEEDED="More people than the room holds.",
    QUOTA_EXCEEDED="No more holds, unconfirmed bookings or API keys for now: see `LimitError`.",
    ROOM_ARCHIVED="The room is out of use.",
    HOLD_EXPIRED="The hold ran out before it was turned into a booking.",
    NONEXISTENT_LOCAL_TIME="The clock skips this time when it is put forward.",
    AMBIGUOUS_LOCAL_TIME="The clock shows this time twice; say which by `fold`.",
    PLAN_LIMIT_REACHED="The tenant's plan allows no more, or doesn't include it.",
    SUBSCRIPTION_INACTIVE="The tenant's subscription is not active.",
    PAYMENT_REQUIRED="A payment is needed first.",
    PAYMENT_FAILED="The payment did not go through.",
    CANCELLATION_WINDOW_PASSED="It is too late to cancel.",
    CHANGE_WINDOW_PASSED="It is too late for its customer to move the booking.",
    PRICE_CHANGED="The price is no longer the expected one.",
    IDEMPOTENCY_KEY_REUSED="The key was used with another input.",
    IDEMPOTENCY_IN_PROGRESS="A call with the same key is still running.",
    INSUFFICIENT_DATA="There is too little history to answer.",
    EMAIL_NOT_VERIFIED="The caller has yet to prove that their e-mail address is theirs.",
    GUEST_BOOKING_CLOSED="The venue takes no bookings of guests; sign up or log in to book.",
    PROOF_REQUIRED="The challenge is to be solved first; the error carries a new one.",
)

__all__ = ["ActorKind", "Code", "CountMode", "EventType", "SortDirection"]
