"""Rollups: the figures of each date, made from bookings and payments, and how far they are made."""

import datetime
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    LargeBinary,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlmodel import Field, SQLModel, col

from domain.analytics.metrics import COUNTING
from domain.bookings.lifecycle import Status
from domain.payments.ledger import Account
from kit.postgres.json_batch import JsonBatch
from models.audit.log import GENERATION, HORIZON, LogEntry, Xid8
from models.bookings.bookings import Booking
from models.payments.payments import LedgerEntry
from models.tenants import Tenant


class _Sums(SQLModel):
    bookings: int = Field(sa_type=BigInteger)
    cancelled: int = Field(sa_type=BigInteger)
    no_shows: int = Field(sa_type=BigInteger)
    completed: int = Field(sa_type=BigInteger)
    booked_minutes: int = Field(sa_type=BigInteger)
    priced: int = Field(sa_type=BigInteger)
    value_minor: int = Field(sa_type=BigInteger)
    revenue_minor: int = Field(sa_type=BigInteger)
    new_customers: int = Field(sa_type=BigInteger)


class AnalyticsDay(_Sums, table=True):
    """The figures of a venue's date; dates without any have no row."""

    __tablename__ = "analytics_days"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    date: datetime.date = Field(primary_key=True)
    lead_median: int | None = Field(default=None, sa_type=BigInteger)
    returning: int = Field(sa_type=BigInteger, description="Customers whose first one was before.")
    hours: bytes = Field(
        sa_column=Column(LargeBinary, nullable=False),
        description="The same by hour, as in domain/analytics/day_figures.py.",
    )
    leads: bytes = Field(
        sa_column=Column(LargeBinary, nullable=False), description="Lead times, in order."
    )
    gaps: bytes = Field(
        sa_column=Column(LargeBinary, nullable=False),
        description="Days since each booking's customer's one before, in order.",
    )


class AnalyticsRoomDay(_Sums, table=True):
    """The figures of one room on a date."""

    __tablename__ = "analytics_room_days"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    date: datetime.date = Field(primary_key=True)
    room_id: UUID = Field(primary_key=True)


class AnalyticsState(SQLModel, table=True):
    """How far a tenant's log is counted, and how far it is read: there may be dates left to do.

    All figures are of dates in ``time_zone``, and as the code of ``figures_version`` made them.
    """

    __tablename__ = "analytics_states"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    time_zone: str
    generation: int = Field(sa_type=BigInteger)
    xid: int = Field(sa_column=Column(Xid8, nullable=False))
    position: int = Field(sa_type=BigInteger)
    read_xid: int = Field(sa_column=Column(Xid8, nullable=False))
    read_position: int = Field(sa_type=BigInteger)
    has_subscription_days: bool = Field(
        default=False,
        sa_column=Column(Boolean, nullable=False, server_default=text("false")),
        description="Whether what happened to its subscription is made.",
    )
    figures_version: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class AnalyticsDirtyDay(SQLModel, table=True):
    """A date whose figures have to be made anew."""

    __tablename__ = "analytics_dirty_days"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    date: datetime.date = Field(primary_key=True)


COUNTS: Final = tuple(status.value for status in COUNTING)
"""The statuses of bookings that count."""
_SHOWN: Final = (*COUNTS, Status.CANCELLED.value)
FIGURES_VERSION: Final = 2
"""Raised when other figures are kept than before: those of all tenants are made anew then."""
MONEY_MOVES: Final = (Account.RECEIVED.value, Account.REFUNDED.value)
"""The accounts of what was paid and refunded."""


# ------------------------------------------------------------------------------ how far is counted


def times_of_all(tenant_id: UUID) -> tuple[Any, Any]:
    """Selects the first start and last end of the bookings of each UTC date, and of payments."""
    # Days are only a way to leave gaps out: no figure depends on them.
    by_start = func.date_trunc("day", func.timezone("UTC", col(Booking.starts_at)))
    by_payment = func.date_trunc("day", func.timezone("UTC", col(LedgerEntry.at)))
    return (
        select(func.min(col(Booking.starts_at)), func.max(col(Booking.ends_at)))
        .where(col(Booking.tenant_id) == tenant_id, col(Booking.status).in_(_SHOWN))
        .group_by(by_start),
        select(func.min(col(LedgerEntry.at)), func.max(col(LedgerEntry.at)))
        .where(
            col(LedgerEntry.tenant_id) == tenant_id,
            or_(*(col(LedgerEntry.account) == account for account in MONEY_MOVES)),
        )
        .group_by(by_payment),
    )


_TENANT: Final = bindparam("tenant_id", type_=Uuid())
# The tenant, and how far its log is counted: no row if nothing is yet. All is made of what is kept
# unless there are dates left to do.
COUNTED: Final = JsonBatch(
    select(Tenant).where(col(Tenant.id) == _TENANT),
    select(
        col(AnalyticsState.generation),
        cast(cast(col(AnalyticsState.xid), Text), BigInteger).label("xid"),
        col(AnalyticsState.position),
        and_(
            col(AnalyticsState.figures_version) == FIGURES_VERSION,
            ~select(literal(1)).where(col(AnalyticsDirtyDay.tenant_id) == _TENANT).exists(),
        ).label("is_all_made"),
    ).where(col(AnalyticsState.tenant_id) == _TENANT),
)


def state_of(tenant_id: UUID) -> Select[AnalyticsState]:
    return select(AnalyticsState).where(col(AnalyticsState.tenant_id) == tenant_id)


def dates_made(tenant_id: UUID) -> Select[datetime.date]:
    """Selects the dates that have figures."""
    return select(col(AnalyticsDay.date)).where(col(AnalyticsDay.tenant_id) == tenant_id)


def dates_marked(tenant_id: UUID, dates: Collection[datetime.date]) -> Insert:
    """Marks dates whose figures have to be made anew."""
    rows = [{"tenant_id": tenant_id, "date": each} for each in dates]
    return insert(AnalyticsDirtyDay).values(rows).on_conflict_do_nothing()


def state_stored(values: Mapping[str, Any]) -> Insert:
    """Stores how far a tenant's log is counted."""
    statement = insert(AnalyticsState).values(**values)
    kept = {name: statement.excluded[name] for name in values if name != "tenant_id"}
    return statement.on_conflict_do_update(index_elements=["tenant_id"], set_=kept)


# ------------------------------------------------------------------------------ of all tenants


@cache
def tenants_to_count() -> Select[UUID]:
    """Selects the tenants with entries that aren't counted yet, or without any figures."""
    place = tuple_(col(LogEntry.xid), col(LogEntry.position))
    newer = (
        select(literal(1))
        .where(
            col(LogEntry.tenant_id) == col(AnalyticsState.tenant_id),
            col(LogEntry.generation) == GENERATION,
            place > tuple_(col(AnalyticsState.xid), col(AnalyticsState.position)),
            col(LogEntry.xid) < select(HORIZON).scalar_subquery(),
        )
        .limit(1)
    )
    return (
        select(col(Tenant.id))
        .outerjoin(AnalyticsState, col(AnalyticsState.tenant_id) == col(Tenant.id))
        .where(
            or_(
                col(AnalyticsState.tenant_id).is_(None),
                col(AnalyticsState.generation) != GENERATION,
                col(AnalyticsState.figures_version) != FIGURES_VERSION,
                col(AnalyticsState.has_subscription_days).is_(False),
                newer.exists(),
            )
        )
        .order_by(col(Tenant.id))
    )


@cache
def oldest_uncounted() -> Select[datetime.datetime | None]:
    """Selects when the oldest entry was written that isn't counted, of any tenant's log."""
    counted = tuple_(
        func.coalesce(col(AnalyticsState.xid), literal(0, Xid8())),
        func.coalesce(col(AnalyticsState.position), 0),
    )
    first = (
        select(col(LogEntry.at))
        .where(
            col(LogEntry.tenant_id) == col(Tenant.id),
            col(LogEntry.generation) == GENERATION,
            tuple_(col(LogEntry.xid), col(LogEntry.position)) > counted,
        )
        .order_by(col(LogEntry.xid), col(LogEntry.position))
        .limit(1)
        .lateral("first")
    )
    return (
        select(func.min(first.c.at))
        .select_from(Tenant)
        .outerjoin(
            AnalyticsState,
            and_(
                col(AnalyticsState.tenant_id) == col(Tenant.id),
                col(AnalyticsState.generation) == GENERATION,
            ),
        )
        .join(first, true())
    )
