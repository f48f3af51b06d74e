"""The events that webhooks tell of, and what is sent of each."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from domain.core.log_events import EventType

API_VERSION: Final = 1
"""The version of the payload's form. Fields may be added to it; anything else makes a new one."""
TEST: Final = "webhook.test"
"""The type of what `sendTestWebhook` sends."""


class Topic(StrEnum):
    """What an event is about: the first part of its name in webhooks."""

    BOOKING = "booking"
    GUEST_LINK = "guest_link"
    ROOM = "room"
    HOURS = "hours"
    BLACKOUT = "blackout"
    TENANT = "tenant"
    SETTINGS = "settings"
    QUOTA = "quota"
    PRICE_RULES = "price_rules"
    COUPON = "coupon"
    CUSTOMER = "customer"
    CUSTOMERS = "customers"
    CUSTOMER_MERGE = "customer_merge"
    PAYMENT = "payment"
    REFUND = "refund"
    WAITLIST = "waitlist"
    TICKET = "ticket"


def _topic(type: EventType) -> Topic | None:
    topics = [each for each in Topic if type.startswith(f"{each.name}_")]
    return max(topics, key=len, default=None)


TOPICS: Final[Mapping[EventType, Topic]] = {
    each: topic
    for each in EventType
    if (topic := _topic(each)) is not None and each is not EventType.TICKET_NOTE_ADDED
}
"""The events that webhooks can tell of: those of the venue's business, none of accounts.

Nor of internal notes: they stay in the house.
"""


def event_name(type: EventType) -> str:
    """Returns an event's name in webhooks: "booking.checked_in" for BOOKING_CHECKED_IN."""
    topic = TOPICS[type]
    return f"{topic}.{type.removeprefix(f'{topic.name}_').lower()}"


EVENT_NAMES: Final[Mapping[str, EventType]] = {event_name(each): each for each in TOPICS}


def payload(
    name: str, *, at: datetime, subject_type: str, subject_id: str, shown: object
) -> dict[str, object]:
    """Returns the body of a webhook; ``shown`` is what it shows of the object."""
    type = EVENT_NAMES.get(name)
    return {
        "type": name,
        "timestamp": _written(at),
        "data": {
            "apiVersion": API_VERSION,
            "eventType": None if type is None else type.value,
            "subjectType": subject_type,
            "subjectId": subject_id,
            "object": shown,
        },
    }


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
