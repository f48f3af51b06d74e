"""Sessions, their chains of refresh tokens, and secrets sent by mail."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Delete,
    Index,
    Select,
    UniqueConstraint,
    Update,
    Uuid,
    and_,
    bindparam,
    delete,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlmodel import Field, col

from kit.postgres.json_batch import JsonBatch
from models.accounts.users import User
from models.core.base import INSTANT, TenantRow, one_of, refers_to
from models.tenants import Tenant


class Purpose(StrEnum):
    """The purpose of a mailed secret."""

    PASSWORD_RESET = "password_reset"  # noqa: S105 - a name
    INVITATION = "invitation"
    VERIFICATION = "verification"


class Session(TenantRow, table=True):
    """A login; when it has ended, its access and refresh tokens are invalid."""

    __tablename__ = "sessions"
    __table_args__ = (
        refers_to("users", "user_id"),
        Index(None, "tenant_id", "user_id"),
    )

    user_id: UUID
    created_at: datetime = Field(sa_type=INSTANT)
    last_used_at: datetime | None = Field(default=None, sa_type=INSTANT)
    ended_at: datetime | None = Field(default=None, sa_type=INSTANT)
    user_agent: str | None = None
    network: str | None = Field(default=None, description="From where it was last refreshed.")


class RefreshToken(TenantRow, table=True):
    """A refresh token, valid for one use, which replaces it by the next one of its session."""

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
    """A secret sent by mail, valid for one use: to set a password, or to accept an invitation."""

    __tablename__ = "mailed_tokens"
    __table_args__ = (
        refers_to("users", "user_id"),
        UniqueConstraint("tenant_id", "token_hash"),
        Index(None, "tenant_id", "user_id"),
        CheckConstraint(one_of("purpose", Purpose), name="purpose"),
    )

    user_id: UUID
    purpose: str
    token_hash: bytes
    expires_at: datetime = Field(sa_type=INSTANT)
    used_at: datetime | None = Field(default=None, sa_type=INSTANT)


_USER: Final = (
    select(User)
    .join(
        Session,
        and_(
            col(Session.tenant_id) == col(User.tenant_id),
            col(Session.user_id) == col(User.id),
        ),
    )
    .where(
        col(User.tenant_id) == bindparam("tenant_id", type_=Uuid()),
        col(User.id) == bindparam("user_id", type_=Uuid()),
        col(User.deactivated_at).is_(None),
        col(Session.id) == bindparam("session_id", type_=Uuid()),
        col(Session.ended_at).is_(None),
    )
)


_PLAN: Final = select(col(Tenant.plan_code)).where(
    col(Tenant.id) == bindparam("tenant_id", type_=Uuid())
)

BEARER: Final = JsonBatch(_USER, _PLAN)
"""Selects the user of a session, if both are active, and the tenant's plan code."""

CREATOR: Final = JsonBatch(
    select(User).where(
        col(User.tenant_id) == bindparam("tenant_id", type_=Uuid()),
        col(User.id) == bindparam("user_id", type_=Uuid()),
    ),
    _PLAN,
)
"""Selects a user and the tenant's plan code."""


def open_session(tenant_id: UUID, id: UUID) -> Select[Session]:
    """Selects a session by its id, unless it has ended."""
    return select(Session).where(
        col(Session.tenant_id) == tenant_id, col(Session.id) == id, col(Session.ended_at).is_(None)
    )


def sessions_since(
    tenant_id: UUID, user_id: UUID, *, used: datetime, begun: datetime
) -> Select[Session]:
    """Selects a user's active sessions, used after an instant and begun after another."""
    return select(Session).where(
        col(Session.tenant_id) == tenant_id,
        col(Session.user_id) == user_id,
        col(Session.ended_at).is_(None),
        func.coalesce(col(Session.last_used_at), col(Session.created_at)) > used,
        col(Session.created_at) > begun,
    )


def places_of(tenant_id: UUID, user_id: UUID) -> Select[str | None, str | None]:
    """Selects the user agents and networks of a user's last sessions, including ended ones."""
    used_at = func.coalesce(col(Session.last_used_at), col(Session.created_at))
    return (
        select(col(Session.user_agent), col(Session.network))
        .where(col(Session.tenant_id) == tenant_id, col(Session.user_id) == user_id)
        .order_by(used_at.desc())
        .limit(100)
    )


def session_with_token(tenant_id: UUID, token_hash: bytes) -> Select[Session]:
    """Selects the session of a refresh token, whether or not the token was used."""
    return (
        select(Session)
        .join(
            RefreshToken,
            and_(
                col(RefreshToken.tenant_id) == col(Session.tenant_id),
                col(RefreshToken.session_id) == col(Session.id),
            ),
        )
        .where(
            col(RefreshToken.tenant_id) == tenant_id,
            col(RefreshToken.token_hash) == token_hash,
        )
    )


def refresh_token_with(tenant_id: UUID, token_hash: bytes) -> Select[RefreshToken]:
    return select(RefreshToken).where(
        col(RefreshToken.tenant_id) == tenant_id, col(RefreshToken.token_hash) == token_hash
    )


def mailed_token_with(tenant_id: UUID, token_hash: bytes, purpose: Purpose) -> Select[MailedToken]:
    return select(MailedToken).where(
        col(MailedToken.tenant_id) == tenant_id,
        col(MailedToken.token_hash) == token_hash,
        col(MailedToken.purpose) == purpose.value,
    )


def open_mailed_tokens(tenant_id: UUID, user_id: UUID, purpose: Purpose) -> Select[MailedToken]:
    """Selects the unused ones, the latest first."""
    return (
        select(MailedToken)
        .where(
            col(MailedToken.tenant_id) == tenant_id,
            col(MailedToken.user_id) == user_id,
            col(MailedToken.purpose) == purpose.value,
            col(MailedToken.used_at).is_(None),
        )
        .order_by(col(MailedToken.expires_at).desc())
    )


def session_ended(tenant_id: UUID, id: UUID, *, at: datetime) -> Update:
    return (
        update(Session)
        .where(
            col(Session.tenant_id) == tenant_id,
            col(Session.id) == id,
            col(Session.ended_at).is_(None),
        )
        .values(ended_at=at)
        .execution_options(synchronize_session=False)
    )


def sessions_ended(
    tenant_id: UUID, user_id: UUID, *, at: datetime, but: UUID | None = None
) -> Update:
    """Ends all sessions of a user, except one if given."""
    ended = (
        update(Session)
        .where(
            col(Session.tenant_id) == tenant_id,
            col(Session.user_id) == user_id,
            col(Session.ended_at).is_(None),
        )
        .values(ended_at=at)
        .execution_options(synchronize_session=False)
    )
    return ended if but is None else ended.where(col(Session.id) != but)


def sessions_beyond(tenant_id: UUID, user_id: UUID, kept: int, *, at: datetime) -> Update:
    """Ends all active sessions of a user, except the ``kept`` last used ones."""
    used_at = func.coalesce(col(Session.last_used_at), col(Session.created_at))
    beyond = (
        select(col(Session.id))
        .where(
            col(Session.tenant_id) == tenant_id,
            col(Session.user_id) == user_id,
            col(Session.ended_at).is_(None),
        )
        .order_by(used_at.desc(), col(Session.id).desc())
        .offset(kept)
    )
    return (
        update(Session)
        .where(col(Session.tenant_id) == tenant_id, col(Session.id).in_(beyond))
        .values(ended_at=at)
        .execution_options(synchronize_session=False)
    )


def refresh_tokens_spent(tenant_id: UUID, session_id: UUID, *, at: datetime) -> Update:
    """Invalidates the remaining refresh tokens of a session."""
    return (
        update(RefreshToken)
        .where(
            col(RefreshToken.tenant_id) == tenant_id,
            col(RefreshToken.session_id) == session_id,
            col(RefreshToken.used_at).is_(None),
        )
        .values(used_at=at)
        .execution_options(synchronize_session=False)
    )


def mailed_tokens_spent(
    tenant_id: UUID, user_id: UUID, purposes: Iterable[Purpose], *, at: datetime
) -> Update:
    """Invalidates the secrets that were mailed to a user for some purposes."""
    return (
        update(MailedToken)
        .where(
            col(MailedToken.tenant_id) == tenant_id,
            col(MailedToken.user_id) == user_id,
            col(MailedToken.purpose).in_([each.value for each in purposes]),
            col(MailedToken.used_at).is_(None),
        )
        .values(used_at=at)
        .execution_options(synchronize_session=False)
    )


def refresh_tokens_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of refresh tokens that expired before an instant."""
    key = tuple_(col(RefreshToken.tenant_id), col(RefreshToken.id))
    old = select(*key.clauses).where(col(RefreshToken.expires_at) < cutoff).limit(limit)
    return delete(RefreshToken).where(key.in_(old))


def mailed_tokens_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of mailed secrets that expired before an instant."""
    key = tuple_(col(MailedToken.tenant_id), col(MailedToken.id))
    old = select(*key.clauses).where(col(MailedToken.expires_at) < cutoff).limit(limit)
    return delete(MailedToken).where(key.in_(old))


def sessions_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of sessions last used before an instant, without refresh tokens."""
    key = tuple_(col(Session.tenant_id), col(Session.id))
    tokens = select(literal(1)).where(
        col(RefreshToken.tenant_id) == col(Session.tenant_id),
        col(RefreshToken.session_id) == col(Session.id),
    )
    old = (
        select(*key.clauses)
        .where(
            func.coalesce(col(Session.last_used_at), col(Session.created_at)) < cutoff,
            ~tokens.exists(),
        )
        .limit(limit)
    )
    return delete(Session).where(key.in_(old))
