"""The customers whose bookings are worth most: found by a rollup, counted from their bookings."""

import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    Date,
    Double,
    Index,
    Text,
    Uuid,
    bindparam,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from domain.analytics.metrics import COUNTING
from kit.postgres.statements import PreparedStatement
from models.core.base import INSTANT


class AnalyticsCustomerQuarter(SQLModel, table=True):
    """The figures of a customer's bookings of a quarter.

    ``weight`` orders customers as the API does, but for its rounding, and adds up over quarters.
    Comparing numbers of its type gives nothing away, so that the index may do it for each tenant.
    """

    __tablename__ = "analytics_customer_quarters"
    __table_args__ = (
        Index(
            "ix_analytics_customer_quarters_weight",
            *("tenant_id", "quarter", "weight", "customer_id"),
        ),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    customer_id: UUID = Field(primary_key=True)
    quarter: datetime.date = Field(primary_key=True, description="Its first date.")
    bookings: int = Field(sa_type=BigInteger)
    no_shows: int = Field(sa_type=BigInteger)
    value_minor: int = Field(sa_type=BigInteger)
    weight: float = Field(
        sa_column=Column(Double, Computed("1e6::float8 * value_minor + bookings", persisted=True))
    )


# Its value is part of the statements.
_COUNTING: Final = bindparam("counting", [status.value for status in COUNTING], type_=ARRAY(Text()))
_TENANT: Final = bindparam("tenant_id", type_=Uuid())
_CURRENCY: Final = bindparam("currency", type_=Text())
_QUARTERS: Final = bindparam("quarters", type_=ARRAY(Date()))
_TIMES: Final = tuple(bindparam(name, type_=ARRAY(INSTANT)) for name in ("sinces", "untils"))
_FIRST: Final = bindparam("first", type_=BigInteger())

_COUNTED: Final = """
    count(*) AS bookings, count(*) FILTER (WHERE status = 'no_show') AS no_shows,
    coalesce(sum(price_minor) FILTER (WHERE currency_code = :currency), 0)::bigint AS value_minor
"""


def _statement(sql: str, *parameters: Any, **parts: str) -> PreparedStatement:
    return PreparedStatement(
        text(sql.format(counted=_COUNTED, **parts)).bindparams(
            _COUNTING, _TENANT, _CURRENCY, *parameters
        )
    )


# ------------------------------------------------------------------------------ the rollup


def _made(customers: str, *parameters: Any) -> PreparedStatement:
    """Makes the figures of quarters, which last from ``sinces`` until ``untils``."""
    return _statement(
        """
        WITH made AS MATERIALIZED (
            SELECT span.quarter, customer_id, {counted}
            FROM unnest(:quarters, :sinces, :untils) AS span (quarter, since, until)
            JOIN bookings ON tenant_id = :tenant_id AND {customers}
                 AND starts_at >= span.since AND starts_at < span.until
                 AND status = ANY (:counting)
            GROUP BY span.quarter, customer_id
        ), gone AS (
            DELETE FROM analytics_customer_quarters AS old
            WHERE tenant_id = :tenant_id AND quarter = ANY (:quarters) AND {customers}
                  AND NOT EXISTS (
                      SELECT FROM made
                      WHERE made.quarter = old.quarter AND made.customer_id = old.customer_id
                  )
        )
        INSERT INTO analytics_customer_quarters AS old
            (tenant_id, customer_id, quarter, bookings, no_shows, value_minor)
        SELECT :tenant_id, customer_id, quarter, bookings, no_shows, value_minor FROM made
        ON CONFLICT (tenant_id, customer_id, quarter) DO UPDATE SET
            bookings = excluded.bookings, no_shows = excluded.no_shows,
            value_minor = excluded.value_minor
        WHERE (old.bookings, old.no_shows, old.value_minor)
              <> (excluded.bookings, excluded.no_shows, excluded.value_minor)
        """,
        *(_QUARTERS, *_TIMES, *parameters),
        customers=customers,
    )


QUARTERS_OF_ALL: Final = _made("customer_id IS NOT NULL")
QUARTERS_OF_SOME: Final = _made(
    "customer_id = ANY (:customer_ids)", bindparam("customer_ids", type_=ARRAY(Uuid()))
)


# ------------------------------------------------------------------------------ the first ones

# Of all bookings that start within a time, or of those in some rooms.
TOP_CUSTOMERS: Final = _statement(
    """
        SELECT customer_id, {counted}
        FROM bookings
        WHERE tenant_id = :tenant_id AND (:room_ids IS NULL OR room_id = ANY (:room_ids))
              AND starts_at >= :since AND starts_at < :until AND status = ANY (:counting)
              AND customer_id IS NOT NULL
        GROUP BY customer_id
        ORDER BY value_minor DESC, bookings DESC, customer_id
        LIMIT :first
    """,
    _FIRST,
    bindparam("room_ids", type_=ARRAY(Uuid())),
    bindparam("since", type_=INSTANT),
    bindparam("until", type_=INSTANT),
)

# A customer's figures: of the quarters that lie in the time, and of the bookings at its edges.
_FIGURES: Final = """
    SELECT sum(bookings)::bigint AS bookings, sum(no_shows)::bigint AS no_shows,
           sum(value_minor)::bigint AS value_minor
    FROM (
        SELECT bookings, no_shows, value_minor
        FROM analytics_customer_quarters AS kept
        WHERE kept.tenant_id = :tenant_id AND kept.customer_id = {customers}.customer_id
              AND quarter = ANY (:whole_quarters)
        UNION ALL
        SELECT 1, (status = 'no_show')::int,
               CASE WHEN currency_code = :currency THEN coalesce(price_minor, 0) ELSE 0 END
        FROM unnest(:sinces, :untils) AS edge (since, until)
        JOIN bookings ON bookings.tenant_id = :tenant_id
             AND bookings.customer_id = {customers}.customer_id
             AND starts_at >= edge.since AND starts_at < edge.until AND status = ANY (:counting)
    ) AS parts
"""

# The same of a long time, without reading all customers. ``quarters`` cover it, ``whole_quarters``
# lie in it, and ``sinces`` until ``untils`` are its edges outside those. The first customers of
# each quarter (``seeds``) give a bound that the last of the result reaches: what the last wanted of
# them is worth in the whole time. A customer who reaches it has at least an equal share in one of
# the quarters, and all of it in all of them together; few do, and only those are added up. Each
# quarter is ordered by itself, or all of its rows would be read.
TOP_OF_QUARTERS: Final = _statement(
    """
        WITH seeds AS MATERIALIZED (
            SELECT DISTINCT customer_id
            FROM unnest(:quarters) AS span (quarter), LATERAL (
                SELECT customer_id FROM analytics_customer_quarters AS kept
                WHERE tenant_id = :tenant_id AND kept.quarter = span.quarter
                ORDER BY weight DESC LIMIT :first
            ) AS best
        ), bound AS MATERIALIZED (
            SELECT coalesce((
                SELECT 1e6::float8 * value_minor + bookings AS weight
                FROM seeds, LATERAL ({figures_of_seeds}) AS figures
                WHERE bookings > 0
                ORDER BY weight DESC OFFSET :first - 1 LIMIT 1
            ), 0) * 0.999999999 AS weight
        ), possible AS MATERIALIZED (
            SELECT DISTINCT customer_id
            FROM unnest(:quarters) AS span (quarter), LATERAL (
                SELECT customer_id FROM analytics_customer_quarters AS kept
                WHERE tenant_id = :tenant_id AND kept.quarter = span.quarter
                      AND weight >= (SELECT weight / cardinality(:quarters) FROM bound)
                ORDER BY weight DESC OFFSET 0
            ) AS large
        ), likely AS MATERIALIZED (
            SELECT customer_id
            FROM possible, LATERAL (
                SELECT sum(weight) AS weight FROM analytics_customer_quarters AS kept
                WHERE tenant_id = :tenant_id AND kept.customer_id = possible.customer_id
                      AND quarter = ANY (:quarters)
            ) AS most
            WHERE most.weight >= (SELECT weight FROM bound)
        )
        SELECT customer_id, bookings, no_shows, value_minor
        FROM likely, LATERAL ({figures_of_likely}) AS figures
        WHERE bookings > 0
        ORDER BY value_minor DESC, bookings DESC, customer_id
        LIMIT :first
    """,
    *(_FIRST, _QUARTERS, *_TIMES),
    bindparam("whole_quarters", type_=ARRAY(Date())),
    figures_of_seeds=_FIGURES.format(customers="seeds"),
    figures_of_likely=_FIGURES.format(customers="likely"),
)
