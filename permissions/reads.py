"""Permissions for indirect reads: filters and sort keys of lists, and the log.

Filtering a list by a column reveals its values: an address was found by a search in a few hundred
tries. So each part of a filter and each sort key requires the permission of its column.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from domain.core.log_events import EventType
from kit.actor import Actor
from models.analytics.filters import AnalyticsFilter
from models.audit.log import AuditFilter
from models.bookings.filters import BookingFilter, BookingOrder, BookingOrderField
from models.bookings.series import SeriesFilter
from models.bookings.waitlist import WaitlistFilter
from models.customers.customers import CustomerFilter, CustomerOrder, CustomerOrderField
from models.notifications.deliveries import DeliveryFilter
from models.support.tickets import TicketFilter
from models.venue.rooms import RoomFilter, RoomOrder, RoomOrderField
from models.webhooks.deliveries import WebhookDeliveryFilter
from permissions.policy import may, refusal
from permissions.roles import P, Permission

FILTERS: Final[Mapping[type, Mapping[str, Permission]]] = {
    AnalyticsFilter: {
        "room_ids": P.ROOMS_READ,
        "categories": P.ROOMS_READ,
    },
    AuditFilter: {
        "at": P.AUDIT_READ,
        "types": P.AUDIT_READ,
        "user_id": P.USERS_READ,
        "subject_id": P.AUDIT_READ,
    },
    BookingFilter: {
        "overlaps": P.BOOKINGS_READ,
        "starts_at": P.BOOKINGS_READ,
        "updated_at": P.BOOKINGS_READ,
        "room_id": P.BOOKINGS_READ,
        "customer_id": P.CUSTOMERS_READ,
        "status": P.BOOKINGS_READ,
        # The search covers only permitted columns: see ``resolvers/customers/``.
        "search": P.BOOKINGS_READ,
    },
    CustomerFilter: {
        "search": P.CUSTOMERS_READ,
        "email": P.CUSTOMERS_CONTACT,
        "phone": P.CUSTOMERS_CONTACT,
        "tag": P.CUSTOMERS_NOTES,
    },
    DeliveryFilter: {
        "statuses": P.NOTIFICATIONS_READ,
        "kinds": P.NOTIFICATIONS_READ,
        "channels": P.NOTIFICATIONS_READ,
        "booking_id": P.BOOKINGS_READ,
        "customer_id": P.CUSTOMERS_READ,
        "user_id": P.USERS_READ,
        "created_at": P.NOTIFICATIONS_READ,
    },
    RoomFilter: {
        "search": P.ROOMS_READ,
        "category": P.ROOMS_READ,
        "min_capacity": P.ROOMS_READ,
        "archived": P.ROOMS_READ,
    },
    SeriesFilter: {
        "room_id": P.BOOKINGS_READ,
        "customer_id": P.CUSTOMERS_READ,
    },
    TicketFilter: {
        "statuses": P.SUPPORT_READ,
        "priorities": P.SUPPORT_READ,
        "customer_id": P.CUSTOMERS_READ,
        "assignee_id": P.USERS_READ,
        "booking_id": P.BOOKINGS_READ,
        "unassigned": P.SUPPORT_READ,
        "created_at": P.SUPPORT_READ,
    },
    WaitlistFilter: {
        "statuses": P.BOOKINGS_READ,
        "customer_id": P.CUSTOMERS_READ,
    },
    WebhookDeliveryFilter: {
        "statuses": P.WEBHOOKS_READ,
        "event_types": P.WEBHOOKS_READ,
        "created_at": P.WEBHOOKS_READ,
    },
}
"""The permission that each part of a filter requires."""

ORDERS: Final[Mapping[type, Mapping[Enum, Permission]]] = {
    BookingOrder: {
        BookingOrderField.STARTS_AT: P.BOOKINGS_READ,
        BookingOrderField.CREATED_AT: P.BOOKINGS_READ,
        BookingOrderField.UPDATED_AT: P.BOOKINGS_READ,
    },
    CustomerOrder: {
        CustomerOrderField.NAME: P.CUSTOMERS_READ,
        CustomerOrderField.CREATED_AT: P.CUSTOMERS_READ,
    },
    RoomOrder: {
        RoomOrderField.NAME: P.ROOMS_READ,
        RoomOrderField.CAPACITY: P.ROOMS_READ,
        RoomOrderField.CREATED_AT: P.ROOMS_READ,
    },
}
"""The permission that each sort key requires."""

_SUBJECTS: Final[Mapping[str, Permission]] = {
    "ApiKey": P.API_KEYS_READ,
    "CannedReply": P.SUPPORT_READ,
    "BillingSubscription": P.BILLING_READ,
    "Blackout": P.HOURS_READ,
    "Booking": P.BOOKINGS_READ,
    "Customer": P.CUSTOMERS_READ,
    "PriceRule": P.PRICES_READ,
    "Room": P.ROOMS_READ,
    "Tenant": P.TENANT_READ,
    "Ticket": P.SUPPORT_READ,
    "User": P.USERS_READ,
    "WebhookEndpoint": P.WEBHOOKS_READ,
}
_LOGGED_FIELDS: Final[Mapping[str, Permission]] = {
    "customer_id": P.CUSTOMERS_READ,
    "conditions": P.CUSTOMERS_NOTES,
    "hourly_rate": P.PRICES_READ,
    "price": P.PRICES_READ,
    "tags": P.CUSTOMERS_NOTES,
}
_EVENTS: Final[Mapping[EventType, Permission]] = {
    EventType.HOURS_CHANGED: P.HOURS_READ,
    EventType.PRICE_RULES_CHANGED: P.PRICES_READ,
    **{each: P.PAYMENTS_READ for each in EventType if each.startswith(("PAYMENT_", "REFUND_"))},
}
"""Fields of events that belong to another object than the event's subject."""


def check_reads(actor: Actor, arguments: Mapping[str, Any]) -> None:
    """Raises Forbidden if a list is filtered or sorted by a column the actor may not read."""
    for permission in _needed(arguments):
        if not may(actor, permission):
            raise refusal(actor, permission)


def may_read_logged(actor: Actor, entry_type: EventType, subject_type: str, field: str) -> bool:
    """Returns whether the actor may read the logged values of a field."""
    # Fields of unlisted objects need the permission to change the tenant.
    needed = [_SUBJECTS.get(subject_type, P.TENANT_WRITE)]
    if field in _LOGGED_FIELDS:
        needed.append(_LOGGED_FIELDS[field])
    if entry_type in _EVENTS:
        needed.append(_EVENTS[entry_type])
    return all(may(actor, each) for each in needed)


def _needed(arguments: Mapping[str, Any]) -> Iterator[Permission]:
    for value in arguments.values():
        if (parts := FILTERS.get(type(value))) is not None:
            yield from (parts[name] for name in parts if getattr(value, name) is not None)
        elif isinstance(value, tuple):
            yield from (ORDERS[type(each)][each.field] for each in value if type(each) in ORDERS)
