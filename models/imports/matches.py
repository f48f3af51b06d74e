"""Finds what rows of a file may be about: customers, and bookings by reference."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlmodel import col

from models.bookings.bookings import Booking
from models.core.filters import is_any
from models.customers.customers import Customer, customers_of
from models.customers.merges import CustomerMerge


def merged_addresses(tenant_id: UUID, emails: Collection[str]) -> Select[str | None, UUID]:
    """Selects the addresses of customers who were merged into another one, and that one's id.

    The latest last.
    """
    return (
        select(col(CustomerMerge.email_key), col(CustomerMerge.keep_id))
        .where(col(CustomerMerge.tenant_id) == tenant_id, is_any(CustomerMerge.email_key, emails))
        .order_by(col(CustomerMerge.merged_at))
    )


def customers_like(
    tenant_id: UUID,
    *,
    emails: Collection[str],
    phones: Collection[str],
    names: Collection[str],
    ids: Collection[UUID],
) -> Select[Customer]:
    """Selects the customers with one of these addresses, phones or ids.

    And those with one of these names, as ``sort_key`` returns them, but no address and phone.
    """
    only_named = and_(
        is_any(Customer.name_key, names),
        col(Customer.email).is_(None),
        col(Customer.phone).is_(None),
    )
    return customers_of(tenant_id).where(
        or_(
            is_any(Customer.email_key, emails),
            is_any(Customer.phone_search, phones),
            is_any(Customer.id, ids),
            only_named,
        )
    )


def references_among(tenant_id: UUID, references: Collection[str]) -> Select[str]:
    """Selects those of some texts that are references of bookings."""
    return select(col(Booking.reference)).where(
        col(Booking.tenant_id) == tenant_id, is_any(Booking.reference, references)
    )
