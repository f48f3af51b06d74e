"""Deliveries of webhooks: an event for an endpoint, and the attempts to send it."""

from collections.abc import Collection, Sequence
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
    and_,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased
from sqlmodel import Field, Relationship, col

from domain.webhooks.deliveries import DeliveryStatus
from models.core.base import INSTANT, TenantRow, one_of, refers_to
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


# ------------------------------------------------------------------------------ sending


def endpoints_woken(keys: Collection[Key], *, now: datetime) -> Update:
    """Notes that there is something to send to some endpoints."""
    due_at = func.least(func.coalesce(col(WebhookEndpoint.due_at), now), now)
    return (
        update(WebhookEndpoint)
        .where(_are(keys))
        .values(due_at=due_at)
        .execution_options(synchronize_session=False)
    )


def due_endpoints_held(
    holder: UUID, *, now: datetime, until: datetime, limit: int, keys: Collection[Key] | None = None
) -> Update:
    """Holds endpoints to which something is to be sent, and that no process holds; returns keys.

    Of ``keys`` only, if given.
    """
    due = (
        select(col(WebhookEndpoint.tenant_id), col(WebhookEndpoint.id))
        .where(
            col(WebhookEndpoint.due_at) <= now,
            or_(col(WebhookEndpoint.held_until).is_(None), col(WebhookEndpoint.held_until) < now),
            _is_open(),
            *(() if keys is None else (_are(keys),)),
        )
        .order_by(col(WebhookEndpoint.due_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    key = tuple_(col(WebhookEndpoint.tenant_id), col(WebhookEndpoint.id))
    return (
        update(WebhookEndpoint)
        .where(key.in_(due))
        .values(held_by=holder, held_until=until)
        .returning(*key.clauses)
        .execution_options(synchronize_session=False)
    )


def hold_renewed(
    key: Key, holder: UUID, *, now: datetime, until: datetime, answered: bool | None
) -> Update:
    """Goes on holding an endpoint, and returns it; no row if it is disabled, or held by another.

    ``answered`` is whether it has just accepted anything; None if nothing was sent.
    """
    failing_since: Any = col(WebhookEndpoint.failing_since)
    if answered is not None:
        failing_since = None if answered else func.coalesce(failing_since, now)
    return (
        update(WebhookEndpoint)
        .where(_are([key]), col(WebhookEndpoint.held_by) == holder, _is_open())
        .values(held_until=until, failing_since=failing_since)
        .returning(WebhookEndpoint)
        .execution_options(synchronize_session=False)
    )


def hold_ended(key: Key, holder: UUID) -> Update:
    """Lets go of an endpoint, until its next delivery is due."""
    next_at = (
        select(func.min(col(WebhookDelivery.next_attempt_at)))
        .where(*_first_ones(key))
        .scalar_subquery()
    )
    return (
        update(WebhookEndpoint)
        .where(_are([key]), col(WebhookEndpoint.held_by) == holder)
        .values(held_by=None, held_until=None, due_at=next_at)
        .execution_options(synchronize_session=False)
    )


def due_deliveries(key: Key, *, now: datetime, limit: int) -> Select[WebhookDelivery]:
    """Selects what is to be sent to an endpoint now: of each object the first one, in order."""
    return (
        select(WebhookDelivery)
        .where(*_first_ones(key), col(WebhookDelivery.next_attempt_at) <= now)
        .order_by(col(WebhookDelivery.sequence))
        .limit(limit)
    )


def attempted(delivery: WebhookDelivery, **values: Any) -> Update:
    """Stores the outcome of an attempt."""
    return (
        update(WebhookDelivery)
        .where(
            col(WebhookDelivery.tenant_id) == delivery.tenant_id,
            col(WebhookDelivery.id) == delivery.id,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _of(key: Key) -> tuple[Any, ...]:
    return col(WebhookDelivery.tenant_id) == key[0], col(WebhookDelivery.endpoint_id) == key[1]


def _are(keys: Collection[Key]) -> Any:
    """The condition that endpoints have one of these keys."""
    return tuple_(col(WebhookEndpoint.tenant_id), col(WebhookEndpoint.id)).in_(list(keys))


def _is_open() -> Any:
    return and_(
        col(WebhookEndpoint.deleted_at).is_(None), col(WebhookEndpoint.disabled_at).is_(None)
    )


def _first_ones(key: Key) -> Sequence[Any]:
    """The conditions that deliveries wait, and none of the same object waits before them."""
    earlier = aliased(WebhookDelivery)
    is_behind = (
        select(col(earlier.id))
        .where(
            col(earlier.tenant_id) == col(WebhookDelivery.tenant_id),
            col(earlier.endpoint_id) == col(WebhookDelivery.endpoint_id),
            col(earlier.subject_id) == col(WebhookDelivery.subject_id),
            col(earlier.status) == DeliveryStatus.WAITING.value,
            col(earlier.sequence) < col(WebhookDelivery.sequence),
        )
        .correlate(WebhookDelivery)
        .exists()
    )
    return (
        *_of(key),
        col(WebhookDelivery.status) == DeliveryStatus.WAITING.value,
        ~is_behind,
    )
