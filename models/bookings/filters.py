"""What lists of bookings are filtered and sorted by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    any_,
    false,
    func,
    not_,
    or_,
    select,
    true,
    type_coerce,
)
from sqlmodel import col

from domain.bookings.lifecycle import Status, reference_form
from domain.core.text import SearchText
from kit.postgres.keyset_pagination import Order
from models.bookings.bookings import Booking
from models.core.base import INSTANT
from models.core.filters import (
    DateTimeRange,
    IdFilter,
    SortDirection,
    has_any,
    is_among,
    sorted_by,
    within,
)
from models.core.search import contains, sought
from models.customers.customers import Customer, Searched, found_by
from models.tenants import longest_booking


class BookingOrderField(StrEnum):
    STARTS_AT = "STARTS_AT"
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"


@dataclass(frozen=True, slots=True)
class BookingOrder:
    field: BookingOrderField
    direction: SortDirection = SortDirection.ASC


@dataclass(frozen=True, slots=True)
class StatusFilter:
    """Statuses as they count now: a hold past its time is EXPIRED."""

    eq: Status | None = None
    in_: tuple[Status, ...] | None = None
    not_in: tuple[Status, ...] | None = None


@dataclass(frozen=True, slots=True)
class BookingFilter:
    overlaps: DateTimeRange | None = None
    starts_at: DateTimeRange | None = None
    updated_at: DateTimeRange | None = None
    room_id: IdFilter | None = None
    customer_id: IdFilter | None = None
    status: StatusFilter | None = None
    search: SearchText | None = None


def bookings_matching(
    bookings: Select[Booking],
    filter: BookingFilter | None,
    *,
    tenant_id: UUID,
    now: datetime,
    searched: Searched,
) -> Select[Booking]:
    """Filters bookings by all given conditions.

    ``search`` covers the reference, and the fields of the customer in ``searched``.
    """
    if filter is None:
        return bookings
    bookings = bookings.where(
        overlapping(filter.overlaps, tenant_id),
        within(Booking.starts_at, filter.starts_at),
        within(Booking.updated_at, filter.updated_at),
        _has_room(filter.room_id),
        is_among(Booking.customer_id, filter.customer_id),
    )
    if filter.status is not None:
        bookings = bookings.where(*_has_status(filter.status, now))
    if filter.search is not None:
        # No EXISTS: for that, PostgreSQL would rather look for all such customers first.
        is_customers = (
            select(found_by(filter.search, searched))
            .where(
                col(Customer.tenant_id) == col(Booking.tenant_id),
                col(Customer.id) == col(Booking.customer_id),
            )
            .scalar_subquery()
        )
        bookings = bookings.where(or_(has_reference(filter.search, Booking), is_customers))
    return bookings


def _has_room(ids: IdFilter | None) -> ColumnElement[bool]:
    """Returns the condition that any room of a booking is among these."""
    if ids is None:
        return true()
    others: Any = Booking.also_room_ids
    also: list[ColumnElement[bool]] = [col(Booking.space_ids).is_not(None)]
    if ids.eq is not None:
        also.append(any_(others) == ids.eq)
    if ids.in_ is not None:
        also.append(has_any(others, ids.in_))
    # Those of several rooms by the index that has these alone.
    return or_(is_among(Booking.room_id, ids), and_(*also))


def has_reference(text: str, booking: Any) -> ColumnElement[bool]:
    """Returns the condition that a booking's reference contains a text."""
    reference = func.replace(booking.reference, "-", "")
    return contains(reference, sought(text, reference_form))


def bookings_sorted(by: Sequence[BookingOrder] | None) -> tuple[Order, ...]:
    columns = {
        BookingOrderField.STARTS_AT: Booking.starts_at,
        BookingOrderField.CREATED_AT: Booking.created_at,
        BookingOrderField.UPDATED_AT: Booking.updated_at,
    }
    return sorted_by(by, columns) or (Order(Booking.starts_at),)


def overlapping(span: DateTimeRange | None, tenant_id: UUID) -> ColumnElement[bool]:
    """Returns the condition that the booking's time overlaps the range.

    The lower bound on ``starts_at``, from the tenant's longest booking, allows an index scan:
    under row-level security, range operators can't use one.
    """
    conditions: list[ColumnElement[bool]] = []
    if span is not None and span.lt is not None:
        conditions.append(col(Booking.starts_at) < span.lt)
    if span is not None and span.gte is not None:
        conditions.append(col(Booking.ends_at) > span.gte)
        conditions.append(
            col(Booking.starts_at) > type_coerce(span.gte, INSTANT) - longest_booking(tenant_id)
        )
    return and_(true(), *conditions)


def _has_status(wanted: StatusFilter, now: datetime) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.eq is not None:
        conditions.append(_counts_as(wanted.eq, now))
    if wanted.in_ is not None:
        conditions.append(or_(false(), *(_counts_as(each, now) for each in wanted.in_)))
    if wanted.not_in is not None:
        conditions.append(not_(or_(false(), *(_counts_as(each, now) for each in wanted.not_in))))
    return conditions


def _counts_as(status: Status, now: datetime) -> ColumnElement[bool]:
    is_stored = col(Booking.status) == status.value
    is_stale = and_(col(Booking.status) == Status.HELD.value, col(Booking.hold_expires_at) <= now)
    match status:
        case Status.HELD:
            return and_(is_stored, not_(is_stale))
        case Status.EXPIRED:
            return or_(is_stored, is_stale)
        case _:
            return is_stored
