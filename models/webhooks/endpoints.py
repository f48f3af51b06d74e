"""Webhook endpoints: the addresses to which events are sent."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Select,
    Update,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship, col

from domain.core.log_events import EventType
from domain.webhooks.deliveries import DisabledReason
from models.accounts.users import User
from models.core.base import INSTANT, Logged, TenantRow, one_of, refers_to


class WebhookEndpoint(TenantRow, Logged, table=True):
    """An address to which events are sent.

    ``owner_id`` or ``owner_key_id`` is who saved it last: webhooks show what they may read. The
    secrets are encrypted. ``due_at`` is when there is something to send; the process that sends it
    holds the endpoint until ``held_until``.
    """

    LOGGED: ClassVar = ("url", "description", "event_types", "query", "disabled_reason")

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        refers_to("users", "owner_id"),
        refers_to("api_keys", "owner_key_id"),
        Index(None, "tenant_id", "created_at", "id"),
        CheckConstraint("(owner_id IS NULL) <> (owner_key_id IS NULL)", name="owner"),
        CheckConstraint("jsonb_array_length(event_types) >= 1", name="event_types"),
        CheckConstraint(one_of("disabled_reason", DisabledReason), name="disabled_reason"),
        CheckConstraint(
            "(disabled_reason IS NULL) = (disabled_at IS NULL) "
            "AND (old_secret IS NULL) = (old_secret_until IS NULL) "
            "AND (held_by IS NULL) = (held_until IS NULL)",
            name="pairs",
        ),
    )

    url: str
    description: str | None = None
    event_types: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    query: str | None = None
    secret: str
    old_secret: str | None = None
    old_secret_until: datetime | None = Field(default=None, sa_type=INSTANT)
    owner_id: UUID | None = None
    owner_key_id: UUID | None = None
    disabled_at: datetime | None = Field(default=None, sa_type=INSTANT)
    disabled_reason: str | None = None
    failing_since: datetime | None = Field(default=None, sa_type=INSTANT)
    due_at: datetime | None = Field(default=None, sa_type=INSTANT)
    held_by: UUID | None = None
    held_until: datetime | None = Field(default=None, sa_type=INSTANT)
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)
    deleted_at: datetime | None = Field(default=None, sa_type=INSTANT)

    owner: User | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "WebhookEndpoint.owner_id", "lazy": "raise"}
    )

    @property
    def types(self) -> list[EventType]:
        """The types of events that are sent to it, sorted."""
        return [EventType(each) for each in self.event_types]


def webhook_endpoints_of(tenant_id: UUID) -> Select[WebhookEndpoint]:
    return select(WebhookEndpoint).where(
        col(WebhookEndpoint.tenant_id) == tenant_id, col(WebhookEndpoint.deleted_at).is_(None)
    )


def endpoints_counted(tenant_id: UUID) -> Select[int]:
    return select(func.count()).where(
        col(WebhookEndpoint.tenant_id) == tenant_id, col(WebhookEndpoint.deleted_at).is_(None)
    )


def tenants_with_endpoints(tenant_ids: Collection[UUID]) -> Select[UUID]:
    """Selects those of some tenants that have endpoints to which events are sent."""
    return (
        select(col(WebhookEndpoint.tenant_id))
        .distinct()
        .where(
            col(WebhookEndpoint.tenant_id).in_(tenant_ids),
            col(WebhookEndpoint.deleted_at).is_(None),
            col(WebhookEndpoint.disabled_at).is_(None),
        )
    )


def receiving_endpoints(tenant_ids: Collection[UUID]) -> Select[UUID, UUID, list[Any]]:
    """Selects these endpoints of some tenants: the tenant, the id and the types of events."""
    return select(
        col(WebhookEndpoint.tenant_id), col(WebhookEndpoint.id), col(WebhookEndpoint.event_types)
    ).where(
        col(WebhookEndpoint.tenant_id).in_(tenant_ids),
        col(WebhookEndpoint.deleted_at).is_(None),
        col(WebhookEndpoint.disabled_at).is_(None),
    )


def endpoints_with_other_keys(head: str) -> Select[WebhookEndpoint]:
    """Selects the endpoints with secrets that don't begin as those of the newest key do."""
    return select(WebhookEndpoint).where(
        col(WebhookEndpoint.deleted_at).is_(None),
        or_(
            ~col(WebhookEndpoint.secret).startswith(head, autoescape=True),
            ~col(WebhookEndpoint.old_secret).startswith(head, autoescape=True),
        ),
    )


def secrets_renewed(endpoint: WebhookEndpoint, secret: str | None, old: str | None) -> Update:
    """Replaces the secrets of an endpoint, unless they were replaced meanwhile."""
    return (
        update(WebhookEndpoint)
        .where(
            col(WebhookEndpoint.tenant_id) == endpoint.tenant_id,
            col(WebhookEndpoint.id) == endpoint.id,
            col(WebhookEndpoint.secret) == endpoint.secret,
        )
        .values(secret=secret, old_secret=old)
        .execution_options(synchronize_session=False)
    )
