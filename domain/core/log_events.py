"""Events of a tenant, as stored in its log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

Snapshot = Mapping[str, object]


class EventType(StrEnum):
    """The types of events."""

    BOOKING_HELD = "BOOKING_HELD"
    BOOKING_CREATED = "BOOKING_CREATED"
    BOOKING_CONFIRMED = "BOOKING_CONFIRMED"
    BOOKING_REJECTED = "BOOKING_REJECTED"
    BOOKING_RESCHEDULED = "BOOKING_RESCHEDULED"
    BOOKING_EXTENDED = "BOOKING_EXTENDED"
    BOOKING_CANCELLED = "BOOKING_CANCELLED"
    BOOKING_CHECKED_IN = "BOOKING_CHECKED_IN"
    BOOKING_COMPLETED = "BOOKING_COMPLETED"
    BOOKING_NO_SHOW = "BOOKING_NO_SHOW"
    BOOKING_EXPIRED = "BOOKING_EXPIRED"
    BOOKING_UPDATED = "BOOKING_UPDATED"
    GUEST_LINK_REVOKED = "GUEST_LINK_REVOKED"
    ROOM_CREATED = "ROOM_CREATED"
    ROOM_UPDATED = "ROOM_UPDATED"
    ROOM_ARCHIVED = "ROOM_ARCHIVED"
    ROOM_UNARCHIVED = "ROOM_UNARCHIVED"
    HOURS_CHANGED = "HOURS_CHANGED"
    BLACKOUT_CREATED = "BLACKOUT_CREATED"
    BLACKOUT_DELETED = "BLACKOUT_DELETED"
    TENANT_UPDATED = "TENANT_UPDATED"
    SETTINGS_CHANGED = "SETTINGS_CHANGED"
    QUOTA_CREATED = "QUOTA_CREATED"
    QUOTA_UPDATED = "QUOTA_UPDATED"
    QUOTA_DELETED = "QUOTA_DELETED"
    PRICE_RULES_CHANGED = "PRICE_RULES_CHANGED"
    COUPON_CREATED = "COUPON_CREATED"
    COUPON_UPDATED = "COUPON_UPDATED"
    COUPON_ARCHIVED = "COUPON_ARCHIVED"
    CALENDAR_FEED_CREATED = "CALENDAR_FEED_CREATED"
    CALENDAR_FEED_REVOKED = "CALENDAR_FEED_REVOKED"
    INBOX_CHANGED = "INBOX_CHANGED"
    PUSH_SUBSCRIPTION_ADDED = "PUSH_SUBSCRIPTION_ADDED"
    PUSH_SUBSCRIPTION_REMOVED = "PUSH_SUBSCRIPTION_REMOVED"
    NOTIFICATION_TEMPLATE_UPDATED = "NOTIFICATION_TEMPLATE_UPDATED"
    NOTIFICATION_TEMPLATE_RESET = "NOTIFICATION_TEMPLATE_RESET"
    NOTIFICATION_SETTINGS_CHANGED = "NOTIFICATION_SETTINGS_CHANGED"
    NOTIFICATION_PREFERENCES_CHANGED = "NOTIFICATION_PREFERENCES_CHANGED"
    CUSTOMER_CREATED = "CUSTOMER_CREATED"
    CUSTOMER_UPDATED = "CUSTOMER_UPDATED"
    CUSTOMER_DELETED = "CUSTOMER_DELETED"
    CUSTOMERS_MERGED = "CUSTOMERS_MERGED"
    CUSTOMER_MERGE_UNDONE = "CUSTOMER_MERGE_UNDONE"
    USER_INVITED = "USER_INVITED"
    USER_JOINED = "USER_JOINED"
    USER_ROLE_CHANGED = "USER_ROLE_CHANGED"
    USER_DEACTIVATED = "USER_DEACTIVATED"
    LOGIN_SUCCEEDED = "LOGIN_SUCCEEDED"
    LOGIN_FAILED = "LOGIN_FAILED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - a name
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - a name
    SESSIONS_ENDED = "SESSIONS_ENDED"
    EMAIL_VERIFIED = "EMAIL_VERIFIED"
    API_KEY_CREATED = "API_KEY_CREATED"
    API_KEY_REVOKED = "API_KEY_REVOKED"
    TRIAL_STARTED = "TRIAL_STARTED"
    SUBSCRIPTION_STARTED = "SUBSCRIPTION_STARTED"
    PLAN_CHANGED = "PLAN_CHANGED"
    NEXT_PLAN_CHANGED = "NEXT_PLAN_CHANGED"
    SUBSCRIPTION_CANCELLED = "SUBSCRIPTION_CANCELLED"
    SUBSCRIPTION_RESUMED = "SUBSCRIPTION_RESUMED"
    SUBSCRIPTION_OVERDUE = "SUBSCRIPTION_OVERDUE"
    SUBSCRIPTION_RECOVERED = "SUBSCRIPTION_RECOVERED"
    SUBSCRIPTION_ENDED = "SUBSCRIPTION_ENDED"
    PAYMENT_REQUESTED = "PAYMENT_REQUESTED"
    PAYMENT_RECEIVED = "PAYMENT_RECEIVED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    REFUND_REQUESTED = "REFUND_REQUESTED"
    REFUND_SENT = "REFUND_SENT"
    REFUND_FAILED = "REFUND_FAILED"
    WAITLIST_JOINED = "WAITLIST_JOINED"
    WAITLIST_LEFT = "WAITLIST_LEFT"
    WAITLIST_OFFERED = "WAITLIST_OFFERED"
    WAITLIST_ACCEPTED = "WAITLIST_ACCEPTED"
    WAITLIST_DECLINED = "WAITLIST_DECLINED"
    WAITLIST_EXPIRED = "WAITLIST_EXPIRED"
    EXPORT_CREATED = "EXPORT_CREATED"
    EXPORT_COMPLETED = "EXPORT_COMPLETED"
    EXPORT_FAILED = "EXPORT_FAILED"
    EXPORT_RETRIED = "EXPORT_RETRIED"
    EXPORT_DOWNLOADED = "EXPORT_DOWNLOADED"
    IMPORT_CREATED = "IMPORT_CREATED"
    IMPORT_COMPLETED = "IMPORT_COMPLETED"
    IMPORT_FAILED = "IMPORT_FAILED"
    IMPORT_UNDO_REQUESTED = "IMPORT_UNDO_REQUESTED"
    IMPORT_UNDONE = "IMPORT_UNDONE"
    ARTICLE_CREATED = "ARTICLE_CREATED"
    ARTICLE_UPDATED = "ARTICLE_UPDATED"
    ARTICLE_ARCHIVED = "ARTICLE_ARCHIVED"
    WEBHOOK_ENDPOINT_CREATED = "WEBHOOK_ENDPOINT_CREATED"
    WEBHOOK_ENDPOINT_UPDATED = "WEBHOOK_ENDPOINT_UPDATED"
    WEBHOOK_ENDPOINT_DISABLED = "WEBHOOK_ENDPOINT_DISABLED"
    WEBHOOK_ENDPOINT_DELETED = "WEBHOOK_ENDPOINT_DELETED"
    WEBHOOK_SECRET_ROTATED = "WEBHOOK_SECRET_ROTATED"  # noqa: S105 - a name
    TICKET_OPENED = "TICKET_OPENED"
    TICKET_REPLIED = "TICKET_REPLIED"
    TICKET_NOTE_ADDED = "TICKET_NOTE_ADDED"
    TICKET_ASSIGNED = "TICKET_ASSIGNED"
    TICKET_PRIORITY_CHANGED = "TICKET_PRIORITY_CHANGED"
    TICKET_SOLVED = "TICKET_SOLVED"
    TICKET_REOPENED = "TICKET_REOPENED"
    TICKET_CLOSED = "TICKET_CLOSED"
    TICKET_RATED = "TICKET_RATED"
    TICKET_ESCALATED = "TICKET_ESCALATED"
    CANNED_REPLY_CREATED = "CANNED_REPLY_CREATED"
    CANNED_REPLY_UPDATED = "CANNED_REPLY_UPDATED"
    CANNED_REPLY_DELETED = "CANNED_REPLY_DELETED"
    SUPPORT_SETTINGS_CHANGED = "SUPPORT_SETTINGS_CHANGED"


# Never stored in the log: it only records that these fields changed.
_FREE_TEXT = frozenset({"description", "note", "notes", "reason", "text"})
_LONG_TEXT = frozenset({("Article", "body")})
_CONTACT = frozenset({"name", "email", "phone", "locale"})
_OF_PEOPLE = frozenset({"Customer", "User"})


@dataclass(frozen=True, slots=True)
class Event:
    """A change of one object.

    ``before`` and ``after`` are the object's fields in JSON types, None where it didn't exist.
    Only fields that differ are stored; the values of contact data and free text become None.
    """

    type: EventType
    subject_type: str
    subject_id: UUID
    reason: str | None = None
    before: Snapshot | None = None
    after: Snapshot | None = None

    def __post_init__(self) -> None:
        before, after = self.before or {}, self.after or {}
        changed = [name for name in {**before, **after} if not _same(name, before, after)]
        for side, given in (("before", self.before), ("after", self.after)):
            if given is not None:
                kept = {name: self._shown(name, given) for name in changed if name in given}
                object.__setattr__(self, side, kept)

    def _shown(self, name: str, fields: Snapshot) -> object:
        personal = name in _CONTACT and self.subject_type in _OF_PEOPLE
        is_text = name in _FREE_TEXT or (self.subject_type, name) in _LONG_TEXT
        return None if personal or is_text else fields[name]


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An entry of the log, as passed to the handlers that run after its commit.

    ``position`` identifies it among the entries of its tenant; those of one change have the same
    ``request_id``. ``actor_id`` is the user or API key that acted; None for anonymous callers and
    the system.
    """

    position: int
    request_id: UUID
    type: EventType
    at: datetime
    actor_id: UUID | None
    subject_type: str
    subject_id: UUID
    reason: str | None
    before: Snapshot | None
    after: Snapshot | None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field's values before and after; both None if only the change itself is stored."""

    field: str
    before: object
    after: object


def changes(before: Snapshot | None, after: Snapshot | None) -> tuple[FieldChange, ...]:
    """Returns the changed fields of a stored event, in the order of its snapshots."""
    before, after = before or {}, after or {}
    return tuple(
        FieldChange(name, before=before.get(name), after=after.get(name))
        for name in {**before, **after}
    )


def _same(name: str, before: Snapshot, after: Snapshot) -> bool:
    return name in before and name in after and before[name] == after[name]
