"""Quotas of venues, and the bookings of a customer that count for them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Select, UniqueConstraint, and_, func, or_, select
from sqlmodel import Field, col

from domain.bookings.lifecycle import Status
from domain.bookings.quotas import COUNTED, Quota, QuotaMeasure, QuotaPeriod
from domain.core.intervals import Interval
from models.bookings.bookings import Booking
from models.core.base import INSTANT, Logged, TenantRow, one_of
from models.customers.customers import Customer
from models.venue.opening_hours import TENANT


class BookingQuota(TenantRow, Logged, table=True):
    """A limit on what each customer may book."""

    LOGGED: ClassVar = ("measure", "period", "limit", "tag")

    __tablename__ = "booking_quotas"
    __table_args__ = (
        UniqueConstraint(
            "tenant_id", "measure", "period", "tag", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint(one_of("measure", QuotaMeasure), name="measure"),
        CheckConstraint(one_of("period", QuotaPeriod), name="period"),
        CheckConstraint("(measure = 'open_holds') = (period IS NULL)", name="at_once"),
        CheckConstraint('"limit" >= 1', name="limit"),
    )

    measure: str
    period: str | None = None
    limit: int
    tag: str | None = Field(default=None, description="Null: for every customer.")
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)


def as_quota(row: Any) -> Quota:
    """Returns a row as the rule that it is."""
    period = None if row.period is None else QuotaPeriod(row.period)
    return Quota(QuotaMeasure(row.measure), period, row.limit, row.tag)


def quotas_of(tenant_id: Any) -> Select[BookingQuota]:
    return select(BookingQuota).where(col(BookingQuota.tenant_id) == tenant_id)


def number_of_quotas(tenant_id: UUID) -> Select[int]:
    return select(func.count()).where(col(BookingQuota.tenant_id) == tenant_id)


QUOTAS: Final = select(
    col(BookingQuota.measure),
    col(BookingQuota.period),
    col(BookingQuota.limit),
    col(BookingQuota.tag),
).where(col(BookingQuota.tenant_id) == TENANT)


def tags_of(tenant_id: UUID, customer_id: UUID, *, is_locked: bool) -> Select[list[str]]:
    """Selects the tags of a customer.

    ``is_locked``: others who do the same wait until this transaction has ended.
    """
    tags = select(col(Customer.tags)).where(
        col(Customer.tenant_id) == tenant_id, col(Customer.id) == customer_id
    )
    # Not for a key's lock: the bookings that are stored refer to the customer.
    return tags.with_for_update(key_share=True) if is_locked else tags


def counted_times(
    tenant_id: UUID,
    customer_id: UUID,
    during: Interval,
    *,
    now: datetime,
    without: Collection[UUID],
) -> Select[datetime, datetime]:
    """Selects the times of a customer's bookings that start in an interval and count.

    What strangers hold under an address that isn't theirs doesn't.
    """
    is_held = and_(
        col(Booking.status) == Status.HELD.value,
        col(Booking.hold_expires_at) > now,
        col(Booking.held_from).is_(None),
    )
    return select(col(Booking.starts_at), col(Booking.ends_at)).where(
        col(Booking.tenant_id) == tenant_id,
        col(Booking.customer_id) == customer_id,
        col(Booking.starts_at) >= during.start,
        col(Booking.starts_at) < during.end,
        col(Booking.id).not_in(sorted(without)),
        or_(col(Booking.status).in_(sorted(COUNTED)), is_held),
    )
