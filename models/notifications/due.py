"""Finds the reminders and digests of all venues that are due."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, Select, String, cast, column, func, literal, select, true
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlmodel import Field, SQLModel, col

from domain.bookings.lifecycle import Status
from domain.notifications.settings import DEFAULT_REMINDERS
from models.bookings.bookings import Booking
from models.core.base import INSTANT
from models.notifications.settings import NotificationSettings, stored_reminders
from models.tenants import Tenant

_ONLY: Final = 1


class NotificationClock(SQLModel, table=True):
    """Up to when reminders and digests were found, for all venues: a single row."""

    __tablename__ = "notification_clock"

    id: int = Field(default=_ONLY, primary_key=True)
    found_until: datetime = Field(sa_type=INSTANT)


def found_until() -> Select[datetime]:
    return select(col(NotificationClock.found_until))


def clock_set(until: datetime) -> Insert:
    statement = insert(NotificationClock).values(id=_ONLY, found_until=until)
    return statement.on_conflict_do_update(
        index_elements=["id"], set_={"found_until": statement.excluded.found_until}
    )


def reminders_due(since: datetime, until: datetime) -> Select[Any]:
    """Selects the reminders of confirmed bookings that are due after an instant, up to another.

    Rows are the tenant, the booking, its start, the minutes before that, and the channel, in order
    of tenants.
    """
    defaults = literal(stored_reminders(DEFAULT_REMINDERS), JSONB())
    chosen = func.coalesce(col(NotificationSettings.reminder_list), defaults)
    reminder = (
        func.jsonb_array_elements(chosen).table_valued(column("value", JSONB())).lateral("reminder")
    )
    minutes = cast(reminder.c.value[0].astext, Integer)
    ahead = func.make_interval(0, 0, 0, 0, 0, minutes)
    booking = (
        select(col(Booking.id), col(Booking.starts_at))
        .where(
            col(Booking.tenant_id) == col(Tenant.id),
            col(Booking.starts_at) > literal(since, INSTANT) + ahead,
            col(Booking.starts_at) <= literal(until, INSTANT) + ahead,
            col(Booking.status) == Status.CONFIRMED.value,
        )
        .correlate(Tenant, reminder)
        .lateral("booking")
    )
    return (
        select(
            col(Tenant.id).label("tenant_id"),
            booking.c.id,
            booking.c.starts_at,
            minutes.label("minutes_before"),
            cast(reminder.c.value[1].astext, String).label("channel"),
        )
        .select_from(Tenant)
        .outerjoin(NotificationSettings, col(NotificationSettings.tenant_id) == col(Tenant.id))
        .join(reminder, true())
        .join(booking, true())
        .order_by(col(Tenant.id))
    )


def digests_wanted() -> Select[UUID, int | None, str]:
    """Selects the tenants whose team gets a digest, with its time and the venue's zone."""
    return (
        select(
            col(NotificationSettings.tenant_id),
            col(NotificationSettings.digest_at),
            col(Tenant.time_zone),
        )
        .join(Tenant, col(Tenant.id) == col(NotificationSettings.tenant_id))
        .where(col(NotificationSettings.digest_at).is_not(None))
    )
