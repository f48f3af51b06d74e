"""Deliveries of notifications, and what has become of them, for 90 days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Delete,
    Index,
    Select,
    UniqueConstraint,
    delete,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Field, Relationship, col

from domain.core.ids import UserId
from domain.core.log_events import EventType
from domain.notifications.deliveries import DeliveryReason, DeliveryState
from domain.notifications.kinds import Channel, NotificationKind
from models.accounts.users import User
from models.audit.log import LogEntry
from models.bookings.bookings import Booking
from models.core.base import INSTANT, TenantRow, one_of, refers_to
from models.core.filters import DateTimeRange, IdFilter, is_among, is_any, within
from models.customers.customers import Customer
from models.tenants import Tenant

_NEVER_AGAIN: Final = (DeliveryReason.BOUNCED.value, DeliveryReason.COMPLAINED.value)


class NotificationDelivery(TenantRow, table=True):
    """One notification for one recipient by one channel. It has neither its text nor the address.

    ``cause`` names what it follows from, once for each recipient, kind and channel: an entry of the
    log, a reminder of a booking's start, or the digest of a date. ``recipient_id`` is the customer
    or user that it was made for, also after the customer was merged into another one.
    """

    __tablename__ = "notification_deliveries"
    __table_args__ = (
        refers_to("customers", "customer_id"),
        refers_to("users", "user_id"),
        refers_to("bookings", "booking_id"),
        UniqueConstraint("tenant_id", "cause", "recipient_id", "kind", "channel"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "booking_id"),
        Index(None, "tenant_id", "customer_id"),
        Index(
            "ix_notification_deliveries_bounced",
            "tenant_id",
            "address_hash",
            postgresql_where=text("reason IN ('bounced', 'complained')"),
        ),
        CheckConstraint(one_of("kind", NotificationKind), name="kind"),
        CheckConstraint(one_of("channel", Channel), name="channel"),
        CheckConstraint(one_of("state", DeliveryState), name="state"),
        CheckConstraint(one_of("reason", DeliveryReason), name="reason"),
        CheckConstraint("(customer_id IS NULL) <> (user_id IS NULL)", name="recipient"),
    )

    kind: str
    channel: str
    state: str = DeliveryState.QUEUED.value
    reason: str | None = None
    cause: str
    recipient_id: UUID
    customer_id: UUID | None = None
    user_id: UUID | None = None
    booking_id: UUID | None = None
    details: dict[str, Any] | None = Field(
        default=None,
        sa_column=Column(JSONB(none_as_null=True)),
        description="What the text needs of the cause besides the booking, such as an amount.",
    )
    address_hash: bytes | None = Field(
        default=None, description="Of the address that it was sent to, to know one that bounced."
    )
    attempts: int = 0
    provider_id: str | None = None
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)
    sent_at: datetime | None = Field(default=None, sa_type=INSTANT)
    delivered_at: datetime | None = Field(default=None, sa_type=INSTANT)

    booking: Booking | None = Relationship(
        sa_relationship_kwargs={
            "foreign_keys": "NotificationDelivery.booking_id",
            "lazy": "raise",
        }
    )
    customer: Customer | None = Relationship(
        sa_relationship_kwargs={
            "foreign_keys": "NotificationDelivery.customer_id",
            "lazy": "raise",
        }
    )
    user: User | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "NotificationDelivery.user_id", "lazy": "raise"}
    )


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    statuses: tuple[DeliveryState, ...] | None = None
    kinds: tuple[NotificationKind, ...] | None = None
    channels: tuple[Channel, ...] | None = None
    booking_id: IdFilter | None = None
    customer_id: IdFilter | None = None
    user_id: UserId | None = None
    created_at: DateTimeRange | None = None


def deliveries_of(tenant_id: UUID) -> Select[NotificationDelivery]:
    return select(NotificationDelivery).where(col(NotificationDelivery.tenant_id) == tenant_id)


def deliveries_matching(
    deliveries: Select[NotificationDelivery], filter: DeliveryFilter | None
) -> Select[NotificationDelivery]:
    """Filters deliveries by all given conditions."""
    if filter is None:
        return deliveries
    row = NotificationDelivery
    for column, values in (
        (row.state, filter.statuses),
        (row.kind, filter.kinds),
        (row.channel, filter.channels),
    ):
        if values is not None:
            deliveries = deliveries.where(is_any(column, [each.value for each in values]))
    if filter.user_id is not None:
        deliveries = deliveries.where(col(row.user_id) == filter.user_id)
    return deliveries.where(
        is_among(row.booking_id, filter.booking_id),
        is_among(row.customer_id, filter.customer_id),
        within(row.created_at, filter.created_at),
    )


def delivery_of(tenant_id: UUID, id: UUID, *, for_update: bool = False) -> Select[Any]:
    found = deliveries_of(tenant_id).where(col(NotificationDelivery.id) == id)
    return (
        found.with_for_update().execution_options(populate_existing=True) if for_update else found
    )


def earlier_of_request(
    tenant_id: UUID, request_id: UUID, type: EventType, *, at: datetime, before: int
) -> Select[int | None]:
    """Selects the place in the log of an earlier entry of the same type and change, made ``at``."""
    return (
        select(col(LogEntry.position))
        .where(
            col(LogEntry.tenant_id) == tenant_id,
            col(LogEntry.at) == at,
            col(LogEntry.position) < before,
            col(LogEntry.request_id) == request_id,
            col(LogEntry.type) == type.value,
        )
        .limit(1)
    )


def inserted_once(rows: Sequence[Mapping[str, object]]) -> ReturningInsert[Any]:
    """Inserts deliveries; those that exist already are left out. Returns the ids of the others."""
    return (
        insert(NotificationDelivery)
        .values(list(rows))
        .on_conflict_do_nothing(
            index_elements=["tenant_id", "cause", "recipient_id", "kind", "channel"]
        )
        .returning(col(NotificationDelivery.id))
    )


def bounced(tenant_id: UUID, address_hash: bytes) -> Select[UUID]:
    """Selects a delivery to this address that bounced, or that its recipient complained of."""
    return (
        select(col(NotificationDelivery.id))
        .where(
            col(NotificationDelivery.tenant_id) == tenant_id,
            col(NotificationDelivery.address_hash) == address_hash,
            col(NotificationDelivery.reason).in_(_NEVER_AGAIN),
        )
        .limit(1)
    )


def deliveries_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of deliveries that were made before an instant."""
    key = tuple_(col(NotificationDelivery.tenant_id), col(NotificationDelivery.id))
    of_tenant = (
        select(*key.clauses)
        .where(
            col(NotificationDelivery.tenant_id) == col(Tenant.id),
            col(NotificationDelivery.created_at) < cutoff,
        )
        .limit(limit)
        .correlate(Tenant)
        .lateral("old")
    )
    old: Any = select(*of_tenant.c).select_from(Tenant).join(of_tenant, true()).limit(limit)
    return delete(NotificationDelivery).where(key.in_(old))
