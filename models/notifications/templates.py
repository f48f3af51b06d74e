"""Texts of notifications that venues have written themselves."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Select, UniqueConstraint, select
from sqlmodel import Field, col

from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.languages import LANGUAGES
from models.core.base import INSTANT, Logged, TenantRow, one_of

_LANGUAGES = ", ".join(f"'{each}'" for each in LANGUAGES)


class NotificationTemplate(TenantRow, Logged, table=True):
    """A venue's text of a kind, for a channel and in a language.

    Without a body it is the product's again; the row stays, so that its version goes on.
    """

    LOGGED: ClassVar = ("kind", "channel", "language", "subject", "body")

    __tablename__ = "notification_templates"
    __table_args__ = (
        UniqueConstraint("tenant_id", "kind", "channel", "language"),
        CheckConstraint(one_of("kind", NotificationKind), name="kind"),
        CheckConstraint(one_of("channel", Channel), name="channel"),
        CheckConstraint(f"language IN ({_LANGUAGES})", name="language"),
        CheckConstraint("body IS NOT NULL OR subject IS NULL", name="subject"),
    )

    kind: str
    channel: str
    language: str
    subject: str | None = Field(default=None, description="Null for an SMS.")
    body: str | None = None
    version: int = 1
    updated_at: datetime = Field(sa_type=INSTANT)


def templates_of(tenant_id: UUID) -> Select[NotificationTemplate]:
    return select(NotificationTemplate).where(col(NotificationTemplate.tenant_id) == tenant_id)


def template_for(
    tenant_id: UUID, kind: NotificationKind, channel: Channel, language: str
) -> Select[NotificationTemplate]:
    """Selects the venue's text for a place, which may be one that was reset."""
    return templates_of(tenant_id).where(
        col(NotificationTemplate.kind) == kind.value,
        col(NotificationTemplate.channel) == channel.value,
        col(NotificationTemplate.language) == language,
    )
