"""The states in which bookings were until they changed, and lists of bookings as of an instant.

A trigger keeps the state that a change leaves behind, as JSON: a column that is added later needs
nothing here, and what a state lacks is as it is now.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Index, Select, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel, col

from models.bookings.bookings import Booking
from models.core.base import INSTANT


class PastBooking(SQLModel, table=True):
    """A booking as it was from ``since`` to ``until``, when it got its next version."""

    __tablename__ = "past_bookings"
    __table_args__ = (Index(None, "tenant_id", "starts_at", "booking_id"),)

    tenant_id: UUID = Field(primary_key=True)
    booking_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    since: datetime = Field(sa_type=INSTANT)
    until: datetime = Field(sa_type=INSTANT)
    starts_at: datetime = Field(
        sa_type=INSTANT, description="As in the state; a list by time is found by it."
    )
    state: dict[str, Any] = Field(
        sa_column=Column(JSONB, nullable=False),
        description="The columns that change, but for the network of a stranger.",
    )


def _columns(row: str, **others: str) -> str:
    names = [column.name for column in Booking.__table__.columns]  # type: ignore[attr-defined]
    return ", ".join(f"{others.get(name, row)}.{name}" for name in names)


# Named as the table, which it hides from the statement that it is added to.
_THEN: Final = f"""
    SELECT {_columns("kept")} FROM bookings AS kept
    WHERE kept.tenant_id = :of_tenant AND kept.updated_at <= :as_of
    UNION ALL
    SELECT {_columns("state", starts_at="past")}
    FROM past_bookings AS past
    JOIN bookings AS now ON now.tenant_id = past.tenant_id AND now.id = past.booking_id
    CROSS JOIN LATERAL jsonb_populate_record(now, past.state) AS state
    WHERE past.tenant_id = :of_tenant AND past.since <= :as_of AND past.until > :as_of
    AND now.updated_at > :as_of
"""  # noqa: S608 - names of columns


def as_of_instant(bookings: Select[Booking], tenant_id: UUID, as_of: datetime) -> Select[Any]:
    """Selects the columns of the same bookings as they were at an instant, in place of rows."""
    columns = Booking.__table__.columns  # type: ignore[attr-defined]
    then = text(_THEN).bindparams(of_tenant=tenant_id, as_of=as_of).columns(*columns)
    return bookings.with_only_columns(*columns).add_cte(then.cte(Booking.__tablename__))


def state_before(tenant_id: UUID, booking_id: UUID, changed_at: datetime) -> Select[PastBooking]:
    """Selects the state that a booking had before its changes at an instant."""
    return select(PastBooking).where(
        col(PastBooking.tenant_id) == tenant_id,
        col(PastBooking.booking_id) == booking_id,
        col(PastBooking.until) == changed_at,
        col(PastBooking.since) < changed_at,
    )


KEEP_LOGGED: Final = select(func.keep_logged_past())
"""Keeps the states of a tenant's bookings that its log tells, where they were stored with it."""
