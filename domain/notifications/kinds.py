"""The kinds of notifications, and the channels that bring them."""

from enum import StrEnum
from typing import Final


class Channel(StrEnum):
    """What brings a notification to its recipient."""

    EMAIL = "EMAIL"
    SMS = "SMS"
    PUSH = "PUSH"
    IN_APP = "IN_APP"


class NotificationKind(StrEnum):
    """What a notification is about. Those that begin with STAFF are for the venue's team."""

    BOOKING_REQUESTED = "BOOKING_REQUESTED"
    BOOKING_CONFIRMED = "BOOKING_CONFIRMED"
    BOOKING_CHANGED = "BOOKING_CHANGED"
    BOOKING_CANCELLED = "BOOKING_CANCELLED"
    BOOKING_REJECTED = "BOOKING_REJECTED"
    BOOKING_REMINDER = "BOOKING_REMINDER"
    PAYMENT_RECEIVED = "PAYMENT_RECEIVED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    REFUNDED = "REFUNDED"
    WAITLIST_OFFERED = "WAITLIST_OFFERED"
    REVIEW_ASKED = "REVIEW_ASKED"
    TICKET_RECEIVED = "TICKET_RECEIVED"
    TICKET_ANSWERED = "TICKET_ANSWERED"
    STAFF_DIGEST = "STAFF_DIGEST"
    STAFF_BOOKING_CREATED = "STAFF_BOOKING_CREATED"
    STAFF_BOOKING_CANCELLED = "STAFF_BOOKING_CANCELLED"
    STAFF_TICKET_OPENED = "STAFF_TICKET_OPENED"
    STAFF_TICKET_REPLIED = "STAFF_TICKET_REPLIED"
    STAFF_TICKET_DUE = "STAFF_TICKET_DUE"


TICKET_KINDS: Final = frozenset(each for each in NotificationKind if "TICKET_" in each)
"""The kinds that are about a support ticket, and about no booking."""
