"""Customers: the people that bookings are for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Dialect,
    Index,
    Select,
    Text,
    UniqueConstraint,
    Uuid,
    bindparam,
    func,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, col

from domain.users import normalised_email
from kit.keyset import Order
from kit.prepared import Prepared
from models.base import INSTANT, Logged, TenantRow
from models.filters import SortDirection, contains, sorted_by

ONE_PER_ADDRESS = "uq_customers_tenant_id_email_key"


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


class CustomerOrderField(StrEnum):
    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


@dataclass(frozen=True, slots=True)
class CustomerOrder:
    field: CustomerOrderField
    direction: SortDirection = SortDirection.ASC


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    search: str | None = None
    email: str | None = None
    phone: str | None = None


# Is there one with this id?
KNOWN: Final = Prepared(
    select(col(Customer.id)).where(
        col(Customer.tenant_id) == bindparam("tenant_id", type_=Uuid()),
        col(Customer.id) == bindparam("id", type_=Uuid()),
    )
)


def customers_of(tenant_id: UUID) -> Select[Customer]:
    return select(Customer).where(col(Customer.tenant_id) == tenant_id)


def with_address(customers: Select[Customer], email_key: str | None) -> Select[Customer]:
    """The one who has this normalised e-mail address; nobody has None."""
    return customers.where(col(Customer.email_key) == (email_key or ""))


def customers_matching(
    customers: Select[Customer], filter: CustomerFilter | None
) -> Select[Customer]:
    """Those that meet every given condition; ``search`` looks in name, e-mail and phone."""
    if filter is None:
        return customers
    if filter.search is not None:
        customers = customers.where(
            contains(filter.search, Customer.name, Customer.email, Customer.phone)
        )
    if filter.email is not None:
        address = type_coerce(filter.email, _Address())
        customers = customers.where(col(Customer.email_key) == address)
    if filter.phone is not None:
        digits = func.regexp_replace(col(Customer.phone), r"\D", "", "g")
        customers = customers.where(digits == type_coerce(filter.phone, _Digits()))
    return customers


class _Address(TypeDecorator[str]):
    """An e-mail address, normalised; of nobody where it is none."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str:
        return normalised_email(value or "") or ""


class _Digits(TypeDecorator[str]):
    """The digits of a text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str:
        return re.sub(r"\D", "", value or "")


def customers_sorted(by: Sequence[CustomerOrder] | None) -> tuple[Order, ...]:
    columns = {
        CustomerOrderField.NAME: Customer.name,
        CustomerOrderField.CREATED_AT: Customer.created_at,
    }
    return sorted_by(by, columns) or (Order(Customer.name),)


def inserted_unless_known(new: Customer) -> ReturningInsert[Customer]:
    """Store a new customer; no row comes back where the address already has one."""
    return (
        insert(Customer)
        .values(new.model_dump())
        .on_conflict_do_nothing(constraint=ONE_PER_ADDRESS)
        .returning(Customer)
    )
