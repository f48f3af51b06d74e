"""What happened to subscriptions: by venue and date, and added up over all venues.

The rows of a venue are its own, as all others are. The platform's have no venue, and are read in
transactions without one.
"""

import datetime
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Date,
    Index,
    Select,
    Update,
    case,
    cast,
    false,
    func,
    literal,
    null,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlmodel import Field, SQLModel, col

from domain.analytics.spans import DateSpan
from domain.core.log_events import EventType
from domain.tenants.plans import PlanCode
from models.audit.log import LogEntry
from models.core.base import one_of

SUBSCRIPTION_TYPES: Final = frozenset(
    {
        EventType.TRIAL_STARTED,
        EventType.SUBSCRIPTION_STARTED,
        EventType.PLAN_CHANGED,
        EventType.SUBSCRIPTION_OVERDUE,
        EventType.SUBSCRIPTION_RECOVERED,
        EventType.SUBSCRIPTION_ENDED,
    }
)
"""The types of events that change the plan or the status of a subscription."""
COUNTED: Final = ("signed_up", "trials", "active", "overdue", "churned", "failed_payments")


class _PlanDay(SQLModel):
    signed_up: int = Field(sa_type=BigInteger)
    trials: int = Field(sa_type=BigInteger)
    active: int = Field(sa_type=BigInteger)
    overdue: int = Field(sa_type=BigInteger)
    churned: int = Field(sa_type=BigInteger)
    failed_payments: int = Field(sa_type=BigInteger)


class SubscriptionDay(_PlanDay, table=True):
    """What happened on a UTC date to a venue's subscription to a plan.

    ``is_counted`` once the platform's row of the date contains it.
    """

    __tablename__ = "subscription_days"
    __table_args__ = (
        Index(
            "ix_subscription_days_to_count",
            *("tenant_id", "date"),
            postgresql_where=text("NOT is_counted"),
        ),
        CheckConstraint(one_of("plan_code", PlanCode), name="plan_code"),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    date: datetime.date = Field(primary_key=True)
    plan_code: str = Field(primary_key=True)
    is_counted: bool


class PlatformDay(_PlanDay, table=True):
    """What happened on a UTC date to the subscriptions of all venues to a plan."""

    __tablename__ = "platform_days"
    __table_args__ = (CheckConstraint(one_of("plan_code", PlanCode), name="plan_code"),)

    date: datetime.date = Field(primary_key=True)
    plan_code: str = Field(primary_key=True)


# ------------------------------------------------------------------------------ of a venue


def subscription_history(tenant_id: UUID) -> Select[datetime.datetime, Any]:
    """Selects when a tenant's subscription changed and what it became, in the log's order."""
    return (
        select(col(LogEntry.at), col(LogEntry.after))
        .where(
            col(LogEntry.tenant_id) == tenant_id,
            col(LogEntry.type).in_(sorted(SUBSCRIPTION_TYPES)),
        )
        # After a restore, transaction ids may have begun anew.
        .order_by(col(LogEntry.generation), col(LogEntry.xid), col(LogEntry.position))
    )


def days_emptied(tenant_id: UUID) -> Update:
    """Removes what a tenant's rows count. They stay, so that their dates are added up anew."""
    return (
        update(SubscriptionDay)
        .where(col(SubscriptionDay.tenant_id) == tenant_id)
        .values({**dict.fromkeys(COUNTED, 0), "is_counted": False})
        .execution_options(synchronize_session=False)
    )


def days_stored(rows: Sequence[Mapping[str, object]]) -> Insert:
    statement = insert(SubscriptionDay).values(list(rows))
    kept = {name: statement.excluded[name] for name in (*COUNTED, "is_counted")}
    return statement.on_conflict_do_update(
        index_elements=["tenant_id", "date", "plan_code"], set_=kept
    )


# ------------------------------------------------------------------------------ of all venues


def days_counted(limit: int) -> Any:
    """Marks uncounted rows of all tenants as counted, and returns the date of each.

    Rows that are being written are left out: they are counted next time.
    """
    key = tuple_(
        col(SubscriptionDay.tenant_id), col(SubscriptionDay.date), col(SubscriptionDay.plan_code)
    )
    found = (
        select(
            col(SubscriptionDay.tenant_id),
            col(SubscriptionDay.date),
            col(SubscriptionDay.plan_code),
        )
        .where(col(SubscriptionDay.is_counted) == false())
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (
        update(SubscriptionDay)
        .where(key.in_(found))
        .values(is_counted=True)
        .returning(col(SubscriptionDay.date))
        .execution_options(synchronize_session=False)
    )


def platform_days_stored(dates: Collection[datetime.date]) -> Insert:
    """Adds the rows of all tenants up, for some dates."""
    names = ["date", "plan_code", *COUNTED]
    sums = [
        cast(func.sum(getattr(SubscriptionDay, name)), BigInteger).label(name) for name in COUNTED
    ]
    key = (col(SubscriptionDay.date), col(SubscriptionDay.plan_code))
    added = (
        select(*key, *sums)
        .where(col(SubscriptionDay.date) == func.any(literal(list(dates), ARRAY(Date()))))
        .group_by(*key)
    )
    statement = insert(PlatformDay).from_select(names, added)
    kept = {name: statement.excluded[name] for name in COUNTED}
    return statement.on_conflict_do_update(index_elements=["date", "plan_code"], set_=kept)


def platform_days(span: DateSpan) -> Select[Any]:
    """Selects the sums by date and plan, and with a null date those of all dates before.

    Only a transaction without a tenant sees them.
    """
    day = case((col(PlatformDay.date) >= span.from_, col(PlatformDay.date)), else_=null())
    plan = col(PlatformDay.plan_code)
    sums = [cast(func.sum(getattr(PlatformDay, name)), BigInteger) for name in COUNTED]
    return select(day, plan, *sums).where(col(PlatformDay.date) < span.until).group_by(day, plan)
