"""Customers, for whom bookings are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Dialect,
    Index,
    Select,
    Text,
    UniqueConstraint,
    any_,
    cast,
    event,
    false,
    func,
    null,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, col

from domain.core.contact import normalised_email
from domain.core.phones import phone_digits, sought_digits
from domain.core.text import SearchText, search_form, sort_key
from domain.customers.tags import tag_name
from kit.actor import Actor
from kit.postgres.keyset_pagination import COUNT_CAP, Listing, Order
from kit.postgres.shortlists import shortlisted
from models.core.base import INSTANT, SORT_KEY, Logged, TenantRow
from models.core.filters import SortDirection, is_any, sorted_by
from models.core.search import Found, contains, sought

ONE_PER_ADDRESS = "uq_customers_tenant_id_email_key"


class Customer(TenantRow, Logged, table=True):
    LOGGED: ClassVar = ("name", "email", "phone", "locale", "notes", "tags")

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("tenant_id", "email_key"),
        Index(None, "tenant_id", "name_key", "id"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(
            "ix_customers_search",
            "tenant_id",
            text("search_pieces(concat_newline(name_search, lower(email), phone_search))"),
            postgresql_using="gin",
        ),
        CheckConstraint("(email IS NULL) = (email_key IS NULL)", name="email_key"),
    )

    name: str
    name_key: str = Field(default="", sa_type=SORT_KEY, description="By which names sort.")
    name_search: str = Field(default="", description="The name as it is found.")
    email: str | None = None
    email_key: str | None = Field(default=None, description="The address, normalised.")
    phone: str | None = None
    phone_search: str | None = Field(default=None, description="The phone's digits.")
    locale: str | None = None
    notes: str | None = None
    tags: list[str] = Field(
        default_factory=list,
        sa_column=Column(ARRAY(Text()), nullable=False, server_default="{}"),
        description="As ``domain.customers.tags.tag_name`` returns them, sorted.",
    )
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)

    def is_owned_by(self, actor: Actor) -> bool:
        return self.id == actor.own_id

    def derive(self) -> None:
        """Recomputes the stored columns for sorting and searching."""
        self.name_key, self.name_search = sort_key(self.name), search_form(self.name)
        self.phone_search = None if self.phone is None else phone_digits(self.phone)


@event.listens_for(Customer, "before_insert")
@event.listens_for(Customer, "before_update")
def _derive(_mapper: object, _connection: object, customer: Customer) -> None:
    customer.derive()


class CustomerOrderField(StrEnum):
    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


@dataclass(frozen=True, slots=True)
class CustomerOrder:
    field: CustomerOrderField
    direction: SortDirection = SortDirection.ASC


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    search: SearchText | None = None
    email: str | None = None
    phone: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """The fields of customers that a search covers: names, addresses and phones."""

    name: bool
    contact: bool


def customers_of(tenant_id: UUID) -> Select[Customer]:
    return select(Customer).where(col(Customer.tenant_id) == tenant_id)


def customers_among(tenant_id: UUID, ids: Sequence[UUID]) -> Select[Customer]:
    """Selects the customers with these ids."""
    return customers_of(tenant_id).where(is_any(Customer.id, ids))


def with_address(customers: Select[Customer], email_key: str | None) -> Select[Customer]:
    """Selects the customer with this normalized e-mail address; none for None."""
    return customers.where(col(Customer.email_key) == (email_key or ""))


def customers_matching(
    customers: Select[Customer], filter: CustomerFilter | None, *, searched: Searched
) -> Select[Customer]:
    """Filters customers by all given conditions; ``search`` covers the fields in ``searched``."""
    if filter is None:
        return customers
    if filter.search is not None:
        customers = customers.where(found_by(filter.search, searched))
    if filter.email is not None:
        address = type_coerce(filter.email, _Address())
        customers = customers.where(col(Customer.email_key) == address)
    if filter.phone is not None:
        digits = type_coerce(filter.phone, _Digits())
        customers = customers.where(col(Customer.phone_search) == digits)
    if filter.tag is not None:
        customers = customers.where(type_coerce(filter.tag, _Tag()) == any_(col(Customer.tags)))
    return customers


def found_by(text: str, searched: Searched) -> ColumnElement[bool]:
    """Returns the condition that a customer's name, e-mail address or phone contains a text."""
    name, email, phone = _forms(text)
    places = []
    if searched.name:
        places.append(contains(Customer.name_search, name))
    if searched.contact:
        places.append(contains(func.lower(Customer.email), email))
        places.append(contains(Customer.phone_search, phone))
    return or_(false(), *places)


def customers_found(text: str, searched: Searched, *, most: int, enough: int) -> Found:
    """Finds the customers for whom ``found_by`` holds by an index, if they are ``most`` at most.

    Else it finds some: ``enough`` where the text is frequent.
    """
    name, email, phone = _forms(text)
    nothing = cast(null(), Text)
    return Found(
        func.customers_found(
            name if searched.name else nothing,
            *((email, phone) if searched.contact else (nothing, nothing)),
            most,
            enough,
        )
    )


def customers_shortlisted(
    listing: Listing[Customer],
    unsearched: Select[Customer],
    text: str,
    *,
    searched: Searched,
    tenant_id: UUID,
) -> Listing[Customer]:
    """Adds what an index finds of a text among ``unsearched`` to the list of a search."""
    found = customers_found(text, searched, most=COUNT_CAP, enough=COUNT_CAP + 1)
    return shortlisted(
        listing,
        entities=customers_of(tenant_id),
        unsearched=unsearched,
        ways=[is_any(Customer.id, found.ids)],
        are_all=found.are_all,
    )


def _forms(text: str) -> tuple[ColumnElement[str], ColumnElement[str], ColumnElement[str]]:
    """Returns a text as it is found in names, in addresses and in phones."""
    return sought(text), func.lower(sought(text, str.strip)), sought(text, sought_digits)


class _Address(TypeDecorator[str]):
    """Binds an e-mail address in its normalised form; an invalid one matches nothing."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str:
        return normalised_email(value or "") or ""


class _Digits(TypeDecorator[str]):
    """The digits of a phone number."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str:
        return phone_digits(value or "")


class _Tag(TypeDecorator[str]):
    """Binds a tag in the form in which it is stored."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str:
        return tag_name(value or "")


def customers_sorted(by: Sequence[CustomerOrder] | None) -> tuple[Order, ...]:
    columns = {
        CustomerOrderField.NAME: Customer.name_key,
        CustomerOrderField.CREATED_AT: Customer.created_at,
    }
    return sorted_by(by, columns) or (Order(Customer.name_key),)


def inserted_unless_known(new: Customer) -> ReturningInsert[Customer]:
    """Inserts a customer; returns no row if the address already has one."""
    new.derive()
    return (
        insert(Customer)
        .values(new.model_dump())
        .on_conflict_do_nothing(constraint=ONE_PER_ADDRESS)
        .returning(Customer)
    )
