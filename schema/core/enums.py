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
    """Declares an enum of the API, with a description for each value, before it is used.

    Raises TypeError.
    """
    if "__strawberry_definition__" in enum.__dict__:
        raise TypeError(f"{enum.__name__} was used before it was described")
    strawberry.enum(enum, name=name, description=description)
    definition: StrawberryEnumDefinition = enum.__strawberry_definition__  # type: ignore[attr-defined]
    if missing := {value.name for value in definition.values} ^ set(values):
        raise TypeError(
            f"{enum.__name__}: values without a description, or descriptions without a value: "
            f"{', '.join(sorted(missing))}"
        )
    for value in definition.values:
        value.description = values[value.name]


describe(
    SortDirection,
    "The order in which a list is sorted.",
    ASC="Ascending: smallest, earliest or alphabetically first comes first.",
    DESC="Descending: largest, latest or alphabetically last comes first.",
)
describe(
    CountMode,
    "How precisely a list is counted.",
    EXACT="Count every item. Slow on long lists.",
    CAPPED="Stop counting after 10,000 items; the count is then 10,001.",
)
describe(
    ActorKind,
    "The kind of caller that did something.",
    USER="A member of the venue's team.",
    CUSTOMER="A customer of the venue, logged in or using the code of their booking.",
    API_KEY="A program that uses an API key.",
    SYSTEM="The platform itself, for example when a hold expires.",
    PLATFORM_OPERATOR="The operator of the platform, who reads figures and changes nothing.",
)
describe(
    EventType,
    "The type of an event. Expect values to be added, and ignore those that you don't know.",
    BOOKING_HELD="A room was held for a customer or guest.",
    BOOKING_CREATED="A booking was made, directly or from a hold.",
    BOOKING_CONFIRMED="The venue confirmed a pending booking.",
    BOOKING_REJECTED="The venue rejected a pending booking.",
    BOOKING_RESCHEDULED="A booking was moved to another time or room.",
    BOOKING_EXTENDED="The end of a booking was put off.",
    BOOKING_CANCELLED="A booking or hold was cancelled.",
    BOOKING_CHECKED_IN="The guests of a booking arrived.",
    BOOKING_COMPLETED="A booking was completed.",
    BOOKING_NO_SHOW="Nobody came to a booking.",
    BOOKING_EXPIRED="A hold expired, or a booking that the venue didn't confirm in time.",
    BOOKING_UPDATED="The customer, party size or note of a booking changed.",
    LOGIN_SUCCEEDED="A user logged in with their password.",
    LOGIN_FAILED="A login to a user's account failed; `reason` says why. At most 20 an hour are "
    "recorded for each user.",
    PASSWORD_CHANGED="A user changed their password.",  # noqa: S106 - a description
    PASSWORD_RESET="A user set a new password with an e-mailed code.",  # noqa: S106 - a description
    SESSIONS_ENDED="One or more sessions of a user were ended; `reason` says why.",
    GUEST_LINK_REVOKED="All guest codes of a booking were revoked.",
    ROOM_CREATED="A room was added.",
    ROOM_UPDATED="A room changed.",
    ROOM_ARCHIVED="A room was archived, so it can't be booked any more.",
    ROOM_UNARCHIVED="An archived room was restored.",
    HOURS_CHANGED="Opening hours or an exception to them changed.",
    BLACKOUT_CREATED="A blackout was created.",
    BLACKOUT_DELETED="A blackout was deleted.",
    TENANT_UPDATED="The tenant's name or time zone changed.",
    SETTINGS_CHANGED="The venue's booking rules changed.",
    QUOTA_CREATED="A quota was created.",
    QUOTA_UPDATED="The limit of a quota changed.",
    QUOTA_DELETED="A quota was deleted.",
    PRICE_RULES_CHANGED="The venue's price rules or their order changed.",
    COUPON_CREATED="A coupon was created.",
    COUPON_UPDATED="A coupon changed.",
    COUPON_ARCHIVED="A coupon was archived.",
    CALENDAR_FEED_CREATED="A calendar feed was created.",
    CALENDAR_FEED_REVOKED="A calendar feed was revoked.",
    INBOX_CHANGED="An entry was added to a user's inbox, or entries of it were read.",
    PUSH_SUBSCRIPTION_ADDED="A user registered a browser for pushes.",
    PUSH_SUBSCRIPTION_REMOVED="A browser no longer gets a user's pushes.",
    NOTIFICATION_TEMPLATE_UPDATED="A text of the venue's notifications was changed.",
    NOTIFICATION_TEMPLATE_RESET="A text of the venue's notifications became the product's again.",
    NOTIFICATION_SETTINGS_CHANGED="The venue's settings of notifications changed.",
    NOTIFICATION_PREFERENCES_CHANGED="A recipient chose which notifications they get.",
    CUSTOMER_CREATED="A customer was added.",
    CUSTOMER_UPDATED="A customer changed.",
    CUSTOMER_DELETED="A customer was removed, because the import that had added them was undone.",
    CUSTOMERS_MERGED="Another customer was merged into a customer.",
    CUSTOMER_MERGE_UNDONE="A merge into a customer was undone.",
    USER_INVITED="Somebody was invited to become a user of the tenant.",
    USER_JOINED="An invited person joined, or a customer signed up.",
    USER_ROLE_CHANGED="A user's role changed.",
    USER_DEACTIVATED="A user's account was deactivated.",
    EMAIL_VERIFIED="A user verified their e-mail address.",
    API_KEY_CREATED="An API key was created.",
    API_KEY_REVOKED="An API key was revoked.",
    TRIAL_STARTED="The tenant started a trial of a plan.",
    SUBSCRIPTION_STARTED="The tenant subscribed to a plan.",
    PLAN_CHANGED="The tenant's plan changed.",
    NEXT_PLAN_CHANGED="The plan that takes effect at the end of the billing period changed.",
    SUBSCRIPTION_CANCELLED="The tenant cancelled its subscription, which ends with the billing "
    "period.",
    SUBSCRIPTION_RESUMED="The tenant withdrew the cancellation of its subscription.",
    SUBSCRIPTION_OVERDUE="The tenant's payment for its plan failed.",
    SUBSCRIPTION_RECOVERED="The tenant paid the overdue amount for its plan.",
    SUBSCRIPTION_ENDED="The tenant's subscription ended.",
    PAYMENT_REQUESTED="A payment or a card hold was requested from the customer of a booking.",
    PAYMENT_RECEIVED="A payment for a booking was received, or a card hold was authorized.",
    PAYMENT_FAILED="A payment for a booking failed, or was not made in time.",
    REFUND_REQUESTED="A refund for a booking was requested.",
    REFUND_SENT="A refund for a booking was sent.",
    REFUND_FAILED="A refund for a booking failed; the venue still has the money.",
    WAITLIST_JOINED="A customer joined the waitlist.",
    WAITLIST_LEFT="A customer left the waitlist.",
    WAITLIST_OFFERED="A free time was offered to a customer on the waitlist.",
    WAITLIST_ACCEPTED="A customer booked the time that was offered from the waitlist.",
    WAITLIST_DECLINED="A customer declined the time that was offered from the waitlist.",
    WAITLIST_EXPIRED="An offer, or the time that a customer waited for, passed.",
    EXPORT_CREATED="A file of the venue's data was requested.",
    EXPORT_COMPLETED="A file of the venue's data was made.",
    EXPORT_FAILED="A file of the venue's data could not be made.",
    EXPORT_RETRIED="The file of a failed export was requested again.",
    EXPORT_DOWNLOADED="A download of an export began, by its link: from `ipAddress`.",
    IMPORT_CREATED="The import of a file was prepared.",
    IMPORT_COMPLETED="All rows of a file were imported, or tried.",
    IMPORT_FAILED="A file could not be imported, or not to its end.",
    IMPORT_UNDO_REQUESTED="An import is to be undone.",
    IMPORT_UNDONE="An import was undone, except for what was changed since.",
    ARTICLE_CREATED="An article was added to the knowledge base.",
    ARTICLE_UPDATED="An article changed, or was published or withdrawn.",
    ARTICLE_ARCHIVED="An article was archived.",
    WEBHOOK_ENDPOINT_CREATED="A webhook endpoint was added.",
    WEBHOOK_ENDPOINT_UPDATED="A webhook endpoint changed, or was enabled again.",
    WEBHOOK_ENDPOINT_DISABLED="A webhook endpoint was disabled; its `disabledReason` says why.",
    WEBHOOK_ENDPOINT_DELETED="A webhook endpoint was deleted.",
    WEBHOOK_SECRET_ROTATED="A webhook endpoint got a new secret.",  # noqa: S106 - a description
    TICKET_OPENED="A support ticket was opened.",
    TICKET_REPLIED="The customer or the team wrote a message in a ticket.",
    TICKET_NOTE_ADDED="The team added an internal note to a ticket.",
    TICKET_ASSIGNED="A ticket was given to a member of the team, or to nobody.",
    TICKET_PRIORITY_CHANGED="The priority of a ticket changed.",
    TICKET_SOLVED="A ticket was solved.",
    TICKET_REOPENED="A solved ticket was opened again, without a message.",
    TICKET_CLOSED="A ticket was closed some days after it was solved.",
    TICKET_RATED="The customer rated the answer to a ticket.",
    TICKET_ESCALATED="A reply to a ticket, or its solution, is almost due.",
    CANNED_REPLY_CREATED="A canned reply was written.",
    CANNED_REPLY_UPDATED="A canned reply changed.",
    CANNED_REPLY_DELETED="A canned reply was deleted.",
    SUPPORT_SETTINGS_CHANGED="The venue's settings of support changed.",
)
describe(
    Code,
    "Why a mutation was refused. Expect values to be added, and fall back to the message.",
    name="UserErrorCode",
    INVALID="The value is not accepted; the message says why.",
    REQUIRED="The value is missing, or is null where null is not allowed.",
    NOT_FOUND="There is no object with this id, or the caller can't see it.",
    DUPLICATE="The value must be unique and is already in use.",
    STALE_VERSION="The object changed since its `version` was read; the error has its current "
    "state.",
    INVALID_TRANSITION="The object's current status does not allow this change.",
    CHECK_IN_NOT_OPEN="It is too early to check the booking in.",
    INVALID_CREDENTIALS="The e-mail address, password or token is wrong or has expired.",
    SLOT_TAKEN="Another booking occupies the time.",
    ROOM_PARTS_CONFLICT="Bookings would overlap if the rooms had these parts; see "
    "`RoomPartsConflictError`.",
    SERIES_CONFLICT="Occurrences of the series can't be booked; see `SeriesConflictError`.",
    OUTSIDE_BUSINESS_HOURS="The room is not open during the whole time.",
    BLACKOUT="A blackout blocks the time.",
    BUFFER_VIOLATION="Another booking is closer than the buffers before and after bookings allow.",
    MIN_NOTICE="The start is in the past, or sooner than the venue's minimum notice allows.",
    MAX_ADVANCE="The start is further ahead than the venue allows.",
    MIN_DURATION="The duration is shorter than the venue allows.",
    MAX_DURATION="The duration is longer than the venue allows.",
    OFF_GRID="The start is not on the venue's slot grid; see `TenantSettings.slotMinutes`.",
    CAPACITY_EXCEEDED="The party is larger than the room's capacity.",
    QUOTA_EXCEEDED="A quota of the customer, or the limit of holds, unconfirmed bookings, waitlist "
    "entries, API keys, exports, imports, calendar feeds or webhook endpoints is reached; see "
    "`LimitError`.",
    COUPON_NOT_APPLICABLE="The coupon can't be used for the booking; see `CouponError`.",
    ROOM_ARCHIVED="The room is archived and can't be booked.",
    HOLD_EXPIRED="The hold expired before it was turned into a booking.",
    NONEXISTENT_LOCAL_TIME="The local time does not exist, because the clock is put forward over "
    "it.",
    AMBIGUOUS_LOCAL_TIME="The local time occurs twice, because the clock is put back; choose one "
    "with `fold`.",
    PLAN_LIMIT_REACHED="The limit of the tenant's plan is reached.",
    FEATURE_NOT_INCLUDED="The tenant's plan doesn't include the feature.",
    SUBSCRIPTION_INACTIVE="The tenant's subscription is not active.",
    PAYMENT_REQUIRED="The booking has to be paid first.",
    PAYMENT_FAILED="The payment failed.",
    CANCELLATION_WINDOW_PASSED="It is too late to cancel the booking.",
    CHANGE_WINDOW_PASSED="It is too late for the customer to move the booking.",
    UNDO_WINDOW_PASSED="It is too late to take the change back.",
    NOTHING_TO_UNDO="The booking has no change that the caller can take back.",
    PRICE_CHANGED="The price is not the expected one any more.",
    IDEMPOTENCY_KEY_REUSED="The idempotency key was already used with a different input.",
    IDEMPOTENCY_IN_PROGRESS="A request with the same idempotency key is still running.",
    INSUFFICIENT_DATA="There is not enough history for a result.",
    EMAIL_NOT_VERIFIED="The caller has to verify their e-mail address first.",
    GUEST_BOOKING_CLOSED="The venue does not accept bookings without an account.",
    PROOF_REQUIRED="The guest challenge has to be solved first; the error has a new challenge.",
    ALREADY_MERGED="The customer was merged into another one already.",
    CUSTOMER_HAS_LOGIN="A customer to merge has a login.",
    ASSISTANT_UNAVAILABLE="There is no assistant here, or none for the caller.",
    ASSISTANT_BUDGET_REACHED="The assistant's tokens are used up; see `AssistantBudgetError`.",
    CONVERSATION_BUSY="The last message of the conversation is still being answered.",
    PROPOSAL_CLOSED="The proposal has expired, or was confirmed or declined; see "
    "`ProposalClosedError`.",
)

__all__ = ["ActorKind", "Code", "CountMode", "EventType", "SortDirection"]
