"""What recipients don't want to be sent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Delete, Index, Select, delete, func, select
from sqlmodel import Field, col

from domain.notifications.kinds import Channel, NotificationKind
from models.core.base import INSTANT, TenantRow, one_of, refers_to
from models.core.filters import is_any


class NotificationOptOut(TenantRow, table=True):
    """A kind that a customer or a user of the team doesn't want by a channel.

    A customer who was merged into another one may leave the same twice, which means no more.
    """

    __tablename__ = "notification_opt_outs"
    __table_args__ = (
        refers_to("customers", "customer_id"),
        refers_to("users", "user_id"),
        Index(None, "tenant_id", "customer_id"),
        Index(None, "tenant_id", "user_id"),
        CheckConstraint("(customer_id IS NULL) <> (user_id IS NULL)", name="recipient"),
        CheckConstraint(one_of("kind", NotificationKind), name="kind"),
        CheckConstraint(one_of("channel", Channel), name="channel"),
    )

    customer_id: UUID | None = None
    user_id: UUID | None = None
    kind: str
    channel: str
    created_at: datetime = Field(sa_type=INSTANT)


def opt_outs_of(tenant_id: UUID, recipient_ids: list[UUID]) -> Select[NotificationOptOut]:
    """Selects what these customers and users don't want."""
    customer: Any = NotificationOptOut.customer_id
    user: Any = NotificationOptOut.user_id
    return select(NotificationOptOut).where(
        col(NotificationOptOut.tenant_id) == tenant_id,
        is_any(customer, recipient_ids) | is_any(user, recipient_ids),
    )


def opt_outs_removed(
    tenant_id: UUID, recipient_id: UUID, kind: NotificationKind, channel: Channel
) -> Delete:
    recipient = func.coalesce(col(NotificationOptOut.customer_id), col(NotificationOptOut.user_id))
    return (
        delete(NotificationOptOut)
        .where(
            col(NotificationOptOut.tenant_id) == tenant_id,
            recipient == recipient_id,
            col(NotificationOptOut.kind) == kind.value,
            col(NotificationOptOut.channel) == channel.value,
        )
        .execution_options(synchronize_session=False)
    )
