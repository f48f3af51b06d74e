"""Customers: the people that bookings are for."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from models.base import INSTANT, Logged, TenantRow


class Customer(TenantRow, Logged, table=True):
    LOGGED: ClassVar = ("name", "email", "phone", "locale", "notes")

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("tenant_id", "email_key"),
        Index(None, "tenant_id", "name", "id"),
        Index(None, "tenant_id", "created_at", "id"),
        CheckConstraint("(email IS NULL) = (email_key IS NULL)", name="email_key"),
    )

    name: str
    email: str | None = None
    email_key: str | None = Field(default=None, description="The address, normalised.")
    phone: str | None = None
    locale: str | None = None
    notes: str | None = None
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)
