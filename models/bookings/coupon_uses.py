"""The bookings that use a coupon."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.bookings.quotas import COUNTED
from models.bookings.bookings import Booking
from models.bookings.coupons import Coupon


def uses_of(
    tenant_id: UUID,
    coupon_id: UUID,
    customer_id: UUID | None,
    *,
    now: datetime,
    without: UUID | None,
) -> Select[int, int]:
    """Counts the uses of a coupon, and those by a customer, without one booking.

    What strangers hold under an address that isn't theirs is a use, but not of the customer.
    """
    is_theirs = and_(col(Booking.customer_id) == customer_id, col(Booking.held_from).is_(None))
    return select(func.count(), func.count().filter(is_theirs)).where(
        col(Booking.tenant_id) == tenant_id,
        col(Booking.coupon_id) == coupon_id,
        col(Booking.id).is_distinct_from(without),
        is_used(Booking, now),
    )


def bookings_of_customer(
    tenant_id: UUID, customer_id: UUID, *, now: datetime, without: UUID | None
) -> Select[int]:
    """Counts a customer's bookings that aren't cancelled, without one of them; two at most."""
    some = (
        select(col(Booking.id))
        .where(
            col(Booking.tenant_id) == tenant_id,
            col(Booking.customer_id) == customer_id,
            col(Booking.held_from).is_(None),
            col(Booking.id).is_distinct_from(without),
            is_used(Booking, now),
        )
        .limit(2)
    )
    return select(func.count()).select_from(some.subquery())


def is_used(booking: Any, now: datetime) -> ColumnElement[bool]:
    """Returns whether a booking uses its coupon: also while it is held, until it is cancelled."""
    is_held = and_(booking.status == Status.HELD.value, booking.hold_expires_at > now)
    return or_(booking.status.in_(sorted(COUNTED)), is_held)


def used(scope: Any, coupon: Any) -> ColumnElement[int]:
    """Counts the uses of a coupon that is selected."""
    return (
        select(func.count())
        .where(
            col(Booking.tenant_id) == coupon.tenant_id,
            col(Booking.coupon_id) == coupon.id,
            is_used(Booking, scope.now()),
        )
        .scalar_subquery()
    )


def code_used(_: Any, booking: Any) -> ColumnElement[str]:
    """Selects the code of the coupon of a booking that is selected."""
    return (
        select(col(Coupon.code))
        .where(col(Coupon.tenant_id) == booking.tenant_id, col(Coupon.id) == booking.coupon_id)
        .scalar_subquery()
    )


def uses_by_coupon(
    tenant_id: UUID, ids: Collection[UUID], *, now: datetime
) -> Select[UUID | None, int]:
    """Counts the uses of each coupon that has any."""
    return (
        select(col(Booking.coupon_id), func.count())
        .where(
            col(Booking.tenant_id) == tenant_id,
            col(Booking.coupon_id).in_(ids),
            is_used(Booking, now),
        )
        .group_by(col(Booking.coupon_id))
    )
