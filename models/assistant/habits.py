"""The last visits of customers, from which their habits are seen."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlmodel import col

from models.bookings.bookings import Booking
from models.bookings.customer_stats import VISITED


def last_visits(tenant_id: UUID, customer_id: UUID, *, most: int) -> Select[UUID, datetime]:
    """Selects the rooms and starts of a customer's last visits, the latest first."""
    return (
        select(col(Booking.room_id), col(Booking.starts_at))
        .where(
            col(Booking.tenant_id) == tenant_id,
            col(Booking.customer_id) == customer_id,
            col(Booking.status).in_(VISITED),
        )
        .order_by(col(Booking.starts_at).desc())
        .limit(most)
    )
