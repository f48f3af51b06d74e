"""Price rules of venues, in the order in which they are applied."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Select, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, col

from domain.bookings.price_conditions import PriceConditions
from domain.bookings.pricing import PriceUnit
from domain.core.ids import RoomId
from domain.core.local_time import LocalTime
from domain.core.money import Money
from domain.core.percents import Percent
from domain.venue.hours import Weekday
from models.core.base import INSTANT, Logged, TenantRow


class PriceRule(TenantRow, Logged, table=True):
    LOGGED: ClassVar = ("label", "unit", "amount", "tax_rate", "conditions")

    __tablename__ = "price_rules"
    __table_args__ = (
        Index(None, "tenant_id", "position"),
        CheckConstraint("unit IN ('hour', 'booking', 'person')", name="unit"),
        CheckConstraint("amount_minor >= 0", name="amount_minor"),
        CheckConstraint("tax_thousandths BETWEEN 0 AND 100000", name="tax_thousandths"),
    )

    position: int = Field(description="The first rule that applies has the lowest.")
    label: str
    unit: str
    amount_minor: int = Field(sa_type=BigInteger)
    currency_code: str
    tax_thousandths: int | None = Field(
        default=None, description="Of a percent; null: the venue's rate applies."
    )
    conditions: dict[str, Any] = Field(
        sa_column=Column(JSONB, nullable=False), description="See ``stored_conditions``."
    )
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency_code)

    @property
    def tax_rate(self) -> Percent | None:
        return None if self.tax_thousandths is None else Percent(self.tax_thousandths)

    @property
    def per(self) -> PriceUnit:
        """What the amount is charged for."""
        return PriceUnit(self.unit)

    @property
    def applies(self) -> PriceConditions:
        """When and to what it applies."""
        return conditions_of(self.conditions)


def stored_conditions(given: PriceConditions) -> dict[str, Any]:
    """Returns conditions in the form that is stored, without those that aren't given."""
    found = {
        "room_ids": [str(each) for each in given.room_ids],
        "categories": list(given.categories),
        "weekdays": [each.value for each in given.weekdays],
        "starts_at": given.starts_at and given.starts_at.minutes,
        "ends_at": given.ends_at and given.ends_at.minutes,
        "first_date": given.first_date and given.first_date.isoformat(),
        "last_date": given.last_date and given.last_date.isoformat(),
        "min_duration_minutes": given.min_duration_minutes,
        "max_duration_minutes": given.max_duration_minutes,
        "min_notice_minutes": given.min_notice_minutes,
        "max_notice_minutes": given.max_notice_minutes,
        "customer_tag": given.customer_tag,
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def conditions_of(stored: Mapping[str, Any]) -> PriceConditions:
    """Returns stored conditions."""
    readers: dict[str, Callable[[Any], Any]] = {
        "room_ids": lambda ids: tuple(RoomId(UUID(each)) for each in ids),
        "categories": tuple,
        "weekdays": lambda days: tuple(map(Weekday, days)),
        "starts_at": LocalTime,
        "ends_at": LocalTime,
        "first_date": date.fromisoformat,
        "last_date": date.fromisoformat,
    }
    read: dict[str, Any] = {
        name: readers[name](value) if name in readers else value for name, value in stored.items()
    }
    return PriceConditions(**read)


def price_rules_of(tenant_id: Any) -> Select[PriceRule]:
    """Selects the rules of a venue, in their order."""
    rules = select(PriceRule).where(col(PriceRule.tenant_id) == tenant_id)
    return rules.order_by(col(PriceRule.position), col(PriceRule.id))
