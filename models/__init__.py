"""Tables and named statements, which only a scope executes."""

from typing import Any, Final

from sqlmodel import SQLModel

from models.accounts.api_keys import ApiKey
from models.accounts.sessions import MailedToken, RefreshToken, Session
from models.accounts.users import User
from models.analytics.behaviour import FunnelCount, TrackedKey
from models.analytics.exports import Export
from models.analytics.forecasts import StoredForecast
from models.analytics.platform import PlatformDay, SubscriptionDay
from models.analytics.rollups import (
    AnalyticsDay,
    AnalyticsDirtyDay,
    AnalyticsRoomDay,
    AnalyticsState,
)
from models.analytics.top_customers import AnalyticsCustomerQuarter
from models.assistant.conversations import Conversation, Message
from models.assistant.proposals import Proposal
from models.assistant.usage import AssistantDay
from models.audit.event_handlers import EventHandlerPosition, EventHandlerStart, PendingEvent
from models.audit.log import LogEntry, RequestOrigin
from models.billing import BillingInvoice, BillingSubscription
from models.bookings.bookings import Booking
from models.bookings.calendar_feeds import CalendarFeed
from models.bookings.coupons import Coupon
from models.bookings.occupancy import Occupancy
from models.bookings.past_bookings import PastBooking
from models.bookings.price_rules import PriceRule
from models.bookings.quotas import BookingQuota
from models.bookings.series import BookingSeries
from models.bookings.waitlist import WaitlistEntry
from models.core.allowances import SpentAllowance
from models.core.idempotency import IdempotentResult
from models.core.zone_clocks import ZoneClock
from models.customers.customers import Customer
from models.customers.merges import CustomerMerge
from models.imports.imports import Import, ImportRow
from models.notifications.deliveries import NotificationDelivery
from models.notifications.due import NotificationClock
from models.notifications.inbox import InboxEntry
from models.notifications.opt_outs import NotificationOptOut
from models.notifications.push_subscriptions import PushSubscription
from models.notifications.settings import NotificationSettings
from models.notifications.stopped_numbers import StoppedNumber
from models.notifications.templates import NotificationTemplate
from models.payments.gateway_events import WebhookEvent
from models.payments.payments import LedgerEntry, Payment, Receipt, ReceiptCounter, Refund
from models.support.articles import Article, ArticleIndex, ArticlePassage
from models.support.canned_replies import CannedReply
from models.support.settings import SupportSettings
from models.support.tickets import Ticket, TicketMessage
from models.tenants import Tenant, UsageCounter
from models.venue.hours import Blackout, HoursException, WeekdayHours
from models.venue.rooms import Room
from models.webhooks.deliveries import WebhookDelivery
from models.webhooks.endpoints import WebhookEndpoint

METADATA: Final = SQLModel.metadata
"""All tables."""

TABLES: Final[dict[str, Any]] = {
    mapper.local_table.name: mapper.class_  # type: ignore[attr-defined]
    for mapper in SQLModel._sa_registry.mappers  # noqa: SLF001 - it has no public name
}
"""The class of each table, by the table's name."""

__all__ = [
    "METADATA",
    "TABLES",
    "AnalyticsCustomerQuarter",
    "AnalyticsDay",
    "AnalyticsDirtyDay",
    "AnalyticsRoomDay",
    "AnalyticsState",
    "ApiKey",
    "Article",
    "ArticleIndex",
    "ArticlePassage",
    "AssistantDay",
    "BillingInvoice",
    "BillingSubscription",
    "Blackout",
    "Booking",
    "BookingQuota",
    "BookingSeries",
    "CalendarFeed",
    "CannedReply",
    "Conversation",
    "Coupon",
    "Customer",
    "CustomerMerge",
    "EventHandlerPosition",
    "EventHandlerStart",
    "Export",
    "FunnelCount",
    "HoursException",
    "IdempotentResult",
    "Import",
    "ImportRow",
    "InboxEntry",
    "LedgerEntry",
    "LogEntry",
    "MailedToken",
    "Message",
    "NotificationClock",
    "NotificationDelivery",
    "NotificationOptOut",
    "NotificationSettings",
    "NotificationTemplate",
    "Occupancy",
    "PastBooking",
    "Payment",
    "PendingEvent",
    "PlatformDay",
    "PriceRule",
    "Proposal",
    "PushSubscription",
    "Receipt",
    "ReceiptCounter",
    "RefreshToken",
    "Refund",
    "RequestOrigin",
    "Room",
    "Session",
    "SpentAllowance",
    "StoppedNumber",
    "StoredForecast",
    "SubscriptionDay",
    "SupportSettings",
    "Tenant",
    "Ticket",
    "TicketMessage",
    "TrackedKey",
    "UsageCounter",
    "User",
    "WaitlistEntry",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "WeekdayHours",
    "ZoneClock",
]
