"""Rollups: the figures of each date, made from bookings and payments, and how far they are made."""

import datetime
from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Delete,
    LargeBinary,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    column,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert
from sqlalchemy.orm import aliased
from sqlmodel import Field, SQLModel, col

from domain.analytics.metrics import COUNTING
from domain.bookings.lifecycle import Status
from domain.payments.ledger import Account
from kit.postgres.json_batch import JsonBatch
from kit.postgres.statements import PreparedStatement
from models.audit.log import GENERATION, HORIZON, LogEntry, Xid8
from models.bookings.bookings import Booking
from models.core.base import INSTANT
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

    All figures are of dates in ``time_zone``.
    """

    __tablename__ = "analytics_states"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    time_zone: str
    generation: int = Field(sa_type=BigInteger)
    xid: int = Field(sa_column=Column(Xid8, nullable=False))
    position: int = Field(sa_type=BigInteger)
    read_xid: int = Field(sa_column=Column(Xid8, nullable=False))
    read_position: int = Field(sa_type=BigInteger)


class AnalyticsDirtyDay(SQLModel, table=True):
    """A date whose figures have to be made anew."""

    __tablename__ = "analytics_dirty_days"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    date: datetime.date = Field(primary_key=True)


COUNTS: Final = tuple(status.value for status in COUNTING)
"""The statuses of bookings that count."""
_SHOWN: Final = (*COUNTS, Status.CANCELLED.value)
MONEY_MOVES: Final = (Account.RECEIVED.value, Account.REFUNDED.value)
"""The accounts of what was paid and refunded."""


# ------------------------------------------------------------------------------ what is counted


def _counted_bookings() -> Any:
    """Selects the bookings that overlap a time, each with the start of its customer's one before.

    Parameters: ``tenant_id``, ``currency``, ``since``, ``until``, and ``earliest``, which is
    ``since`` less the longest booking.
    """
    earlier = aliased(Booking)
    place = tuple_(col(earlier.starts_at), col(earlier.id))
    before = (
        select(col(earlier.starts_at))
        .where(
            col(earlier.tenant_id) == col(Booking.tenant_id),
            col(earlier.customer_id) == col(Booking.customer_id),
            col(earlier.starts_at) <= col(Booking.starts_at),
            place < tuple_(col(Booking.starts_at), col(Booking.id)),
            col(earlier.status).in_(COUNTS),
        )
        .order_by(col(earlier.starts_at).desc(), col(earlier.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    since = bindparam("since", type_=INSTANT)
    return select(
        col(Booking.room_id),
        col(Booking.customer_id),
        col(Booking.status),
        col(Booking.starts_at),
        col(Booking.ends_at),
        col(Booking.created_at),
        case(
            (
                col(Booking.currency_code) == bindparam("currency", type_=Text()),
                col(Booking.price_minor),
            ),
        ).label("price_minor"),
        case((col(Booking.status).in_(COUNTS), before)).label("previous_start"),
    ).where(
        col(Booking.tenant_id) == bindparam("tenant_id", type_=Uuid()),
        col(Booking.starts_at) > bindparam("earliest", type_=INSTANT),
        col(Booking.starts_at) < bindparam("until", type_=INSTANT),
        col(Booking.ends_at) > since,
        col(Booking.status).in_(_SHOWN),
    )


def _counted_payments() -> Any:
    """Selects what was paid and refunded within a time, in the venue's currency."""
    return (
        select(col(Booking.room_id), col(LedgerEntry.at), col(LedgerEntry.amount_minor))
        .join(
            Booking,
            and_(
                col(Booking.tenant_id) == col(LedgerEntry.tenant_id),
                col(Booking.id) == col(LedgerEntry.booking_id),
            ),
        )
        .where(
            col(LedgerEntry.tenant_id) == bindparam("tenant_id", type_=Uuid()),
            or_(*(col(LedgerEntry.account) == account for account in MONEY_MOVES)),
            col(LedgerEntry.at) >= bindparam("since", type_=INSTANT),
            col(LedgerEntry.at) < bindparam("until", type_=INSTANT),
            col(LedgerEntry.currency_code) == bindparam("currency", type_=Text()),
        )
    )


COUNTED_BOOKINGS: Final = PreparedStatement(_counted_bookings())
COUNTED_PAYMENTS: Final = PreparedStatement(_counted_payments())


# ------------------------------------------------------------------------------ what has changed


def _touched() -> Any:
    """Selects the times that changed bookings have an influence on, as ``start`` and ``end``.

    ``booking_ids`` are the bookings; ``former_ids``, ``former_customers`` and ``former_starts`` the
    customers and starts that some of them had before. A row with an ``id`` is that booking as it is
    now. The others are payments, and the next bookings of all these customers from all these
    starts on: their customers may be new or returning ones now.
    """
    tenant_id = bindparam("tenant_id", type_=Uuid())
    ids = bindparam("booking_ids", type_=ARRAY(Uuid()))
    booking = (
        select(
            col(Booking.id),
            col(Booking.customer_id),
            col(Booking.starts_at).label("start"),
            col(Booking.ends_at).label("end"),
        )
        .where(col(Booking.tenant_id) == tenant_id, col(Booking.id) == func.any(ids))
        .cte("booking")
    )
    former = (
        func.unnest(
            bindparam("former_ids", type_=ARRAY(Uuid())),
            bindparam("former_customers", type_=ARRAY(Uuid())),
            bindparam("former_starts", type_=ARRAY(INSTANT)),
        )
        .table_valued(column("id", Uuid()), column("customer_id", Uuid()), column("start", INSTANT))
        .render_derived(name="former")
    )
    known = union_all(
        select(booking.c.id, booking.c.customer_id, booking.c.start),
        select(former.c.id, former.c.customer_id, former.c.start),
    ).cte("known")
    other = known.alias("other")
    pairs = (
        select(known.c.customer_id, other.c.start)
        .join_from(known, other, known.c.id == other.c.id)
        .where(known.c.customer_id.is_not(None), other.c.start.is_not(None))
        .distinct()
        .cte("pairs")
    )
    later = aliased(Booking)
    following = (
        select(col(later.starts_at).label("start"), col(later.ends_at).label("end"))
        .where(
            col(later.tenant_id) == tenant_id,
            col(later.customer_id) == pairs.c.customer_id,
            col(later.starts_at) > pairs.c.start,
            col(later.status).in_(COUNTS),
        )
        .order_by(col(later.starts_at))
        .limit(1)
        .lateral("following")
    )
    nothing = literal(None, Uuid())
    return union_all(
        select(booking.c.id, booking.c.start, booking.c.end),
        select(nothing, following.c.start, following.c.end)
        .select_from(pairs)
        .join(following, true()),
        select(nothing, col(LedgerEntry.at), col(LedgerEntry.at)).where(
            col(LedgerEntry.tenant_id) == tenant_id,
            col(LedgerEntry.booking_id) == func.any(ids),
            or_(*(col(LedgerEntry.account) == account for account in MONEY_MOVES)),
        ),
    )


TOUCHED: Final = PreparedStatement(_touched())


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
# The tenant, and how far its log is counted: no row if nothing is yet.
COUNTED: Final = JsonBatch(
    select(Tenant).where(col(Tenant.id) == _TENANT),
    select(
        col(AnalyticsState.generation),
        cast(cast(col(AnalyticsState.xid), Text), BigInteger).label("xid"),
        col(AnalyticsState.position),
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


def dates_to_make(tenant_id: UUID, limit: int) -> Select[datetime.date]:
    """Selects the first dates whose figures have to be made anew."""
    marked = select(col(AnalyticsDirtyDay.date)).where(
        col(AnalyticsDirtyDay.tenant_id) == tenant_id
    )
    return marked.order_by(col(AnalyticsDirtyDay.date)).limit(limit)


def marks_removed(tenant_id: UUID, dates: Collection[datetime.date]) -> Delete:
    return _without(AnalyticsDirtyDay, tenant_id, dates)


def figures_removed(tenant_id: UUID, dates: Collection[datetime.date]) -> tuple[Delete, Delete]:
    """Deletes the figures of dates."""
    return _without(AnalyticsDay, tenant_id, dates), _without(AnalyticsRoomDay, tenant_id, dates)


def state_stored(values: Mapping[str, Any]) -> Insert:
    """Stores how far a tenant's log is counted."""
    statement = insert(AnalyticsState).values(**values)
    kept = {name: statement.excluded[name] for name in values if name != "tenant_id"}
    return statement.on_conflict_do_update(index_elements=["tenant_id"], set_=kept)


def _without(table: Any, tenant_id: UUID, dates: Collection[datetime.date]) -> Delete:
    wanted = literal(list(dates), ARRAY(Date()))
    return (
        delete(table)
        .where(col(table.tenant_id) == tenant_id, col(table.date) == func.any(wanted))
        .execution_options(synchronize_session=False)
    )


# ------------------------------------------------------------------------------ of all tenants


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
                newer.exists(),
            )
        )
        .order_by(col(Tenant.id))
    )


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
