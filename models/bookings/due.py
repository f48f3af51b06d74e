"""Selects the bookings of all tenants that a job has to change, because their time has come."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, not_, or_, select
from sqlmodel import col

from domain.bookings.lifecycle import AUTO_COMPLETE_AFTER, Status
from models.bookings.bookings import Booking
from models.core.job_queue import has_job

COMPLETE_JOB: Final = "complete_booking"
EXPIRE_JOB: Final = "expire_booking"
RELEASE_JOB: Final = "release_booking"
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
    is_due = (
        # The same condition as in the partial index, so that it is used.
        status.in_([Status.CONFIRMED.value, Status.CHECKED_IN.value]),
        ends_at <= now,
        or_(status == Status.CHECKED_IN.value, ends_at <= now - AUTO_COMPLETE_AFTER),
    )
    return _without_job(COMPLETE_JOB, is_due, limit=limit)


def bookings_unanswered(now: datetime, *, limit: int) -> Select[UUID, UUID]:
    """Selects bookings that weren't confirmed in time, with rows as ``bookings_to_complete``."""
    # As in the index.
    deadline = func.coalesce(col(Booking.approval_expires_at), col(Booking.starts_at))
    is_due = (col(Booking.status) == Status.PENDING.value, deadline <= now)
    return _without_job(EXPIRE_JOB, is_due, limit=limit)


def bookings_unattended(now: datetime, *, limit: int) -> Select[UUID, UUID]:
    """Selects bookings that nobody has checked in when they are released, with such rows."""
    is_due = (col(Booking.status) == Status.CONFIRMED.value, col(Booking.release_at) <= now)
    return _without_job(RELEASE_JOB, is_due, limit=limit)


def _without_job(
    job: str, is_due: Sequence[ColumnElement[bool]], *, limit: int
) -> Select[UUID, UUID]:
    return (
        select(col(Booking.tenant_id), col(Booking.id))
        .where(*is_due, not_(has_job(job, col(Booking.id))))
        .order_by(col(Booking.tenant_id))
        .limit(limit)
    )
