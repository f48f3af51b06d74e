"""The browsers to which users want web pushes."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Index, Select, UniqueConstraint, select
from sqlmodel import Field, col

from models.core.base import INSTANT, Logged, TenantRow, refers_to
from models.core.filters import is_any


class PushSubscription(TenantRow, Logged, table=True):
    """A browser of a user, with the keys by which pushes to it are encrypted."""

    LOGGED: ClassVar = ("user_id",)

    __tablename__ = "push_subscriptions"
    __table_args__ = (
        refers_to("users", "user_id"),
        UniqueConstraint("tenant_id", "endpoint"),
        Index(None, "tenant_id", "user_id", "created_at"),
    )

    user_id: UUID
    endpoint: str
    p256dh: str
    auth: str
    created_at: datetime = Field(sa_type=INSTANT)


def subscriptions_of(tenant_id: UUID, user_id: UUID | None) -> Select[PushSubscription]:
    """Selects the subscriptions of a user, latest first."""
    return (
        select(PushSubscription)
        .where(
            col(PushSubscription.tenant_id) == tenant_id,
            col(PushSubscription.user_id) == user_id,
        )
        .order_by(col(PushSubscription.created_at).desc(), col(PushSubscription.id).desc())
    )


def subscription_at(tenant_id: UUID, endpoint: str) -> Select[PushSubscription]:
    """Selects the subscription of a browser, whoever has made it."""
    return select(PushSubscription).where(
        col(PushSubscription.tenant_id) == tenant_id, col(PushSubscription.endpoint) == endpoint
    )


def subscription_with(tenant_id: UUID, id: UUID) -> Select[PushSubscription]:
    return select(PushSubscription).where(
        col(PushSubscription.tenant_id) == tenant_id, col(PushSubscription.id) == id
    )


def users_with_browsers(tenant_id: UUID, user_ids: Sequence[UUID]) -> Select[UUID]:
    """Selects those of some users who have registered a browser."""
    return (
        select(col(PushSubscription.user_id))
        .where(
            col(PushSubscription.tenant_id) == tenant_id, is_any(PushSubscription.user_id, user_ids)
        )
        .distinct()
    )
