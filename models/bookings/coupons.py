"""Coupons: codes that lower the price of bookings."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Select,
    UniqueConstraint,
    Uuid,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, col

from domain.bookings import coupons
from domain.bookings.coupons import DiscountChoice
from domain.core.ids import RoomId
from domain.core.money import Money
from kit.graphql.field_sources import Value
from models.core.base import INSTANT, Logged, TenantRow
from models.core.sql_fields import money


class Coupon(TenantRow, Logged, table=True):
    """A code that lowers the price of bookings."""

    LOGGED: ClassVar = (
        "code",
        "amount",
        "percent",
        "free_minutes",
        "valid_from",
        "valid_until",
        "first_date",
        "last_date",
        "logged_rooms",
        "first_booking_only",
        "total_limit",
        "per_customer_limit",
        "archived_at",
    )

    __tablename__ = "coupons"
    __table_args__ = (
        UniqueConstraint("tenant_id", "code"),
        Index(None, "tenant_id", "created_at", "id"),
        CheckConstraint("num_nonnulls(amount_minor, percent, free_minutes) = 1", name="discount"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        CheckConstraint("percent BETWEEN 1 AND 100", name="percent"),
        CheckConstraint("free_minutes >= 1", name="free_minutes"),
        CheckConstraint("total_limit >= 1", name="total_limit"),
        CheckConstraint("per_customer_limit >= 1", name="per_customer_limit"),
    )

    code: str = Field(description="As ``domain.bookings.coupons.coupon_code`` returns it.")
    amount_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency_code: str
    percent: int | None = None
    free_minutes: int | None = None
    valid_from: datetime | None = Field(default=None, sa_type=INSTANT)
    valid_until: datetime | None = Field(default=None, sa_type=INSTANT)
    first_date: date | None = None
    last_date: date | None = None
    room_ids: list[UUID] = Field(
        sa_column=Column(ARRAY(Uuid()), nullable=False), description="Empty: for every room."
    )
    first_booking_only: bool = False
    total_limit: int | None = None
    per_customer_limit: int | None = None
    archived_at: datetime | None = Field(default=None, sa_type=INSTANT)
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)

    @property
    def amount(self) -> Money | None:
        """The amount off, if that is the discount."""
        return None if self.amount_minor is None else Money(self.amount_minor, self.currency_code)

    @property
    def logged_rooms(self) -> list[str]:
        return [str(each) for each in self.room_ids]

    @property
    def rule(self) -> coupons.Coupon:
        """What decides about it. An archived one has expired."""
        ends = [each for each in (self.valid_until, self.archived_at) if each is not None]
        return coupons.Coupon(
            DiscountChoice(self.amount, self.percent, self.free_minutes),
            valid_from=self.valid_from,
            valid_until=min(ends, default=None),
            first_date=self.first_date,
            last_date=self.last_date,
            room_ids=frozenset(map(RoomId, self.room_ids)),
            first_booking_only=self.first_booking_only,
            total_limit=self.total_limit,
            per_customer_limit=self.per_customer_limit,
        )


def coupons_of(tenant_id: UUID) -> Select[Coupon]:
    return select(Coupon).where(col(Coupon.tenant_id) == tenant_id)


def coupon_locked(tenant_id: UUID, id: UUID) -> Select[Coupon]:
    """Selects a coupon; others who do the same wait until this transaction has ended."""
    # Not for a key's lock: the bookings that are stored refer to the coupon.
    locked = coupons_of(tenant_id).where(col(Coupon.id) == id).with_for_update(key_share=True)
    return locked.execution_options(populate_existing=True)


def amount_off(_: Any, coupon: Any) -> Value:
    """Returns the amount that a coupon takes off, or null."""
    return money(coupon.amount_minor, coupon.currency_code)
