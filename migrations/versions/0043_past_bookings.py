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
    ('status', 'room_id', 'also_room_ids', 'starts_at', 'ends_at', 'customer_id', 'party_size',
     'hold_expires_at')
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
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("SELECT keep_logged_past()")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_past ON bookings")
    op.execute("DROP FUNCTION keep_past_booking()")
    op.execute("DROP FUNCTION keep_logged_past()")
    op.execute("DROP AGGREGATE jsonb_merged(jsonb)")
    op.drop_table("past_bookings")


def keep_what_the_log_tells() -> None:
    # A state ends at each change; what a change doesn't name, the next one that does had before it.
    # Also for bookings that are stored with their log, as those of the demo are.
    op.execute("""
        CREATE AGGREGATE jsonb_merged(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb, INITCOND = '{}')
    """)
    op.execute(f"""
        CREATE FUNCTION keep_logged_past() RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        WITH changes AS (
            SELECT b.tenant_id, b.id, b.starts_at, log.at,
                lag(log.at, 1, b.created_at) OVER onwards AS since,
                b.version - row_number() OVER backwards AS version,
                public.jsonb_merged(log.before) OVER backwards AS state
            FROM public.bookings AS b
            JOIN public.log ON log.tenant_id = b.tenant_id AND log.subject_id = b.id
            WHERE log.subject_type = 'Booking' AND log.before IS NOT NULL
            WINDOW onwards AS (PARTITION BY b.tenant_id, b.id ORDER BY log.position),
                backwards AS (PARTITION BY b.tenant_id, b.id ORDER BY log.position DESC)
        ), prices AS (
            SELECT *, replace(state -> 'price' ->> 'amount', '.', '')::bigint AS minor FROM changes
        )
        INSERT INTO public.past_bookings
            (tenant_id, booking_id, version, since, until, starts_at, state)
        SELECT tenant_id, id, version, since, at,
            coalesce((state ->> 'starts_at')::timestamptz, starts_at),
            (
                SELECT coalesce(jsonb_object_agg(key, value), '{{}}') FROM jsonb_each(state)
                WHERE key IN {LOGGED}
            )
            || jsonb_build_object('version', version, 'updated_at', since)
            || CASE WHEN state ? 'price' THEN jsonb_build_object(
                'price_minor', minor, 'price_sums', NULL,
                'price_lines', CASE WHEN minor IS NOT NULL THEN jsonb_build_array(
                    jsonb_build_object(
                        'label', 'Price', 'start', NULL, 'end', NULL, 'minutes', NULL,
                        'amount_minor', minor
                    )
                ) END
            ) ELSE '{{}}' END
        FROM prices
        ON CONFLICT DO NOTHING
        $$
    """)
    op.execute("REVOKE ALL ON FUNCTION keep_logged_past() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION keep_logged_past() TO boom_app")
