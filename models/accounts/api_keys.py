"""API keys of programs, each with its own permissions."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Select,
    UniqueConstraint,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship, col

from models.accounts.users import User
from models.core.base import INSTANT, Logged, TenantRow, refers_to
from models.tenants import Tenant


class ApiKey(TenantRow, Logged, table=True):
    """An API key, stored by the hash of its secret; ``prefix`` lets people distinguish keys."""

    LOGGED: ClassVar = ("name", "permissions", "expires_at", "revoked_at")

    __tablename__ = "api_keys"
    __table_args__ = (
        refers_to("users", "created_by_id"),
        UniqueConstraint("tenant_id", "token_hash"),
        Index(None, "tenant_id", "created_at", "id"),
        CheckConstraint("jsonb_array_length(permissions) >= 1", name="permissions"),
    )

    name: str
    prefix: str
    token_hash: bytes
    permissions: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_by_id: UUID
    created_at: datetime = Field(sa_type=INSTANT)
    expires_at: datetime | None = Field(default=None, sa_type=INSTANT)
    revoked_at: datetime | None = Field(default=None, sa_type=INSTANT)
    last_used_at: datetime | None = Field(default=None, sa_type=INSTANT)

    created_by: User = Relationship(
        sa_relationship_kwargs={"foreign_keys": "ApiKey.created_by_id", "lazy": "raise"}
    )


_VALID: Final = (
    select(ApiKey, col(User.role), col(Tenant.plan_code))
    .join(
        User,
        and_(
            col(User.tenant_id) == col(ApiKey.tenant_id),
            col(User.id) == col(ApiKey.created_by_id),
        ),
    )
    .join(Tenant, col(Tenant.id) == col(ApiKey.tenant_id))
    .where(
        col(ApiKey.tenant_id) == bindparam("tenant_id"),
        col(ApiKey.revoked_at).is_(None),
        col(User.deactivated_at).is_(None),
    )
)
# Built once: it runs about every second for each active key.
_BEARER: Final = _VALID.where(col(ApiKey.token_hash) == bindparam("token_hash"))


def key_with(tenant_id: UUID, token_hash: bytes) -> Select[ApiKey, str, str]:
    """Selects the key of a secret, its creator's role and the tenant's plan code.

    Returns no row if it is revoked, or its creator's account is closed.
    """
    return _BEARER.params(tenant_id=tenant_id, token_hash=token_hash)


def valid_key(tenant_id: UUID, id: UUID) -> Select[ApiKey, str, str]:
    """Selects the same for the key with this id, for what it has requested."""
    return _VALID.where(col(ApiKey.id) == id).params(tenant_id=tenant_id)


def api_keys_of(tenant_id: UUID) -> Select[ApiKey]:
    return select(ApiKey).where(col(ApiKey.tenant_id) == tenant_id)


def open_keys_of(tenant_id: UUID, user_id: UUID) -> Select[ApiKey]:
    """Selects the keys of a user that aren't revoked, the oldest first."""
    return (
        api_keys_of(tenant_id)
        .where(col(ApiKey.created_by_id) == user_id, col(ApiKey.revoked_at).is_(None))
        .order_by(col(ApiKey.created_at), col(ApiKey.id))
    )


def keys_counted(tenant_id: UUID, *, now: datetime) -> Select[int]:
    """Counts the keys of a tenant that are neither revoked nor expired."""
    return select(func.count()).where(
        col(ApiKey.tenant_id) == tenant_id,
        col(ApiKey.revoked_at).is_(None),
        or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > now),
    )


def key_used(tenant_id: UUID, id: UUID, *, at: datetime, unless_since: datetime) -> Update:
    """Records the use of a key, unless one was recorded since an instant."""
    return (
        update(ApiKey)
        .where(
            col(ApiKey.tenant_id) == tenant_id,
            col(ApiKey.id) == id,
            or_(col(ApiKey.last_used_at).is_(None), col(ApiKey.last_used_at) <= unless_since),
        )
        .values(last_used_at=at)
        .execution_options(synchronize_session=False)
    )
