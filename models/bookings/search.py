"""Searches bookings by their references and customers, using indexes."""

from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, case, cast, false, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from domain.bookings.lifecycle import reference_form
from kit.postgres.keyset_pagination import COUNT_CAP, Listing, counted
from kit.postgres.shortlists import shortlisted
from models.bookings.bookings import Booking, bookings_of
from models.bookings.filters import has_reference
from models.core.filters import is_any
from models.core.search import Found, sought
from models.customers.customers import Customer, Searched, customers_found, customers_of, found_by

MOST_CUSTOMERS: Final = 5_000
"""A text that more customers have is so frequent that a page of their bookings is found soon."""

ENOUGH_CUSTOMERS: Final = 2_500
"""So many mostly have more bookings than are counted."""

FEW: Final = 20_000
"""Of so many bookings, those with a frequent text are counted at once."""


def bookings_shortlisted(
    listing: Listing[Booking],
    unsearched: Select[Booking],
    text: str,
    *,
    searched: Searched,
    tenant_id: UUID,
) -> Listing[Booking]:
    """Adds what indexes find of a text among ``unsearched`` to the list of a search."""
    customers = customers_found(text, searched, most=MOST_CUSTOMERS, enough=ENOUGH_CUSTOMERS)
    references = Found(func.bookings_found(sought(text, reference_form), COUNT_CAP))
    # As a table, so that it is hashed.
    is_found = col(Booking.customer_id).in_(select(func.unnest(customers.ids)))
    return shortlisted(
        listing,
        entities=bookings_of(tenant_id),
        unsearched=unsearched,
        ways=[
            is_any(Booking.customer_id, customers.ids),
            and_(
                customers.are_all,
                is_any(Booking.id, references.ids),
                is_found.is_not(True),
            ),
        ],
        are_all=case((customers.are_all, references.are_all), else_=false()),
        total=_total(listing, unsearched, text, searched, tenant_id),
    )


def _total(
    listing: Listing[Booking],
    unsearched: Select[Booking],
    text: str,
    searched: Searched,
    tenant_id: UUID,
) -> ColumnElement[int]:
    """Counts a list that isn't found by indexes; of few bookings, all at once.

    Looking for the customers of all of them takes a third of looking for each one's.
    """
    few = (
        unsearched.with_only_columns(col(Booking.reference), col(Booking.customer_id))
        .limit(FEW + 1)
        .cte()
        .prefix_with("MATERIALIZED")
    )
    of_few = cast(func.array(select(few.c.customer_id).distinct().scalar_subquery()), ARRAY(Uuid()))
    known = customers_of(tenant_id).where(is_any(Customer.id, of_few), found_by(text, searched))
    found = or_(
        has_reference(text, few.c), few.c.customer_id.in_(known.with_only_columns(col(Customer.id)))
    )
    size = select(func.count()).select_from(few)
    number = select(func.least(size.where(found).scalar_subquery(), COUNT_CAP + 1))
    return case(
        (size.scalar_subquery() <= FEW, number.scalar_subquery()),
        else_=counted(listing, exact=False).scalar_subquery(),
    )
