"""Tenants: the businesses that share an installation, with the settings of their venue."""

from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Interval,
    Select,
    Text,
    UniqueConstraint,
    Update,
    Uuid,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Field, SQLModel, col

from domain.core.ids import TenantId
from domain.core.money import Money
from domain.core.percents import Percent
from domain.tenants.payment_policy import PaymentPolicy, PolicyKind
from domain.tenants.plans import PlanCode
from domain.tenants.price_settings import Rounding
from domain.tenants.settings import LONGEST_MINUTES, EarlyEndPrice
from kit.ids import new_id
from kit.postgres.statements import PreparedStatement
from models.core.base import INSTANT, Logged, one_of


class Tenant(SQLModel, Logged, table=True):
    LOGGED: ClassVar = (
        "name",
        "time_zone",
        "brand_color",
        "logo_url",
        "slot_minutes",
        "min_notice_minutes",
        "max_advance_days",
        "min_duration_minutes",
        "max_duration_minutes",
        "hold_minutes",
        "requires_confirmation",
        "approval_hours",
        "check_in_from_minutes",
        "auto_release_minutes",
        "early_end_price",
        "max_open_holds",
        "allows_guest_booking",
        "requires_guest_proof",
        "change_minutes_before",
        "reconfirms_changes",
        "waitlist_priority_tag",
        "payment_policy",
        "payment_percent",
        "payment_amount",
        "cancellation_steps",
        "price_rounding",
        "price_step",
        "minimum_charge",
        "tax_rate",
        "taxes_included",
        "cancellation_fees_due",
        "no_show_fee_percent",
        "min_change_notice_minutes",
        "allows_assistant",
    )

    __tablename__ = "tenants"
    __table_args__ = (
        # The only key across tenants, because the tenant is looked up by it.
        UniqueConstraint("subdomain"),
        CheckConstraint(one_of("plan_code", PlanCode), name="plan_code"),
        CheckConstraint("brand_color ~ '^#[0-9a-fA-F]{6}$'", name="brand_color"),
        CheckConstraint("slot_minutes BETWEEN 5 AND 1440", name="slot_minutes"),
        CheckConstraint("min_notice_minutes >= 0", name="min_notice_minutes"),
        CheckConstraint("max_advance_days >= 1", name="max_advance_days"),
        CheckConstraint(
            "min_duration_minutes BETWEEN 1 AND max_duration_minutes", name="min_duration_minutes"
        ),
        CheckConstraint(
            f"max_duration_minutes BETWEEN 1 AND {LONGEST_MINUTES}", name="max_duration_minutes"
        ),
        CheckConstraint("longest_minutes >= max_duration_minutes", name="longest_minutes"),
        CheckConstraint("hold_minutes BETWEEN 1 AND 30", name="hold_minutes"),
        CheckConstraint("approval_hours >= 1", name="approval_hours"),
        CheckConstraint("check_in_from_minutes >= 0", name="check_in_from_minutes"),
        CheckConstraint("auto_release_minutes >= 1", name="auto_release_minutes"),
        CheckConstraint(one_of("early_end_price", EarlyEndPrice), name="early_end_price"),
        CheckConstraint("max_open_holds BETWEEN 1 AND 100", name="max_open_holds"),
        CheckConstraint("change_minutes_before >= 0", name="change_minutes_before"),
        CheckConstraint(one_of("payment_policy", PolicyKind), name="payment_policy"),
        CheckConstraint(
            "(payment_policy IN ('deposit', 'card_hold')) = "
            "(num_nonnulls(payment_percent, payment_amount_minor) = 1)",
            name="payment_part",
        ),
        CheckConstraint("payment_percent BETWEEN 1 AND 100", name="payment_percent"),
        CheckConstraint("payment_amount_minor > 0", name="payment_amount_minor"),
        CheckConstraint(one_of("price_rounding", Rounding), name="price_rounding"),
        CheckConstraint("price_step_minor > 0", name="price_step_minor"),
        CheckConstraint("minimum_charge_minor > 0", name="minimum_charge_minor"),
        CheckConstraint("tax_thousandths BETWEEN 0 AND 100000", name="tax_thousandths"),
        CheckConstraint("no_show_fee_percent BETWEEN 0 AND 100", name="no_show_fee_percent"),
        CheckConstraint("min_change_notice_minutes >= 0", name="min_change_notice_minutes"),
    )

    id: UUID = Field(primary_key=True, default_factory=new_id)
    name: str
    subdomain: str
    time_zone: str
    currency_code: str
    brand_color: str | None = None
    logo_url: str | None = None
    plan_code: str = PlanCode.STARTER.value
    slot_minutes: int = 30
    min_notice_minutes: int = 60
    max_advance_days: int = 90
    min_duration_minutes: int = 15
    max_duration_minutes: int = 720
    longest_minutes: int = Field(
        default=1440,
        description="No booking of the tenant is longer, whatever the settings were before.",
    )
    hold_minutes: int = 5
    requires_confirmation: bool = False
    approval_hours: int = 24
    check_in_from_minutes: int = 15
    auto_release_minutes: int | None = None
    early_end_price: str = EarlyEndPrice.FULL.value
    max_open_holds: int = 3
    allows_guest_booking: bool = True
    requires_guest_proof: bool = False
    change_minutes_before: int | None = None
    reconfirms_changes: bool = True
    waitlist_priority_tag: str | None = None
    payment_policy: str = PolicyKind.NONE.value
    payment_percent: int | None = None
    payment_amount_minor: int | None = Field(default=None, sa_type=BigInteger)
    cancellation_steps: list[Any] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False)
    )
    price_rounding: str = Field(
        default=Rounding.NEAREST.value, sa_column_kwargs={"server_default": "nearest"}
    )
    price_step_minor: int | None = Field(default=None, sa_type=BigInteger)
    minimum_charge_minor: int | None = Field(default=None, sa_type=BigInteger)
    tax_thousandths: int | None = Field(
        default=None, description="Of a percent; null: prices aren't taxed."
    )
    taxes_included: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    cancellation_fees_due: bool = Field(
        default=False, sa_column_kwargs={"server_default": text("false")}
    )
    no_show_fee_percent: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    min_change_notice_minutes: int | None = None
    allows_assistant: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    version: int = 1
    calendar_version: int = Field(
        default=1,
        sa_column=Column(BigInteger, nullable=False, server_default=text("1")),
        description="Raised by triggers with every change of the facts that decide bookings.",
    )
    created_at: datetime = Field(sa_type=INSTANT)

    @property
    def payment_amount(self) -> Money | None:
        """The required payment, if the policy sets an amount."""
        return self._money(self.payment_amount_minor)

    @property
    def price_step(self) -> Money | None:
        """What the lines of prices are rounded to a multiple of; None: what can be charged."""
        return self._money(self.price_step_minor)

    @property
    def minimum_charge(self) -> Money | None:
        return self._money(self.minimum_charge_minor)

    @property
    def tax_rate(self) -> Percent | None:
        return None if self.tax_thousandths is None else Percent(self.tax_thousandths)

    def _money(self, minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, self.currency_code)


def longest_booking(tenant_id: UUID) -> ColumnElement[timedelta]:
    """Returns the tenant's longest booking, as a subquery that runs once per statement."""
    minutes = select(col(Tenant.longest_minutes)).where(col(Tenant.id) == tenant_id)
    return minutes.scalar_subquery() * literal_column("interval '1 minute'", Interval())


class UsageCounter(SQLModel, table=True):
    """The usage of a plan's limit: rooms (without a period), and bookings of a month."""

    __tablename__ = "usage_counters"
    __table_args__ = (CheckConstraint("used >= 0", name="used"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    meter: str = Field(primary_key=True)
    period_start: date = Field(primary_key=True)
    used: int = Field(sa_column=Column(BigInteger, nullable=False))


_LIMIT: Final = bindparam("limit", type_=BigInteger())
_ONE: Final[ColumnElement[int]] = literal(1)
"""Below every limit, so that the first of a month needs no check."""


def counted_more(
    after: FromClause | None = None, *, number: ColumnElement[int] = _ONE
) -> ReturningInsert[int]:
    """Adds a number to a count; returns no row if that would exceed the limit, if any.

    With ``after``, a part of the statement, it counts only if that returns a row.
    """
    values = select(
        bindparam("tenant_id", type_=Uuid()),
        bindparam("meter", type_=Text()),
        bindparam("period_start", type_=Date()),
        number,
    )
    if number is not _ONE:
        values = values.where(or_(_LIMIT.is_(None), number <= _LIMIT))
    return (
        insert(UsageCounter)
        .from_select(
            ["tenant_id", "meter", "period_start", "used"],
            values if after is None else values.select_from(after),
        )
        .on_conflict_do_update(
            index_elements=["tenant_id", "meter", "period_start"],
            set_={"used": col(UsageCounter.used) + number},
            where=or_(_LIMIT.is_(None), col(UsageCounter.used) + number <= _LIMIT),
        )
        .returning(col(UsageCounter.used))
    )


COUNTED_MORE: Final = PreparedStatement(counted_more())
COUNTED_SEVERAL: Final = PreparedStatement(
    counted_more(number=bindparam("number", type_=Integer()))
)


def payment_policy_of(tenant: Tenant) -> PaymentPolicy:
    """Returns what the venue asks for in advance of new bookings."""
    return PaymentPolicy(
        PolicyKind(tenant.payment_policy),
        percent=tenant.payment_percent,
        amount=tenant.payment_amount,
    )


def tenant_of(tenant_id: UUID) -> Select[Tenant]:
    return select(Tenant).where(col(Tenant.id) == tenant_id)


def tenant_id_of(subdomain: str | ColumnElement[str]) -> Select[TenantId | None]:
    """Selects the tenant of a subdomain, by the only function that may read without a tenant."""
    return select(func.tenant_by_subdomain(subdomain))


TENANT_BY_SUBDOMAIN: Final = PreparedStatement(tenant_id_of(bindparam("subdomain", type_=Text())))


def inserted_unless_taken(tenant: Tenant) -> ReturningInsert[UUID]:
    """Inserts a tenant; returns no row if its subdomain is in use."""
    row = {name: getattr(tenant, name) for name in Tenant.model_fields}
    stored = insert(Tenant).values(row).on_conflict_do_nothing(index_elements=["subdomain"])
    return stored.returning(col(Tenant.id))


def used_of(tenant_id: UUID, meter: str, period_start: date) -> Select[int]:
    return select(col(UsageCounter.used)).where(*_counter(tenant_id, meter, period_start))


def monthly_use(tenant_id: UUID, meter: str, *, limit: int) -> Select[UsageCounter]:
    """Selects the months with usage of a meter, the latest first."""
    counters = select(UsageCounter).where(
        col(UsageCounter.tenant_id) == tenant_id, col(UsageCounter.meter) == meter
    )
    return counters.order_by(col(UsageCounter.period_start).desc()).limit(limit)


def counted_less(tenant_id: UUID, meter: str, period_start: date) -> Update:
    return (
        update(UsageCounter)
        .where(*_counter(tenant_id, meter, period_start), col(UsageCounter.used) > 0)
        .values(used=col(UsageCounter.used) - 1)
        .execution_options(synchronize_session=False)
    )


def _counter(tenant_id: UUID, meter: str, period_start: date) -> list[ColumnElement[bool]]:
    return [
        col(UsageCounter.tenant_id) == tenant_id,
        col(UsageCounter.meter) == meter,
        col(UsageCounter.period_start) == period_start,
    ]
