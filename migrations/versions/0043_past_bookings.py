"""The states in which bookings were, which a trigger keeps, so that lists can be of any instant.

Of what has changed before, the log tells the states, but for what it doesn't have: notes, contacts
and the lines of prices.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
# What never changes, what has a column of its own, and what is kept for a day at most.
LEFT_OUT: Final = "'{tenant_id,id,reference,created_at,currency_code,held_from}'::text[]"
LOGGED: Final = """
    ('status', 'room_id', 'starts_at', 'ends_at', 'customer_id', 'party_size', 'hold_expires_at')
"""
TABLES: Final = ("bookings", "past_bookings", "log")


def upgrade() -> None:
    op.create_table(
        "past_bookings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "booking_id", "version", name="pk_past_bookings"),
    )
    op.create_index(
        "ix_past_bookings_tenant_id_starts_at_booking_id",
        "past_bookings",
        ["tenant_id", "starts_at", "booking_id"],
    )
    op.execute("ALTER TABLE past_bookings ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE past_bookings FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON past_bookings
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    # Whoever may change a booking: the trigger keeps what it was.
    op.execute("CREATE POLICY bookings ON past_bookings TO CURRENT_USER USING (true)")
    op.execute("GRANT SELECT ON past_bookings TO boom_app")
    op.execute(f"""
        CREATE FUNCTION keep_past_booking() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
            INSERT INTO public.past_bookings
                (tenant_id, booking_id, version, since, until, starts_at, state)
            VALUES (
                OLD.tenant_id, OLD.id, OLD.version, OLD.updated_at, NEW.updated_at, OLD.starts_at,
                to_jsonb(OLD) - {LEFT_OUT}
            );
            RETURN NULL;
        END $$
    """)
    op.execute("REVOKE ALL ON FUNCTION keep_past_booking() FROM PUBLIC")
    op.execute("""
        CREATE TRIGGER keep_past AFTER UPDATE OF version ON bookings FOR EACH ROW
        WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION keep_past_booking()
    """)
    keep_what_the_log_tells()


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_past ON bookings")
    op.execute("DROP FUNCTION keep_past_booking()")
    op.drop_table("past_bookings")


def keep_what_the_log_tells() -> None:
    # A state ends at each change; what a change doesn't name, the next one that does had before it.
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        WITH changes AS (
            SELECT b.tenant_id, b.id, b.version, b.created_at, b.currency_code, log.at, log.before,
                row_number() OVER changes AS number, count(*) OVER booking AS changes,
                lag(log.at, 1, b.created_at) OVER changes AS since
            FROM bookings AS b JOIN log ON log.tenant_id = b.tenant_id AND log.subject_id = b.id
            WHERE log.subject_type = 'Booking' AND log.before IS NOT NULL
            WINDOW booking AS (PARTITION BY b.tenant_id, b.id),
                changes AS (PARTITION BY b.tenant_id, b.id ORDER BY log.position)
        ), fields AS (
            SELECT tenant_id, id, number, field.key, CASE WHEN key IN {LOGGED} THEN value
                WHEN jsonb_typeof(value) = 'object' THEN value -> 'amount' END AS value
            FROM changes CROSS JOIN LATERAL jsonb_each(before) AS field
            WHERE key IN {LOGGED} OR key = 'price'
        ), states AS (
            SELECT changes.*, found.state
            FROM changes CROSS JOIN LATERAL (
                SELECT coalesce(jsonb_object_agg(key, value), '{{}}') AS state FROM (
                    SELECT DISTINCT ON (key) key, value FROM fields
                    WHERE fields.tenant_id = changes.tenant_id AND fields.id = changes.id
                    AND fields.number >= changes.number
                    ORDER BY key, fields.number
                ) AS first
            ) AS found
        )
        INSERT INTO past_bookings (tenant_id, booking_id, version, since, until, starts_at, state)
        SELECT s.tenant_id, s.id, s.version - (s.changes - s.number) - 1, s.since, s.at,
            coalesce((s.state ->> 'starts_at')::timestamptz, b.starts_at),
            s.state - 'price' || jsonb_build_object(
                'version', s.version - (s.changes - s.number) - 1, 'updated_at', s.since
            ) || CASE WHEN s.state ? 'price' THEN jsonb_build_object(
                'price_minor', replace(s.state ->> 'price', '.', '')::bigint,
                'price_lines', CASE WHEN s.state ->> 'price' IS NOT NULL THEN jsonb_build_array(
                    jsonb_build_object(
                        'label', 'Price', 'start', NULL, 'end', NULL, 'minutes', NULL,
                        'amount_minor', replace(s.state ->> 'price', '.', '')::bigint
                    )
                ) END
            ) ELSE '{{}}' END
        FROM states AS s JOIN bookings AS b ON b.tenant_id = s.tenant_id AND b.id = s.id
        ON CONFLICT DO NOTHING
    """)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
