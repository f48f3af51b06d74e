"""Billing: each tenant's subscription, as the gateway last reported it, and its invoices."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Select,
    UniqueConstraint,
    Update,
    Uuid,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate
from sqlmodel import Field, col

from domain.billing.plan_subscriptions import InvoiceStatus, Subscription, SubscriptionStatus
from domain.core.money import Money
from domain.tenants.plans import PlanCode
from models.core.base import INSTANT, Logged, TenantRow, one_of
from models.tenants import Tenant


class BillingSubscription(TenantRow, Logged, table=True):
    """A tenant's subscription, of which there is at most one.

    ``looks`` counts the reads from the gateway that were begun, ``seen`` is the number of the
    latest one that is stored: an older read never overwrites a newer one. ``changing_until`` blocks
    other changes while one waits for the gateway.
    """

    LOGGED: ClassVar = (
        "plan_code",
        "status",
        "period_end",
        "trial_ends_at",
        "cancels_at_period_end",
        "next_plan_code",
        "plan_in_force",
    )

    __tablename__ = "billing_subscriptions"
    __table_args__ = (
        UniqueConstraint("tenant_id"),
        CheckConstraint(one_of("plan_code", PlanCode), name="plan_code"),
        CheckConstraint(one_of("next_plan_code", PlanCode), name="next_plan_code"),
        CheckConstraint(one_of("status", SubscriptionStatus), name="status"),
        CheckConstraint("seen <= looks", name="seen"),
    )

    gateway: str
    customer_ref: str | None = None
    subscription_ref: str | None = None
    plan_code: str = PlanCode.STARTER.value
    status: str = SubscriptionStatus.INCOMPLETE.value
    begun_at: datetime = Field(sa_type=INSTANT)
    trial_used_at: datetime | None = Field(default=None, sa_type=INSTANT)
    period_start: datetime | None = Field(default=None, sa_type=INSTANT)
    period_end: datetime | None = Field(default=None, sa_type=INSTANT)
    trial_ends_at: datetime | None = Field(default=None, sa_type=INSTANT)
    cancels_at_period_end: bool = False
    next_plan_code: str | None = None
    archive_room_ids: list[Any] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False)
    )
    overdue_since: datetime | None = Field(default=None, sa_type=INSTANT)
    ended_at: datetime | None = Field(default=None, sa_type=INSTANT)
    upcoming_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    upcoming_currency: str | None = None
    upcoming_at: datetime | None = Field(default=None, sa_type=INSTANT)
    reminded_at: datetime | None = Field(default=None, sa_type=INSTANT)
    changing_by: UUID | None = None
    changing_until: datetime | None = Field(default=None, sa_type=INSTANT)
    looks: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    seen: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    seen_at: datetime | None = Field(default=None, sa_type=INSTANT)
    version: int = 1

    def is_changing(self, *, at: datetime) -> bool:
        """Returns whether a change is reserved, which blocks others."""
        return self.changing_until is not None and at < self.changing_until

    @property
    def value(self) -> Subscription:
        """Returns the subscription as the domain's value."""
        return Subscription(
            plan=PlanCode(self.plan_code),
            status=SubscriptionStatus(self.status),
            begun_at=self.begun_at,
            period_start=self.period_start,
            period_end=self.period_end,
            trial_ends_at=self.trial_ends_at,
            cancels_at_period_end=self.cancels_at_period_end,
            next_plan=PlanCode(self.next_plan_code) if self.next_plan_code else None,
            overdue_since=self.overdue_since,
            ended_at=self.ended_at,
        )

    @property
    def plan_in_force(self) -> str:
        """The code of the plan whose limits and features apply."""
        return self.value.plan_in_force.value

    @property
    def upcoming(self) -> Money | None:
        """The amount of the next invoice."""
        if self.upcoming_minor is None or self.upcoming_currency is None:
            return None
        return Money(self.upcoming_minor, self.upcoming_currency)


class BillingInvoice(TenantRow, table=True):
    """An invoice of the gateway; ``ref`` is its id there."""

    __tablename__ = "billing_invoices"
    __table_args__ = (
        UniqueConstraint("tenant_id", "ref"),
        Index(None, "tenant_id", "issued_at", "id"),
        CheckConstraint(one_of("status", InvoiceStatus), name="status"),
    )

    ref: str
    number: str | None = None
    status: str
    currency_code: str
    total_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    paid_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    issued_at: datetime = Field(sa_type=INSTANT)
    page_url: str | None = None
    pdf_url: str | None = None

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency_code)

    @property
    def paid(self) -> Money:
        return Money(self.paid_minor, self.currency_code)


def subscriptions_of(tenant_id: UUID) -> Select[BillingSubscription]:
    """Selects the tenant's subscription, with any gateway."""
    return select(BillingSubscription).where(col(BillingSubscription.tenant_id) == tenant_id)


# The same, with the tenant as the parameter ``tenant_id``.
SUBSCRIPTIONS: Final = select(BillingSubscription).where(
    col(BillingSubscription.tenant_id) == bindparam("tenant_id", type_=Uuid())
)


def billing_of(tenant_id: UUID, gateway: str) -> Select[BillingSubscription]:
    """Selects the tenant's subscription with this gateway."""
    return subscriptions_of(tenant_id).where(col(BillingSubscription.gateway) == gateway)


def invoices_of(tenant_id: UUID) -> Select[BillingInvoice]:
    return select(BillingInvoice).where(col(BillingInvoice.tenant_id) == tenant_id)


def another_look(tenant_id: UUID) -> ReturningUpdate[int]:
    """Begins a read from the gateway, and returns its number."""
    return (
        update(BillingSubscription)
        .where(col(BillingSubscription.tenant_id) == tenant_id)
        .values(looks=col(BillingSubscription.looks) + 1)
        .returning(col(BillingSubscription.looks))
        .execution_options(synchronize_session=False)
    )


def change_given_up(tenant_id: UUID, by: UUID) -> Update:
    """Allows other changes of the subscription again."""
    return (
        update(BillingSubscription)
        .where(
            col(BillingSubscription.tenant_id) == tenant_id,
            col(BillingSubscription.changing_by) == by,
        )
        .values(changing_by=None, changing_until=None)
        .execution_options(synchronize_session=False)
    )


def begun_unless_there(row: BillingSubscription) -> ReturningInsert[UUID]:
    """Inserts a tenant's subscription; returns no row if there is one already.

    Replaces a subscription with another gateway.
    """
    values = {name: getattr(row, name) for name in BillingSubscription.model_fields}
    stored = insert(BillingSubscription).values(values)
    kept = {"tenant_id", "id", "looks", "seen", "version"}
    anew = {name: stored.excluded[name] for name in values if name not in kept}
    return stored.on_conflict_do_update(
        index_elements=["tenant_id"],
        set_={**anew, "version": col(BillingSubscription.version) + 1},
        where=col(BillingSubscription.gateway) != stored.excluded.gateway,
    ).returning(col(BillingSubscription.id))


def invoice_stored(row: BillingInvoice) -> ReturningInsert[UUID]:
    """Inserts or updates an invoice."""
    values = {name: getattr(row, name) for name in BillingInvoice.model_fields}
    stored = insert(BillingInvoice).values(values)
    kept = {name: stored.excluded[name] for name in values if name not in ("tenant_id", "id")}
    return stored.on_conflict_do_update(index_elements=["tenant_id", "ref"], set_=kept).returning(
        col(BillingInvoice.id)
    )


# ------------------------------------------------------------------------------ of all tenants


def not_seen_since(cutoff: datetime, *, after: UUID | None, limit: int) -> Select[UUID]:
    """Selects tenants whose subscription wasn't read since an instant, in order of their ids."""
    seen_at = func.coalesce(col(BillingSubscription.seen_at), col(BillingSubscription.begun_at))
    found = select(col(BillingSubscription.tenant_id)).where(
        seen_at < cutoff, col(BillingSubscription.customer_ref).is_not(None)
    )
    return _some(found, BillingSubscription.tenant_id, after, limit)


def without_billing(gateway: str, *, after: UUID | None, limit: int) -> Select[UUID]:
    """Selects tenants without a subscription with this gateway, in order of their ids."""
    step = select(col(BillingSubscription.id)).where(
        col(BillingSubscription.tenant_id) == col(Tenant.id),
        col(BillingSubscription.gateway) == gateway,
    )
    return _some(select(col(Tenant.id)).where(~step.exists()), Tenant.id, after, limit)


def to_be_reminded(begun_before: datetime, *, after: UUID | None, limit: int) -> Select[UUID]:
    """Selects tenants that began before an instant, didn't subscribe and weren't reminded."""
    found = select(col(BillingSubscription.tenant_id)).where(
        col(BillingSubscription.status) == SubscriptionStatus.INCOMPLETE.value,
        col(BillingSubscription.reminded_at).is_(None),
        col(BillingSubscription.begun_at) <= begun_before,
    )
    return _some(found, BillingSubscription.tenant_id, after, limit)


def _some(found: Select[UUID], id: UUID, after: UUID | None, limit: int) -> Select[UUID]:
    if after is not None:
        found = found.where(col(id) > after)
    return found.order_by(col(id)).limit(limit)
