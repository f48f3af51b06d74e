"""Counters of what visitors do, and the events that were counted within a day."""

import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    Delete,
    Index,
    LargeBinary,
    Select,
    Text,
    Uuid,
    bindparam,
    delete,
    select,
    text,
    tuple_,
)
from sqlmodel import Field, SQLModel, col

from domain.analytics.spans import DateSpan
from kit.postgres.statements import PreparedStatement
from models.core.base import INSTANT


class FunnelCount(SQLModel, table=True):
    """How often visitors did what on a date of the venue; dates without any have no row."""

    __tablename__ = "funnel_counts"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    date: datetime.date = Field(primary_key=True)
    viewed: int = Field(sa_type=BigInteger)
    searched: int = Field(sa_type=BigInteger)
    held: int = Field(sa_type=BigInteger)
    booked: int = Field(sa_type=BigInteger)


class TrackedKey(SQLModel, table=True):
    """A hash of the id of an event that was counted, for a day."""

    __tablename__ = "tracked_keys"
    __table_args__ = (Index(None, "tenant_id", "at"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    key: bytes = Field(primary_key=True)
    at: datetime.datetime = Field(sa_type=INSTANT)


# Keys come in order, so that two requests with the same ones don't lock each other out.
COUNT_EVENTS: Final = PreparedStatement(
    text("""
        WITH t AS MATERIALIZED (SELECT set_config('app.tenant', CAST(:tenant AS text), true)),
        given AS (
            SELECT key, action FROM t, unnest(:keys, :actions) AS event(key, action)
        ),
        counted AS (
            INSERT INTO tracked_keys (tenant_id, key, at)
            SELECT :tenant_id, key, :at FROM given ORDER BY key
            ON CONFLICT (tenant_id, key) DO NOTHING
            RETURNING key
        ),
        sums AS (
            SELECT count(*) AS number,
                count(*) FILTER (WHERE action = 'VIEWED') AS viewed,
                count(*) FILTER (WHERE action = 'SEARCHED') AS searched,
                count(*) FILTER (WHERE action = 'HELD') AS held,
                count(*) FILTER (WHERE action = 'BOOKED') AS booked
            FROM counted JOIN given USING (key)
        ),
        stored AS (
            INSERT INTO funnel_counts AS known (tenant_id, date, viewed, searched, held, booked)
            SELECT :tenant_id, :date, viewed, searched, held, booked FROM sums WHERE number > 0
            ON CONFLICT (tenant_id, date) DO UPDATE SET
                viewed = known.viewed + excluded.viewed,
                searched = known.searched + excluded.searched,
                held = known.held + excluded.held,
                booked = known.booked + excluded.booked
        )
        SELECT number FROM sums
    """).bindparams(
        bindparam("tenant", type_=Text()),
        bindparam("tenant_id", type_=Uuid()),
        bindparam("keys", type_=ARRAY(LargeBinary())),
        bindparam("actions", type_=ARRAY(Text())),
        bindparam("at", type_=INSTANT),
        bindparam("date", type_=Date()),
    )
)
"""Counts the events that weren't counted within a day, and returns how many there were.

Takes the tenant also as text, and the keys and actions of events, in the order of the keys.
"""


def funnel_counts(tenant_id: UUID, span: DateSpan) -> Select[FunnelCount]:
    """Selects the counters of the dates of a span."""
    return select(FunnelCount).where(
        col(FunnelCount.tenant_id) == tenant_id,
        col(FunnelCount.date) >= span.from_,
        col(FunnelCount.date) < span.until,
    )


def tracked_keys_before(cutoff: datetime.datetime, *, limit: int) -> Delete:
    """Deletes a batch of the events that were counted before an instant."""
    key = (col(TrackedKey.tenant_id), col(TrackedKey.key))
    old = select(*key).where(col(TrackedKey.at) < cutoff).limit(limit)
    return delete(TrackedKey).where(tuple_(*key).in_(old))
