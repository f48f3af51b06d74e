"""Entries of waitlists: who waits for a time, and what has been offered to them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    Index,
    Select,
    Uuid,
    any_,
    case,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    type_coerce,
)
from sqlalchemy import Interval as IntervalType
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlmodel import Field, Relationship, col

from domain.bookings.waitlist import OPEN, Waiting, WaitlistDates, WaitlistStatus, WaitlistWish
from domain.core.intervals import Interval
from domain.core.local_time import LocalTime
from kit.actor import Actor
from models.bookings.bookings import Booking
from models.core.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.core.filters import IdFilter, is_among, is_any
from models.customers.customers import Customer
from models.tenants import Tenant

ADVANCED_WITHIN: Final = timedelta(hours=1)
"""For how long after it can be booked a time is looked at, in case no worker ran."""


class WaitlistEntry(TenantRow, Logged, table=True):
    """A customer who waits for a start, or for one on some dates.

    ``first_start_at`` and ``last_start_at`` are the bounds of the starts that fulfil it, by which
    entries are found. ``hold_id`` is the hold that was offered last.
    """

    LOGGED: ClassVar = (
        "status",
        "customer_id",
        "starts_at",
        "first_date",
        "last_date",
        "duration_minutes",
        "party_size",
        "hold_id",
        "offer_expires_at",
    )

    __tablename__ = "waitlist_entries"
    __table_args__ = (
        refers_to("customers", "customer_id"),
        refers_to("bookings", "hold_id"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "customer_id", "created_at"),
        Index(
            "ix_waitlist_entries_waiting",
            "tenant_id",
            "last_start_at",
            postgresql_where=text("status = 'waiting'"),
        ),
        Index(
            "ix_waitlist_entries_offered",
            "tenant_id",
            "hold_id",
            postgresql_where=text("status = 'offered'"),
        ),
        CheckConstraint(one_of("status", WaitlistStatus), name="status"),
        CheckConstraint("duration_minutes >= 1", name="duration_minutes"),
        CheckConstraint("party_size >= 1", name="party_size"),
        CheckConstraint("num_nonnulls(starts_at, first_date) = 1", name="wish"),
        CheckConstraint("num_nulls(first_date, last_date) IN (0, 2)", name="dates"),
    )

    status: str = WaitlistStatus.WAITING.value
    customer_id: UUID
    starts_at: datetime | None = Field(default=None, sa_type=INSTANT)
    first_date: date | None = Field(default=None, sa_type=Date)
    last_date: date | None = Field(default=None, sa_type=Date)
    earliest_minute: int | None = None
    latest_minute: int | None = None
    duration_minutes: int
    party_size: int
    room_ids: list[UUID] | None = Field(default=None, sa_column=Column(ARRAY(Uuid())))
    first_start_at: datetime = Field(sa_type=INSTANT)
    last_start_at: datetime = Field(sa_type=INSTANT)
    hold_id: UUID | None = None
    offer_expires_at: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)

    customer: Customer = Relationship(
        sa_relationship_kwargs={"foreign_keys": "WaitlistEntry.customer_id", "lazy": "raise"}
    )
    hold: Booking | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "WaitlistEntry.hold_id", "lazy": "raise"}
    )

    def is_owned_by(self, actor: Actor) -> bool:
        return actor.confined_to is None and self.customer_id == actor.own_id

    @property
    def dates(self) -> WaitlistDates | None:
        if self.first_date is None or self.last_date is None:
            return None
        return WaitlistDates(
            self.first_date,
            self.last_date,
            _time(self.earliest_minute),
            _time(self.latest_minute),
        )

    @property
    def wish(self) -> WaitlistWish:
        return WaitlistWish(
            self.duration_minutes,
            self.party_size,
            self.starts_at,
            self.dates,
            None if self.room_ids is None else frozenset(self.room_ids),
        )

    @property
    def waiting(self) -> Waiting:
        return Waiting(self.id, self.wish)


def stored_dates(dates: WaitlistDates | None) -> dict[str, Any]:
    """Returns the columns in which dates are stored."""
    if dates is None:
        return {}
    return {
        "first_date": dates.first,
        "last_date": dates.last,
        "earliest_minute": None if dates.earliest is None else dates.earliest.minutes,
        "latest_minute": None if dates.latest is None else dates.latest.minutes,
    }


def _time(minute: int | None) -> LocalTime | None:
    return None if minute is None else LocalTime(minute)


# ------------------------------------------------------------------------------ lists


@dataclass(frozen=True, slots=True)
class WaitlistFilter:
    statuses: tuple[WaitlistStatus, ...] | None = None
    customer_id: IdFilter | None = None


def entries_of(tenant_id: UUID) -> Select[WaitlistEntry]:
    return select(WaitlistEntry).where(col(WaitlistEntry.tenant_id) == tenant_id)


def own_entries(tenant_id: UUID, customer_id: UUID | None) -> Select[WaitlistEntry]:
    """Selects the entries of a customer; none without one."""
    is_theirs = false() if customer_id is None else col(WaitlistEntry.customer_id) == customer_id
    return entries_of(tenant_id).where(is_theirs)


def entries_matching(
    entries: Select[WaitlistEntry], filter: WaitlistFilter | None
) -> Select[WaitlistEntry]:
    """Filters entries by all given conditions."""
    if filter is None:
        return entries
    if filter.statuses is not None:
        wanted = [each.value for each in filter.statuses]
        entries = entries.where(is_any(WaitlistEntry.status, wanted))
    return entries.where(is_among(WaitlistEntry.customer_id, filter.customer_id))


# ------------------------------------------------------------------------------ the queue


def open_entries(tenant_id: UUID, customer_id: UUID) -> Select[int, int]:
    """Counts the open entries of a venue, and those of a customer."""
    is_theirs = col(WaitlistEntry.customer_id) == customer_id
    return select(func.count(), func.count().filter(is_theirs)).where(
        col(WaitlistEntry.tenant_id) == tenant_id,
        col(WaitlistEntry.status).in_([each.value for each in OPEN]),
    )


def queue_of(
    tenant_id: UUID, tag: str | None, starts: Interval | None, room_id: UUID | None = None
) -> Select[WaitlistEntry]:
    """Selects the entries that wait for some starts and a room, in the order they are served.

    Customers with the tag come first.
    """
    entry = WaitlistEntry
    queue = entries_of(tenant_id).where(col(entry.status) == WaitlistStatus.WAITING.value)
    if starts is not None:
        queue = queue.where(
            col(entry.last_start_at) >= starts.start, col(entry.first_start_at) < starts.end
        )
    if room_id is not None:
        queue = queue.where(
            or_(col(entry.room_ids).is_(None), literal(room_id) == any_(col(entry.room_ids)))
        )
    return queue.order_by(_rank(entry, tag), col(entry.id))


def entry_offered(tenant_id: UUID, hold_id: UUID) -> Select[WaitlistEntry]:
    """Selects the entry to which a hold is offered."""
    return entries_of(tenant_id).where(
        col(WaitlistEntry.status) == WaitlistStatus.OFFERED.value,
        col(WaitlistEntry.hold_id) == hold_id,
    )


def positions(tenant_id: UUID, tag: str | None, ids: Sequence[UUID]) -> Select[UUID, int]:
    """Selects the positions of waiting entries among those that wait for the same time and room."""
    entry, other = WaitlistEntry, aliased(WaitlistEntry)
    ahead = (
        select(func.count())
        .where(
            col(other.tenant_id) == col(entry.tenant_id),
            col(other.status) == WaitlistStatus.WAITING.value,
            col(other.last_start_at) >= col(entry.first_start_at),
            col(other.first_start_at) <= col(entry.last_start_at),
            or_(
                col(other.room_ids).is_(None),
                col(entry.room_ids).is_(None),
                col(other.room_ids).op("&&")(col(entry.room_ids)),
            ),
            tuple_(_rank(other, tag), col(other.id)) < tuple_(_rank(entry, tag), col(entry.id)),
        )
        .correlate(entry)
        .scalar_subquery()
    )
    return select(col(entry.id), ahead + 1).where(
        col(entry.tenant_id) == tenant_id,
        col(entry.status) == WaitlistStatus.WAITING.value,
        col(entry.id).in_(ids),
    )


def _rank(entry: Any, tag: str | None) -> ColumnElement[int]:
    """Returns 0 for customers with the tag, and 1 for others."""
    if tag is None:
        return literal(1)
    has_tag = (
        exists()
        .where(
            col(Customer.tenant_id) == entry.tenant_id,
            col(Customer.id) == entry.customer_id,
            literal(tag) == any_(col(Customer.tags)),
        )
        .correlate_except(Customer)
    )
    return case((has_tag, 0), else_=1)


# ------------------------------------------------------------------------------ all tenants


def tenants_with_waitlist(tenant_ids: Collection[UUID]) -> Select[UUID]:
    """Selects those of some tenants for whose waitlist an event may matter."""
    return (
        select(col(WaitlistEntry.tenant_id))
        .distinct()
        .where(
            col(WaitlistEntry.tenant_id).in_(tenant_ids),
            col(WaitlistEntry.status).in_([each.value for each in OPEN]),
        )
    )


def advancing_tenants(now: datetime) -> Select[UUID, int]:
    """Selects the tenants whose entries wait for times beyond those that can be booked already.

    With the days for which they take bookings, and those of times that can be since an hour ago.
    """
    days = col(Tenant.max_advance_days)
    ahead = days * literal_column("interval '1 day'", IntervalType())
    recently = type_coerce(now - ADVANCED_WITHIN, INSTANT)
    return (
        select(col(Tenant.id), days)
        .join(WaitlistEntry, col(WaitlistEntry.tenant_id) == col(Tenant.id))
        .where(
            col(WaitlistEntry.status) == WaitlistStatus.WAITING.value,
            col(WaitlistEntry.last_start_at) >= recently + ahead,
        )
        .distinct()
    )


def entries_past(now: datetime, *, limit: int) -> Select[UUID, UUID]:
    """Selects tenant and id of entries of every tenant whose last start has passed."""
    return (
        select(col(WaitlistEntry.tenant_id), col(WaitlistEntry.id))
        .where(
            col(WaitlistEntry.status) == WaitlistStatus.WAITING.value,
            col(WaitlistEntry.last_start_at) <= now,
        )
        .limit(limit)
    )
