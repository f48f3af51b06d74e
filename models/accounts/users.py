"""Users, each with one role in one tenant."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Select, UniqueConstraint, func, select, text
from sqlmodel import Field, Relationship, col

from domain.accounts.users import Role
from kit.actor import Actor
from models.core.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.customers.customers import Customer
from models.tenants import Tenant

OWNS_ADDRESS: Final = "role <> 'CUSTOMER' OR customer_id IS NOT NULL"
"""The condition for owning an address: not by users who signed up and haven't verified it."""


class User(TenantRow, Logged, table=True):
    LOGGED: ClassVar = ("name", "email", "role", "email_verified_at", "deactivated_at")

    __tablename__ = "users"
    __table_args__ = (
        refers_to("customers", "customer_id"),
        Index(
            "uq_users_tenant_id_email_key",
            "tenant_id",
            "email_key",
            unique=True,
            postgresql_where=text(OWNS_ADDRESS),
        ),
        UniqueConstraint("tenant_id", "customer_id"),
        CheckConstraint(one_of("role", Role), name="role"),
        CheckConstraint("role = 'CUSTOMER' OR customer_id IS NULL", name="customer_id"),
        CheckConstraint(
            "role <> 'CUSTOMER' OR customer_id IS NOT NULL OR email_verified_at IS NULL",
            name="verified_customer",
        ),
        Index(None, "tenant_id", "email_key"),
        Index(None, "tenant_id", "created_at", "id"),
    )

    email: str
    email_key: str = Field(description="The address, normalised.")
    name: str
    role: str
    password_hash: str | None = Field(default=None, description="None until the first is set.")
    phone: str | None = Field(
        default=None,
        description="Entered at sign-up, for the customer record that is created later.",
    )
    customer_id: UUID | None = None
    email_verified_at: datetime | None = Field(default=None, sa_type=INSTANT)
    last_login_at: datetime | None = Field(default=None, sa_type=INSTANT)
    deactivated_at: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)

    tenant: Tenant = Relationship(sa_relationship_kwargs={"lazy": "raise", "viewonly": True})
    customer: Customer | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "User.customer_id", "lazy": "raise"}
    )

    def is_owned_by(self, actor: Actor) -> bool:
        return self.id == actor.user_id

    @property
    def has_joined(self) -> bool:
        """Returns whether the user has accepted the invitation and the account is active."""
        return self.password_hash is not None and self.deactivated_at is None


def users_of(tenant_id: UUID) -> Select[User]:
    return select(User).where(col(User.tenant_id) == tenant_id)


def user_of(tenant_id: UUID, id: UUID) -> Select[User]:
    return users_of(tenant_id).where(col(User.id) == id)


def user_with_email(tenant_id: UUID, email_key: str) -> Select[User]:
    """Selects the user who owns a normalized address."""
    return users_of(tenant_id).where(col(User.email_key) == email_key, text(f"({OWNS_ADDRESS})"))


def addressed_by(tenant_id: UUID, email_key: str) -> Select[User]:
    """Selects the recipient of mail to an address: its owner, else the last who signed up."""
    users = users_of(tenant_id).where(col(User.email_key) == email_key)
    return users.order_by(text(f"({OWNS_ADDRESS}) DESC"), col(User.created_at).desc())


def user_for_customer(tenant_id: UUID, customer_id: UUID) -> Select[User]:
    """Selects the user of a customer."""
    return users_of(tenant_id).where(col(User.customer_id) == customer_id)


def owners_of(tenant_id: UUID) -> Select[User]:
    """Selects the owners who can log in, the oldest first."""
    owners = users_of(tenant_id).where(
        col(User.role) == Role.OWNER.value,
        col(User.password_hash).is_not(None),
        col(User.deactivated_at).is_(None),
    )
    return owners.order_by(col(User.created_at), col(User.id))


def verified_owners_of(tenant_id: UUID) -> Select[User]:
    """Selects those of them who have verified their addresses."""
    return owners_of(tenant_id).where(col(User.email_verified_at).is_not(None))


def owners_counted(tenant_id: UUID) -> Select[int]:
    """Counts the owners who can log in."""
    return select(func.count()).where(
        col(User.tenant_id) == tenant_id,
        col(User.role) == Role.OWNER.value,
        col(User.password_hash).is_not(None),
        col(User.deactivated_at).is_(None),
    )
