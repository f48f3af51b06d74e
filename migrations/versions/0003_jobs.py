"""Jobs: the tables of the queue.

pgqueuer's own, in a schema of their own. Its trigger is left out: a NOTIFY in each change that
has a job takes half the rate of commits, so the app rings after them.

The app may put jobs of its tenant into the queue and see no others; it can't read what they say.
The relay's role finds what is due in every tenant, and does away with what is done.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from pgqueuer.adapters.persistence.schema_ddl import render_install
from pgqueuer.domain.settings import DBSettings

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SETTINGS: Final = DBSettings.model_validate({"db_schema": "queue", "channel": "boom_queue"})

TENANT: Final = "nullif(current_setting('app.tenant', true), '')"
OWN: Final = f"(headers ->> 'tenant') IS NOT DISTINCT FROM (SELECT {TENANT})"

FOUND_BY: Final = "tenant_id, id, status, ends_at, hold_expires_at"
NEW: Final = "id, priority, entrypoint, payload, execute_after, dedupe_key, headers, status"


def upgrade() -> None:
    op.execute("CREATE SCHEMA queue")
    run_all(render_install(SETTINGS, create_schema=False))
    op.execute("DROP TRIGGER tg_pgqueuer_changed ON queue.pgqueuer")
    op.execute("GRANT USAGE ON SCHEMA queue TO boom_app, boom_relay")
    op.execute("GRANT USAGE ON SEQUENCE queue.pgqueuer_id_seq TO boom_app, boom_relay")
    wall_off_tenants()
    # Written by whoever changes a job; what went wrong with one is read by the relay only.
    op.execute("""
        GRANT INSERT (job_id, status, entrypoint, priority) ON queue.pgqueuer_log TO boom_app
    """)
    op.execute("GRANT SELECT, INSERT, DELETE ON queue.pgqueuer_log TO boom_relay")
    find_past_bookings()


def downgrade() -> None:
    op.execute(f"REVOKE SELECT ({FOUND_BY}) ON bookings FROM boom_relay")
    op.execute("GRANT SELECT ON bookings TO boom_relay")
    op.execute("ALTER POLICY relay ON bookings USING (status = 'held')")
    op.drop_index("ix_bookings_open", table_name="bookings")
    op.execute("DROP SCHEMA queue CASCADE")


def wall_off_tenants() -> None:
    op.execute("ALTER TABLE queue.pgqueuer ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE queue.pgqueuer FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON queue.pgqueuer TO boom_app USING ({OWN}) WITH CHECK ({OWN})
    """)
    op.execute("CREATE POLICY relay ON queue.pgqueuer TO boom_relay USING (true)")
    # What an INSERT with ON CONFLICT reads and writes, and no more.
    op.execute(f"""
        GRANT INSERT ({NEW}), SELECT (id, priority, entrypoint, dedupe_key, status),
            UPDATE (priority)
        ON queue.pgqueuer TO boom_app
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON queue.pgqueuer TO boom_relay")


def find_past_bookings() -> None:
    """The relay's role sees of more bookings than holds when they end, but not who comes."""
    op.create_index(
        "ix_bookings_open",
        "bookings",
        ["tenant_id", "ends_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('confirmed', 'checked_in')"),
    )
    op.execute(
        "ALTER POLICY relay ON bookings USING (status IN ('held', 'confirmed', 'checked_in'))"
    )
    op.execute("REVOKE SELECT ON bookings FROM boom_relay")
    op.execute(f"GRANT SELECT ({FOUND_BY}) ON bookings TO boom_relay")


def run_all(statements: str) -> None:
    """Run several statements at once, which a prepared one can't be."""

    async def run(connection: Any) -> None:
        await connection.execute(statements)

    connection: Any = op.get_bind().connection.dbapi_connection
    connection.run_async(run)
