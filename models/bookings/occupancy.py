"""The times that bookings take now, which the database itself keeps apart.

A trigger writes a row for each booking that takes time, in the statement that changes the booking,
and removes it once the booking is over: nothing else may. So the rows are few, however many
bookings a venue has had.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Computed, text
from sqlalchemy.dialects.postgresql import TIMESTAMP, TSTZRANGE, ExcludeConstraint, Range
from sqlmodel import Field, SQLModel

from models.core.base import INSTANT


class Occupancy(SQLModel, table=True):
    """The time that a booking takes of a space, with its buffers.

    A plain room is one space, which has the room's id; one with parts is those of its parts.
    """

    __tablename__ = "occupancy"
    __table_args__ = (
        ExcludeConstraint(
            ("tenant_id", "="),
            ("space_id", "="),
            ("occupied", "&&"),
            # The hold of a move may overlap the time from which its booking is moved.
            ("occupant_id", "<>"),
            name="occupancy_no_overlap",
            using="gist",
            # So that no statement is planned to use it: it would read all times of a space.
            where=text("NOT isempty(occupied)"),
        ),
    )

    tenant_id: UUID = Field(primary_key=True)
    space_id: UUID = Field(primary_key=True)
    # Under row-level security, range operators can't use an index.
    starts_at: datetime = Field(
        sa_column=Column(
            TIMESTAMP(timezone=True), Computed("lower(occupied)", persisted=True), primary_key=True
        )
    )
    booking_id: UUID = Field(primary_key=True)
    occupied: Range[datetime] = Field(sa_column=Column(TSTZRANGE, nullable=False))
    occupant_id: UUID = Field(
        description="The booking, or the one that moves here once it is paid."
    )
    expires_at: datetime | None = Field(
        default=None, sa_type=INSTANT, description="When a hold gives it up by itself."
    )
