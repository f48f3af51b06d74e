"""Replies that a team has written in advance."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Index, Select, func, select
from sqlmodel import Field, col

from models.core.base import INSTANT, Logged, TenantRow


class CannedReply(TenantRow, Logged, table=True):
    """A reply by title, whose text can have variables."""

    LOGGED: ClassVar = ("title", "text")

    __tablename__ = "canned_replies"
    __table_args__ = (Index(None, "tenant_id", "title", "id"),)

    title: str
    text: str
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)


def canned_replies_of(tenant_id: UUID) -> Select[CannedReply]:
    return select(CannedReply).where(col(CannedReply.tenant_id) == tenant_id)


def canned_replies_counted(tenant_id: UUID) -> Select[int]:
    return select(func.count()).where(col(CannedReply.tenant_id) == tenant_id)
