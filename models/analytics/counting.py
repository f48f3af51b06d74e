"""The statements that keep rollups: what has changed, its figures, and storing them.

They do in PostgreSQL what depends on the number of bookings; dates and hours are given to them,
because zones are Python's.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Date,
    Delete,
    Integer,
    Text,
    Uuid,
    bindparam,
    column,
    delete,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, Insert, insert
from sqlmodel import col

from kit.postgres.statements import PreparedStatement, parameters
from models.analytics.rollups import (
    COUNTS,
    AnalyticsDay,
    AnalyticsDirtyDay,
    AnalyticsRoomDay,
    AnalyticsState,
    state_stored,
)

TRY_LOCK: Final = PreparedStatement(
    select(func.pg_try_advisory_xact_lock(bindparam("key", type_=BigInteger())))
)

_TENANT: Final = bindparam("tenant_id", type_=Uuid())
# Its value is part of the statements.
_COUNTING: Final = bindparam("counting", list(COUNTS), type_=ARRAY(Text()))
_INSTANTS: Final = ARRAY(TIMESTAMP(timezone=True))

# Returns one row: the tenant, how far its log is counted, and what the next entries may have
# changed, as ranges of time. These are the times of the entries' bookings, now and before; when
# these were paid; and the next booking of each customer after each start, where the customer may be
# new or returning now. ``customer_ids`` are those of the bookings, now and before. A former start
# and its end may be in different entries, so each start is taken with each end.
CHANGED: Final = PreparedStatement(
    text("""
        WITH venue AS MATERIALIZED (
            SELECT tenant.time_zone, currency_code, longest_minutes, generation,
                   state.time_zone AS counted_zone, xid, position, read_xid, read_position,
                   has_subscription_days, figures_version
            FROM tenants AS tenant LEFT JOIN analytics_states AS state ON tenant_id = id
            WHERE id = :tenant_id
        ), entry AS MATERIALIZED (
            SELECT log.* FROM venue CROSS JOIN LATERAL (
                SELECT xid, position, subject_id, before, type = ANY (:types) AS counts,
                       type = ANY (:subscription_types) AS is_of_subscription
                FROM log
                WHERE tenant_id = :tenant_id AND generation = log_generation()
                      AND (xid, position) > (venue.read_xid, venue.read_position)
                      AND xid < pg_snapshot_xmin(pg_current_snapshot())
                ORDER BY xid, position LIMIT :batch
            ) AS log
            WHERE venue.generation = log_generation()
        ), booking AS MATERIALIZED (
            SELECT id, customer_id, starts_at, ends_at FROM bookings
            WHERE tenant_id = :tenant_id AND id = ANY (ARRAY(
                SELECT DISTINCT subject_id FROM entry WHERE counts
            ))
        ), known AS MATERIALIZED (
            SELECT id, customer_id, starts_at, ends_at FROM booking
            UNION
            SELECT subject_id, (before ->> 'customer_id')::uuid,
                   (before ->> 'starts_at')::timestamptz, (before ->> 'ends_at')::timestamptz
            FROM entry WHERE counts AND before IS NOT NULL
        ), pairs AS (
            SELECT DISTINCT one.customer_id, other.starts_at
            FROM known AS one JOIN known AS other USING (id)
            WHERE one.customer_id IS NOT NULL AND other.starts_at IS NOT NULL
        ), times AS (
            SELECT one.starts_at, other.ends_at
            FROM known AS one JOIN known AS other USING (id) CROSS JOIN venue
            WHERE other.ends_at - one.starts_at
                  BETWEEN interval '0' AND make_interval(mins => longest_minutes)
            UNION ALL
            SELECT following.* FROM pairs CROSS JOIN LATERAL (
                SELECT starts_at, ends_at FROM bookings AS later
                WHERE tenant_id = :tenant_id AND later.customer_id = pairs.customer_id
                      AND later.starts_at > pairs.starts_at AND status = ANY (:counting)
                ORDER BY later.starts_at LIMIT 1
            ) AS following
            UNION ALL
            SELECT at, at FROM ledger_entries
            WHERE tenant_id = :tenant_id AND booking_id = ANY (ARRAY(SELECT id FROM booking))
                  AND account IN ('received', 'refunded')
        )
        SELECT time_zone, counted_zone, currency_code, longest_minutes, generation, figures_version,
               log_generation() AS present,
               venue.xid::text::bigint AS xid, venue.position,
               coalesce(last.xid, read_xid)::text::bigint AS read_xid,
               coalesce(last.position, read_position) AS read_position,
               (SELECT count(*) FROM entry) AS entries,
               NOT has_subscription_days
                   OR EXISTS (SELECT FROM entry WHERE is_of_subscription) AS is_subscription_due,
               (SELECT range_agg(tstzrange(
                   starts_at, ends_at, CASE WHEN starts_at < ends_at THEN '[)' ELSE '[]' END
               )) FROM times) AS touched,
               ARRAY(
                   SELECT DISTINCT customer_id FROM known WHERE customer_id IS NOT NULL
               ) AS customer_ids,
               ARRAY(
                   SELECT date FROM analytics_dirty_days WHERE tenant_id = :tenant_id
                   ORDER BY date LIMIT :most
               ) AS marked
        FROM venue LEFT JOIN (
            SELECT xid, position FROM entry ORDER BY xid DESC, position DESC LIMIT 1
        ) AS last ON true
    """).bindparams(
        _COUNTING,
        _TENANT,
        bindparam("types", type_=ARRAY(Text())),
        bindparam("subscription_types", type_=ARRAY(Text())),
        bindparam("batch", type_=Integer()),
        bindparam("most", type_=Integer()),
    )
)

# Counts the figures of some dates: of each hour, with a ``cell``, and of each room on a date.
# ``bounds`` are the ascending instants between the cells. ``days`` has the number of each cell's
# date, from 1 on, or 0 for a date that isn't wanted between others. Consecutive dates are a run,
# which lasts from its ``sinces`` until its ``untils``. A booking that reaches into it starts after
# its ``earliests``, and not before its ``afters``, the end of the run before, which has the earlier
# ones. The one before is looked up only for the first of a customer's bookings in a run.
FIGURES: Final = PreparedStatement(
    text("""
        WITH wanted AS MATERIALIZED (
            SELECT run, id, room_id, customer_id, status, starts_at, ends_at, created_at,
                   status = ANY (:counting) AS counts,
                   CASE WHEN currency_code = :currency THEN price_minor END AS price_minor,
                   width_bucket(starts_at, :bounds) AS cell
            FROM unnest(:sinces, :untils, :earliests, :afters)
                 WITH ORDINALITY AS runs (since, until, earliest, after, run)
            JOIN bookings ON tenant_id = :tenant_id AND starts_at > earliest AND starts_at >= after
                 AND starts_at < until AND ends_at > since
            WHERE status = ANY (:counting) OR status = 'cancelled'
        ), started AS MATERIALIZED (
            SELECT *, CASE
                WHEN NOT counts OR customer_id IS NULL THEN NULL
                WHEN place > 1 THEN before
                ELSE (
                    SELECT earlier.starts_at FROM bookings AS earlier
                    WHERE earlier.tenant_id = :tenant_id
                          AND earlier.customer_id = started.customer_id
                          AND earlier.starts_at <= started.starts_at
                          AND (earlier.starts_at, earlier.id) < (started.starts_at, started.id)
                          AND earlier.status = ANY (:counting)
                    ORDER BY earlier.starts_at DESC LIMIT 1
                )
            END AS previous
            FROM (
                SELECT *, row_number() OVER customer AS place,
                       lag(starts_at) OVER customer AS before
                FROM wanted WHERE (:days)[cell] > 0
                WINDOW customer AS (PARTITION BY run, counts, customer_id ORDER BY starts_at, id)
            ) AS started
        ), figures AS (
            SELECT cell, room_id, counts::int AS bookings, (NOT counts)::int AS cancelled,
                   (status = 'no_show')::int AS no_shows, (status = 'completed')::int AS completed,
                   0 AS booked_minutes, (counts AND price_minor IS NOT NULL)::int AS priced,
                   CASE WHEN counts THEN price_minor END AS value_minor, 0 AS revenue_minor,
                   (counts AND customer_id IS NOT NULL AND previous IS NULL)::int AS new_customers,
                   (previous < (:bounds)[cell])::int AS came_back,
                   CASE WHEN counts THEN
                       floor(extract(epoch FROM starts_at - created_at) / 60)::int
                   END AS lead,
                   previous
            FROM started
            UNION ALL
            SELECT place, room_id, 0, 0, 0, 0,
                   floor(extract(epoch FROM
                       least(ends_at, (:bounds)[place + 1]) - greatest(starts_at, (:bounds)[place])
                   ) / 60)::int,
                   0, 0, 0, 0, 0, NULL, NULL
            FROM wanted,
                 generate_series(
                     greatest(cell, 1),
                     least(
                         width_bucket(ends_at - interval '1 microsecond', :bounds),
                         cardinality(:days)
                     )
                 ) AS place
            WHERE counts
            UNION ALL
            SELECT width_bucket(at, :bounds), room_id, 0, 0, 0, 0, 0, 0, 0, amount_minor, 0, 0,
                   NULL, NULL
            FROM unnest(:sinces, :untils) AS runs (since, until)
            JOIN ledger_entries AS entry ON entry.tenant_id = :tenant_id
                 AND account IN ('received', 'refunded') AND at >= since AND at < until
                 AND entry.currency_code = :currency
            JOIN bookings ON bookings.tenant_id = entry.tenant_id AND bookings.id = entry.booking_id
        )
        SELECT cell, day, room_id,
               sum(bookings)::bigint AS bookings, sum(cancelled)::bigint AS cancelled,
               sum(no_shows)::bigint AS no_shows, sum(completed)::bigint AS completed,
               sum(booked_minutes)::bigint AS booked_minutes, sum(priced)::bigint AS priced,
               coalesce(sum(value_minor), 0)::bigint AS value_minor,
               sum(revenue_minor)::bigint AS revenue_minor,
               sum(new_customers)::bigint AS new_customers,
               coalesce(sum(came_back), 0)::bigint AS came_back,
               array_agg(lead) FILTER (WHERE lead IS NOT NULL) AS leads,
               array_agg(previous) FILTER (WHERE previous IS NOT NULL) AS previous
        FROM (SELECT *, (:days)[cell] AS day FROM figures) AS figures
        WHERE day > 0
        GROUP BY GROUPING SETS ((cell), (day, room_id))
    """).bindparams(
        _COUNTING,
        _TENANT,
        bindparam("currency", type_=Text()),
        # Without precision: a plan for any values would round all of them again for each row.
        bindparam("bounds", type_=_INSTANTS),
        bindparam("days", type_=ARRAY(Integer())),
        *(bindparam(name, type_=_INSTANTS) for name in ("sinces", "untils", "earliests", "afters")),
    )
)


def _stored() -> Any:
    """Replaces the figures of ``dates``, removes their marks, and stores how far is counted.

    Parameters: ``day_date``, ``room_date`` and so on, a list for each column of ``AnalyticsDay``
    and ``AnalyticsRoomDay``; the dates to mark, as ``marked``; and the columns of
    ``AnalyticsState``.
    """
    days, rooms = _Rows(AnalyticsDay, "day"), _Rows(AnalyticsRoomDay, "room")
    marked: Any = func.unnest(bindparam("marked", type_=ARRAY(Date()))).column_valued("date")
    marks = insert(AnalyticsDirtyDay).from_select(["tenant_id", "date"], select(_TENANT, marked))
    return state_stored(parameters(AnalyticsState)).add_cte(
        days.stored().cte("days"),
        rooms.stored().cte("rooms"),
        _without(AnalyticsDay, ~days.has(col(AnalyticsDay.date))).cte("no_days"),
        _without(
            AnalyticsRoomDay,
            ~rooms.has(tuple_(col(AnalyticsRoomDay.date), col(AnalyticsRoomDay.room_id))),
        ).cte("no_rooms"),
        marks.on_conflict_do_nothing().cte("marks"),
        _without(AnalyticsDirtyDay).cte("no_marks"),
    )


def _without(table: Any, *where: Any) -> Delete:
    dates = bindparam("dates", type_=ARRAY(Date()))
    return delete(table).where(
        col(table.tenant_id) == _TENANT, col(table.date) == func.any(dates), *where
    )


class _Rows:
    """Rows of a table as parameters: a list for each column but the tenant, named ``name_column``.

    A tenant's other rows with the same key are replaced.
    """

    def __init__(self, table: Any, name: str) -> None:
        self._table = table
        self._columns = [each for each in table.__table__.columns if each.name != "tenant_id"]
        self._rows = (
            func.unnest(
                *(bindparam(f"{name}_{c.name}", type_=ARRAY(c.type)) for c in self._columns)
            )
            .table_valued(*(column(c.name, c.type) for c in self._columns))
            .render_derived(name)
        )

    def stored(self) -> Insert:
        names = [each.name for each in self._columns]
        statement = insert(self._table).from_select(
            ["tenant_id", *names], select(_TENANT, *self._rows.c)
        )
        return statement.on_conflict_do_update(
            index_elements=[each.name for each in self._table.__table__.primary_key],
            set_={name: statement.excluded[name] for name in names},
        )

    def has(self, key: Any) -> Any:
        """Whether there is a row of this key, which is all of it but the tenant."""
        return key.in_(select(*(self._rows.c[c.name] for c in self._columns if c.primary_key)))


STORE: Final = PreparedStatement(_stored())
