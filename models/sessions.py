"""Sessions: a login, the chain of its refresh tokens, and the links sent by mail."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from models.base import INSTANT, TenantRow, refers_to


class Session(TenantRow, table=True):
    """One login. When it has ended, its access and refresh tokens are worth nothing."""

    __tablename__ = "sessions"
    __table_args__ = (
        refers_to("users", "user_id"),
        Index(None, "tenant_id", "user_id"),
    )

    user_id: UUID
    created_at: datetime = Field(sa_type=INSTANT)
    ended_at: datetime | None = Field(default=None, sa_type=INSTANT)


class RefreshToken(TenantRow, table=True):
    """A link of a session's chain: it works once, then the next one takes its place."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        refers_to("sessions", "session_id"),
        UniqueConstraint("tenant_id", "token_hash"),
        Index(None, "tenant_id", "session_id"),
    )

    session_id: UUID
    token_hash: bytes
    expires_at: datetime = Field(sa_type=INSTANT)
    used_at: datetime | None = Field(default=None, sa_type=INSTANT)


class MailedToken(TenantRow, table=True):
    """A secret sent by mail that works once: to set a password, or to join."""

    __tablename__ = "mailed_tokens"
    __table_args__ = (
        refers_to("users", "user_id"),
        UniqueConstraint("tenant_id", "token_hash"),
        Index(None, "tenant_id", "user_id"),
        CheckConstraint("purpose IN ('password_reset', 'invitation')", name="purpose"),
    )

    user_id: UUID
    purpose: str
    token_hash: bytes
    expires_at: datetime = Field(sa_type=INSTANT)
    used_at: datetime | None = Field(default=None, sa_type=INSTANT)
