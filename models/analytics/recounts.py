"""Counts bookings themselves, for figures of some rooms that rollups of the whole venue lack."""

from typing import Final

from sqlalchemy import Boolean, Integer, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from domain.analytics.metrics import COUNTING
from kit.postgres.statements import PreparedStatement
from models.core.base import INSTANT

# Its value is part of the statement.
_COUNTING: Final = bindparam("counting", [status.value for status in COUNTING], type_=ARRAY(Text()))

# Counts between the ascending instants ``bounds``. The interval between the first two is number 1,
# and ``of_a_date`` intervals are a date. A booking may be in several rows, which have to be added
# up: one where it starts, others where its minutes and its payments are. Rows of starts have the
# lead times, and the days since the previous booking of each booking's customer, both in order: a
# number above all others if that one lies before the bounds or in another room. ``room_ids`` null
# means all rooms.
#
# The bounds are named wherever they are used: as a column, sorted rows would carry all of them.
# Their type has no precision: a plan for any values would round all of them again for each row.
# Only the first of a customer's bookings here can be their first of all, so others aren't looked
# up.
RECOUNT: Final = PreparedStatement(
    text("""
        WITH wanted AS MATERIALIZED (
            SELECT id, room_id, customer_id, status, starts_at, ends_at, created_at,
                   status = ANY (:counting) AS counts,
                   CASE WHEN currency_code = :currency THEN price_minor END AS price_minor,
                   width_bucket(starts_at, :bounds) AS bucket
            FROM bookings
            WHERE tenant_id = :tenant_id AND (:room_ids IS NULL OR room_id = ANY (:room_ids))
                  AND starts_at > :earliest AND starts_at < :until AND ends_at > :since
                  AND (status = ANY (:counting) OR status = 'cancelled')
        ), started AS MATERIALIZED (
            SELECT *, :customers AND counts AND customer_id IS NOT NULL
                   AND place = 1 AND NOT EXISTS (
                SELECT FROM bookings AS earlier
                WHERE earlier.tenant_id = :tenant_id AND earlier.customer_id = wanted.customer_id
                      AND earlier.starts_at <= wanted.starts_at
                      AND (earlier.starts_at, earlier.id) < (wanted.starts_at, wanted.id)
                      AND earlier.status = ANY (:counting)
            ) AS is_first
            FROM (
                SELECT *, row_number() OVER of_customer AS place,
                       (bucket - 1) / :of_a_date
                       - (lag(bucket) OVER of_customer - 1) / :of_a_date AS days_since
                FROM wanted WHERE starts_at >= :since
                WINDOW of_customer AS (PARTITION BY customer_id, counts ORDER BY starts_at, id)
            ) AS wanted
        )
        SELECT bucket,
               count(*) FILTER (WHERE counts) AS bookings,
               count(*) FILTER (WHERE NOT counts) AS cancelled,
               count(*) FILTER (WHERE status = 'no_show') AS no_shows,
               count(*) FILTER (WHERE status = 'completed') AS completed,
               0 AS booked_minutes,
               count(price_minor) FILTER (WHERE counts) AS priced,
               coalesce(sum(price_minor) FILTER (WHERE counts), 0)::bigint AS value_minor,
               0::bigint AS revenue_minor,
               count(*) FILTER (WHERE is_first) AS new_customers,
               CASE WHEN :customers THEN
                   count(DISTINCT customer_id) FILTER (WHERE counts)
                   - count(*) FILTER (WHERE is_first)
               END AS returning,
               CASE WHEN :leads THEN array_agg(lead ORDER BY lead) FILTER (WHERE counts) END
                   AS leads,
               CASE WHEN :customers THEN array_agg(gap ORDER BY gap) FILTER (
                   WHERE counts AND customer_id IS NOT NULL AND NOT is_first
               ) END AS gaps
        FROM (
            SELECT *, coalesce(days_since, 2147483647) AS gap,
                   floor(extract(epoch FROM starts_at - created_at) / 60)::int AS lead
            FROM started
        ) AS started GROUP BY bucket
        UNION ALL
        SELECT place, 0, 0, 0, 0,
               sum(floor(extract(epoch FROM
                   least(ends_at, (:bounds)[place + 1]) - greatest(starts_at, (:bounds)[place])
               ) / 60))::bigint,
               0, 0, 0, 0, NULL, NULL, NULL
        FROM wanted,
             generate_series(
                 greatest(bucket, 1),
                 least(
                     width_bucket(ends_at - interval '1 millisecond', :bounds),
                     cardinality(:bounds) - 1
                 )
             ) AS place
        WHERE counts GROUP BY place
        UNION ALL
        SELECT width_bucket(at, :bounds), 0, 0, 0, 0, 0, 0, 0, sum(amount_minor)::bigint, 0,
               NULL, NULL, NULL
        FROM ledger_entries AS entry
        JOIN bookings ON bookings.tenant_id = entry.tenant_id AND bookings.id = entry.booking_id
        WHERE entry.tenant_id = :tenant_id AND account IN ('received', 'refunded')
              AND at >= :since AND at < :until AND entry.currency_code = :currency
              AND (:room_ids IS NULL OR room_id = ANY (:room_ids))
        GROUP BY 1
    """).bindparams(
        _COUNTING,
        bindparam("tenant_id", type_=Uuid()),
        bindparam("room_ids", type_=ARRAY(Uuid())),
        bindparam("currency", type_=Text()),
        bindparam("bounds", type_=ARRAY(TIMESTAMP(timezone=True))),
        bindparam("of_a_date", type_=Integer()),
        bindparam("earliest", type_=INSTANT),
        bindparam("since", type_=INSTANT),
        bindparam("until", type_=INSTANT),
        bindparam("customers", type_=Boolean()),
        bindparam("leads", type_=Boolean()),
    )
)
