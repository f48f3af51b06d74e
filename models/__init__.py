"""What is stored: tables, and statements with names. Only a scope executes them."""

from typing import Any, Final

from sqlmodel import SQLModel

from models.allowances import SpentAllowance
from models.api_keys import ApiKey
from models.billing import BillingInvoice, BillingSubscription
from models.bookings import Booking
from models.customers import Customer
from models.hours import Blackout, HoursException, WeekdayHours
from models.idempotency import IdempotentResult
from models.log import LogEntry, RequestOrigin
from models.payments import LedgerEntry, Payment, Receipt, ReceiptCounter, Refund
from models.rooms import Room
from models.sessions import MailedToken, RefreshToken, Session
from models.tenants import Tenant, UsageCounter
from models.users import User
from models.webhooks import WebhookEvent
from models.zone_clocks import ZoneClock

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
    "ApiKey",
    "BillingInvoice",
    "BillingSubscription",
    "Blackout",
    "Booking",
    "Customer",
    "HoursException",
    "IdempotentResult",
    "LedgerEntry",
    "LogEntry",
    "MailedToken",
    "Payment",
    "Receipt",
    "ReceiptCounter",
    "RefreshToken",
    "Refund",
    "RequestOrigin",
    "Room",
    "Session",
    "SpentAllowance",
    "Tenant",
    "UsageCounter",
    "User",
    "WebhookEvent",
    "WeekdayHours",
    "ZoneClock",
]
