"""Deliveries of webhooks: an event for an endpoint, and the attempts to send it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Delete,
    Identity,
    Index,
    Select,
    Update,
    delete,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship, col

from domain.core.log_events import EventType
from domain.webhooks.deliveries import DeliveryStatus
from domain.webhooks.events import TOPICS, event_name
from models.core.base import INSTANT, TenantRow, one_of, refers_to
from models.core.filters import DateTimeRange, is_any, within
from models.webhooks.endpoints import WebhookEndpoint

_WAITING: Final = text("status = 'WAITING'")

Key = tuple[UUID, UUID]
"""A tenant, and the id of one of its endpoints."""


class WebhookDelivery(TenantRow, table=True):
    """An event that is sent to an endpoint; ``sequence`` is its place among the endpoint's.

    ``attempts`` are the last ones, the newest last; ``attempt_count`` counts them since it was last
    replayed.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        refers_to("webhook_endpoints", "endpoint_id"),
        Index(None, "tenant_id", "endpoint_id", "created_at", "id"),
        Index(None, "tenant_id", "created_at"),
        Index(
            "ix_webhook_deliveries_waiting",
            *("tenant_id", "endpoint_id", "sequence"),
            postgresql_where=_WAITING,
        ),
        Index(
            "ix_webhook_deliveries_waiting_in_order",
            *("tenant_id", "endpoint_id", "subject_id", "sequence"),
            postgresql_where=_WAITING,
        ),
        CheckConstraint(one_of("status", DeliveryStatus), name="status"),
        CheckConstraint(
            "(status = 'WAITING') = (next_attempt_at IS NOT NULL) "
            "AND (status <> 'DELIVERED' OR delivered_at IS NOT NULL)",
            name="ended",
        ),
    )

    endpoint_id: UUID
    sequence: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), nullable=False)
    )
    type: str
    event_at: datetime = Field(sa_type=INSTANT)
    subject_type: str
    subject_id: UUID
    status: str = DeliveryStatus.WAITING.value
    attempt_count: int = 0
    attempts: list[Any] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default="[]")
    )
    next_attempt_at: datetime | None = Field(default=None, sa_type=INSTANT)
    delivered_at: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)

    endpoint: WebhookEndpoint = Relationship(
        sa_relationship_kwargs={"foreign_keys": "WebhookDelivery.endpoint_id", "lazy": "raise"}
    )


@dataclass(frozen=True, slots=True)
class WebhookDeliveryFilter:
    statuses: tuple[DeliveryStatus, ...] | None = None
    event_types: tuple[EventType, ...] | None = None
    created_at: DateTimeRange | None = None


def webhook_deliveries_matching(
    deliveries: Select[WebhookDelivery], filter: WebhookDeliveryFilter | None
) -> Select[WebhookDelivery]:
    """Filters deliveries by all given conditions."""
    if filter is None:
        return deliveries
    if filter.statuses is not None:
        deliveries = deliveries.where(is_any(WebhookDelivery.status, filter.statuses))
    if filter.event_types is not None:
        # Of a type that webhooks don't tell of, there are none.
        names = [event_name(each) for each in filter.event_types if each in TOPICS]
        deliveries = deliveries.where(is_any(WebhookDelivery.type, names))
    return deliveries.where(within(WebhookDelivery.created_at, filter.created_at))


def webhook_deliveries_of(tenant_id: UUID) -> Select[WebhookDelivery]:
    """Selects the deliveries to endpoints that aren't deleted."""
    endpoints = select(col(WebhookEndpoint.id)).where(
        col(WebhookEndpoint.tenant_id) == tenant_id, col(WebhookEndpoint.deleted_at).is_(None)
    )
    return select(WebhookDelivery).where(
        col(WebhookDelivery.tenant_id) == tenant_id, col(WebhookDelivery.endpoint_id).in_(endpoints)
    )


def tests_waiting(tenant_id: UUID, endpoint_id: UUID) -> Select[int]:
    """Counts the tests that wait to be sent to an endpoint: their subject is the endpoint."""
    return select(func.count()).where(
        *_of((tenant_id, endpoint_id)),
        col(WebhookDelivery.subject_id) == endpoint_id,
        col(WebhookDelivery.status) == DeliveryStatus.WAITING.value,
    )


def replayed(
    key: Key, *, now: datetime, since: datetime, statuses: Collection[DeliveryStatus], limit: int
) -> Update:
    """Lets an endpoint's deliveries of events since an instant wait again, the oldest first."""
    some = (
        select(col(WebhookDelivery.id))
        .where(
            *_of(key),
            col(WebhookDelivery.created_at) >= since,
            col(WebhookDelivery.status).in_([each.value for each in statuses]),
        )
        .order_by(col(WebhookDelivery.created_at), col(WebhookDelivery.id))
        .limit(limit)
    )
    return (
        update(WebhookDelivery)
        .where(*_of(key), col(WebhookDelivery.id).in_(some))
        .values(status=DeliveryStatus.WAITING.value, attempt_count=0, next_attempt_at=now)
        .execution_options(synchronize_session=False)
    )


def deliveries_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of deliveries of events before an instant."""
    key = tuple_(col(WebhookDelivery.tenant_id), col(WebhookDelivery.id))
    old = select(*key.clauses).where(col(WebhookDelivery.created_at) < cutoff).limit(limit)
    return delete(WebhookDelivery).where(key.in_(old))


def endpoints_woken(keys: Collection[Key], *, now: datetime) -> Update:
    """Notes that there is something to send to some endpoints."""
    key = tuple_(col(WebhookEndpoint.tenant_id), col(WebhookEndpoint.id))
    # In order, so that nobody who changes several of them waits for another one in a circle.
    locked = (
        select(*key.clauses)
        .where(key.in_(list(keys)))
        .order_by(*key.clauses)
        .with_for_update(key_share=True)
        .cte("locked")
        .prefix_with("MATERIALIZED")
    )
    return (
        update(WebhookEndpoint)
        .where(key.in_(select(*locked.c)))
        .values(due_at=func.least(func.coalesce(col(WebhookEndpoint.due_at), now), now))
        .execution_options(synchronize_session=False)
    )


def _of(key: Key) -> tuple[Any, ...]:
    return col(WebhookDelivery.tenant_id) == key[0], col(WebhookDelivery.endpoint_id) == key[1]
