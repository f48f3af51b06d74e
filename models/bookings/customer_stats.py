"""Figures of customers, counted from their bookings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlmodel import col

from domain.bookings.lifecycle import Status
from kit.actor import Actor
from models.bookings.bookings import Booking
from models.core.filters import is_any

VISITED: Final = (Status.CHECKED_IN.value, Status.COMPLETED.value)


@dataclass(frozen=True, slots=True)
class CustomerStats:
    """The figures of a customer."""

    customer_id: UUID
    visits: int = 0
    no_shows: int = 0
    last_visit_at: datetime | None = None

    def is_owned_by(self, actor: Actor) -> bool:
        return self.customer_id == actor.own_id


def bookings_counted(
    tenant_id: UUID, customer_ids: Sequence[UUID]
) -> Select[UUID | None, int, int, datetime]:
    """Selects the figures of those customers that have bookings, in the order of the fields."""
    visited = col(Booking.status).in_(VISITED)
    return (
        select(
            col(Booking.customer_id),
            func.count().filter(visited),
            func.count().filter(col(Booking.status) == Status.NO_SHOW.value),
            func.max(col(Booking.starts_at)).filter(visited),
        )
        .where(col(Booking.tenant_id) == tenant_id, is_any(Booking.customer_id, customer_ids))
        .group_by(col(Booking.customer_id))
    )
