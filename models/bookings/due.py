"""Selects the bookings of all tenants that a job has to change, because their time has come."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, not_, or_, select
from sqlmodel import col

from domain.bookings.lifecycle import AUTO_COMPLETE_AFTER, Status
from models.bookings.bookings import Booking
from models.core.job_queue import has_job

COMPLETE_JOB: Final = "complete_booking"
REJECT_JOB: Final = "reject_booking"


def holds_past(now: datetime, *, limit: int) -> Select[UUID, UUID]:
    """Selects tenant and id of expired holds of every tenant, the oldest first."""
    return (
        select(col(Booking.tenant_id), col(Booking.id))
        .where(col(Booking.status) == Status.HELD.value, col(Booking.hold_expires_at) <= now)
        .order_by(col(Booking.hold_expires_at))
        .limit(limit)
    )


def bookings_to_complete(now: datetime, *, limit: int) -> Select[UUID, UUID]:
    """Selects tenant and id of bookings to complete, of every tenant, in order of tenants.

    Bookings that have a job for it already are excluded.
    """
    status, ends_at = col(Booking.status), col(Booking.ends_at)
    return (
        select(col(Booking.tenant_id), col(Booking.id))
        .where(
            # The same condition as in the partial index, so that it is used.
            status.in_([Status.CONFIRMED.value, Status.CHECKED_IN.value]),
            ends_at <= now,
            or_(status == Status.CHECKED_IN.value, ends_at <= now - AUTO_COMPLETE_AFTER),
            not_(has_job(COMPLETE_JOB, col(Booking.id))),
        )
        .order_by(col(Booking.tenant_id))
        .limit(limit)
    )


def bookings_unanswered(now: datetime, *, limit: int) -> Select[UUID, UUID]:
    """Selects bookings that weren't confirmed in time, with rows as ``bookings_to_complete``."""
    return (
        select(col(Booking.tenant_id), col(Booking.id))
        .where(
            col(Booking.status) == Status.PENDING.value,
            col(Booking.starts_at) <= now,
            not_(has_job(REJECT_JOB, col(Booking.id))),
        )
        .order_by(col(Booking.tenant_id))
        .limit(limit)
    )
