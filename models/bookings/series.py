"""Series of bookings: the rule by which they repeat, and what is booked on each of its dates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Date, Select, false, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, Relationship, col

from domain.bookings.refusals import OccurrenceConflict, Reason
from domain.core.refusals import Code
from kit.actor import Actor
from models.core.base import INSTANT, TenantRow, refers_to
from models.core.filters import IdFilter, is_among
from models.customers.customers import Customer
from models.venue.rooms import Room


class BookingSeries(TenantRow, table=True):
    """A rule and the template of its bookings, which are rows of ``Booking``.

    ``starts_at`` is the first start by the rule, also if that isn't booked.
    """

    __tablename__ = "booking_series"
    __table_args__ = (
        refers_to("rooms", "room_id"),
        refers_to("customers", "customer_id"),
        CheckConstraint("duration_minutes >= 1", name="duration_minutes"),
        CheckConstraint("party_size >= 1", name="party_size"),
    )

    rrule: str = Field(description="The rule in its normal form.")
    time_zone: str
    starts_at: datetime = Field(sa_type=INSTANT)
    except_dates: list[date] = Field(sa_column=Column(ARRAY(Date()), nullable=False))
    skipped: list[Any] = Field(
        sa_column=Column(JSONB, nullable=False),
        description="The occurrences that weren't booked because of conflicts, with the reasons.",
    )
    room_id: UUID
    customer_id: UUID | None = None
    contact_name: str | None = None
    contact_phone: str | None = None
    duration_minutes: int
    party_size: int
    note: str | None = None
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)

    room: Room = Relationship(
        sa_relationship_kwargs={"foreign_keys": "BookingSeries.room_id", "lazy": "raise"}
    )
    customer: Customer | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "BookingSeries.customer_id", "lazy": "raise"}
    )

    def is_owned_by(self, actor: Actor) -> bool:
        if actor.confined_to is not None:
            return False
        return self.customer_id is not None and self.customer_id == actor.own_id

    @property
    def conflicts(self) -> list[OccurrenceConflict]:
        """The occurrences that were skipped."""
        return [
            OccurrenceConflict(
                datetime.fromisoformat(each["starts_at"]),
                tuple(_reason(reason) for reason in each["reasons"]),
            )
            for each in self.skipped
        ]


def stored_conflicts(conflicts: Iterable[OccurrenceConflict]) -> list[dict[str, Any]]:
    """Returns conflicts in the form that is stored as ``skipped``."""
    return [
        {
            "starts_at": each.starts_at.isoformat(),
            "reasons": [
                {
                    "code": reason.code.value,
                    "message": reason.message,
                    "rule": reason.rule,
                    "frees_at": reason.frees_at and reason.frees_at.isoformat(),
                }
                for reason in each.reasons
            ],
        }
        for each in conflicts
    ]


def _reason(stored: Mapping[str, Any]) -> Reason:
    frees_at = stored["frees_at"]
    return Reason(
        Code(stored["code"]),
        message=stored["message"],
        rule=stored["rule"],
        frees_at=frees_at and datetime.fromisoformat(frees_at),
    )


def series_of(tenant_id: UUID) -> Select[BookingSeries]:
    return select(BookingSeries).where(col(BookingSeries.tenant_id) == tenant_id)


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    room_id: IdFilter | None = None
    customer_id: IdFilter | None = None


def series_matching(
    series: Select[BookingSeries], filter: SeriesFilter | None
) -> Select[BookingSeries]:
    """Filters series by all given conditions."""
    if filter is None:
        return series
    return series.where(
        is_among(BookingSeries.room_id, filter.room_id),
        is_among(BookingSeries.customer_id, filter.customer_id),
    )


def own_series(tenant_id: UUID, customer_id: UUID | None) -> Select[BookingSeries]:
    """Selects the series of a customer; none without one."""
    is_theirs = false() if customer_id is None else col(BookingSeries.customer_id) == customer_id
    return series_of(tenant_id).where(is_theirs)
