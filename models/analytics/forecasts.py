"""Forecasts of demand, and the booked minutes that they are made from."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Column,
    Select,
    UniqueConstraint,
    case,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.sql.dml import Insert
from sqlmodel import Field, col

from domain.analytics.demand import MAX_DAYS
from domain.bookings.lifecycle import Status
from domain.tenants.plans import Feature, PlanCode, includes
from models.analytics.booked_parts import BookedParts
from models.bookings.bookings import Booking
from models.core.base import TenantRow, refers_to
from models.core.job_queue import has_job
from models.tenants import Tenant

FORECAST_JOB: Final = "refit_forecasts"
_ENDED: Final = (Status.CANCELLED.value, Status.REJECTED.value)
_UNCOUNTED: Final = (Status.HELD.value, Status.EXPIRED.value)
_PLANS: Final = [plan.value for plan in PlanCode if includes(plan, Feature.ANALYTICS)]


class StoredForecast(TenantRow, table=True):
    """The last forecast of a room's demand, or of the venue's; ``first_day`` is its first date.

    ``result`` is made by ``resolvers.analytics.forecasts``. ``asked_on`` is when somebody had to
    wait for it: forecasts of rooms are only refitted for some time after that.
    """

    __tablename__ = "demand_forecasts"
    __table_args__ = (
        refers_to("rooms", "room_id"),
        UniqueConstraint("tenant_id", "room_id", postgresql_nulls_not_distinct=True),
    )

    room_id: UUID | None = None
    first_day: date
    asked_on: date
    result: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


def forecast_of(tenant_id: UUID, room_id: UUID | None) -> Select[StoredForecast]:
    """Selects the last forecast of a room, or of the venue."""
    return select(StoredForecast).where(
        col(StoredForecast.tenant_id) == tenant_id,
        col(StoredForecast.room_id).is_not_distinct_from(room_id),
    )


def rooms_asked_for(tenant_id: UUID, *, since: date) -> Select[UUID | None]:
    """Selects the rooms whose forecast somebody had to wait for since a date."""
    return select(col(StoredForecast.room_id)).where(
        col(StoredForecast.tenant_id) == tenant_id,
        col(StoredForecast.room_id).is_not(None),
        col(StoredForecast.asked_on) >= since,
    )


def forecast_stored(row: StoredForecast, *, is_asked: bool) -> Insert:
    """Stores a forecast, unless one of a later date is stored."""
    values = {name: getattr(row, name) for name in StoredForecast.model_fields}
    stored = insert(StoredForecast).values(values)
    kept = (
        {"tenant_id", "id", "room_id"} if is_asked else {"tenant_id", "id", "room_id", "asked_on"}
    )
    return stored.on_conflict_do_update(
        index_elements=["tenant_id", "room_id"],
        set_={name: stored.excluded[name] for name in values if name not in kept},
        where=col(StoredForecast.first_day) <= stored.excluded.first_day,
    )


def booked_minutes(
    tenant_id: UUID, room_id: UUID | None, midnights: Sequence[datetime]
) -> Select[int, int, int | None, int]:
    """Selects booked minutes by date, and how many days before they were booked and cancelled.

    Dates are numbered by ``midnights`` from 1 on; each ends at the next midnight. The first
    MAX_DAYS dates are only for bookings made on them. Holds count nowhere. A booking that was moved
    counts as booked for its present time since it was made.
    """
    parts = BookedParts.between(midnights, tenant_id, skipped=MAX_DAYS)

    def days_before(instant: Any) -> Any:
        made_on = func.width_bucket(instant, parts.edges)
        return func.least(MAX_DAYS, func.greatest(0, parts.number - made_on))

    has_ended = col(Booking.status).in_(_ENDED)
    by = [
        parts.number.label("number"),
        days_before(col(Booking.created_at)).label("booked_before"),
        case((has_ended, days_before(col(Booking.updated_at)))).label("cancelled_before"),
    ]
    counts = col(Booking.status).not_in(_UNCOUNTED)
    if room_id is None:
        return parts.summed(by, counts)
    return parts.summed(by, counts, col(Booking.room_id) == room_id)


# ------------------------------------------------------------------------------ of all tenants


def zones_with_forecasts() -> Select[str]:
    """Selects the time zones of venues whose plan includes forecasts."""
    return select(col(Tenant.time_zone)).where(col(Tenant.plan_code).in_(_PLANS)).distinct()


def without_forecast_from(
    first_day: date, zones: Collection[str], *, after: UUID | None, limit: int
) -> Select[UUID]:
    """Selects venues in some zones without a forecast from a date on, in order of their ids.

    Those that have a job for it already, or a dead one, are left out.
    """
    known = select(col(StoredForecast.id)).where(
        col(StoredForecast.tenant_id) == col(Tenant.id),
        col(StoredForecast.room_id).is_(None),
        col(StoredForecast.first_day) >= first_day,
    )
    found = select(col(Tenant.id)).where(
        col(Tenant.plan_code).in_(_PLANS),
        col(Tenant.time_zone).in_(zones),
        ~known.exists(),
        ~has_job(FORECAST_JOB, col(Tenant.id)),
    )
    if after is not None:
        found = found.where(col(Tenant.id) > after)
    return found.order_by(col(Tenant.id)).limit(limit)
