"""Users: the people who log in, each with one role in one tenant."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, Relationship

from domain.users import Role
from models.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.customers import Customer
from models.tenants import Tenant


class User(TenantRow, Logged, table=True):
    LOGGED: ClassVar = ("name", "email", "role", "deactivated_at")

    __tablename__ = "users"
    __table_args__ = (
        refers_to("customers", "customer_id"),
        UniqueConstraint("tenant_id", "email"),
        UniqueConstraint("tenant_id", "customer_id"),
        CheckConstraint(one_of("role", Role), name="role"),
        CheckConstraint("(role = 'CUSTOMER') = (customer_id IS NOT NULL)", name="customer_id"),
        Index(None, "tenant_id", "created_at", "id"),
    )

    email: str = Field(description="Normalised.")
    name: str
    role: str
    password_hash: str | None = Field(default=None, description="None until the first is set.")
    customer_id: UUID | None = None
    last_login_at: datetime | None = Field(default=None, sa_type=INSTANT)
    deactivated_at: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)

    tenant: Tenant = Relationship(sa_relationship_kwargs={"lazy": "raise", "viewonly": True})
    customer: Customer | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "User.customer_id", "lazy": "raise"}
    )
