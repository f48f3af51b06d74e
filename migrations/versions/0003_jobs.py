"""Jobs: the tables of the queue.

pgqueuer's own, in a schema of their own. Its trigger is left out: a NOTIFY in each change that
has a job takes half the rate of commits, so the app rings after them.

The app may put jobs of its tenant into the queue and see no others; it can't read what they say.
The relay's role finds what is due in every tenant, and does away with what is done.
"""

from typing import Any, Final

from alembic import op
from pgqueuer.adapters.persistence.schema_ddl import render_install

from kit.queue import SETTINGS

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TENANT: Final = "nullif(current_setting('app.tenant', true), '')"
OWN: Final = f"(headers ->> 'tenant') IS NOT DISTINCT FROM (SELECT {TENANT})"

NEW: Final = "id, priority, entrypoint, payload, execute_after, dedupe_key, headers, status"


def upgrade() -> None:
    op.execute("CREATE SCHEMA queue")
    run_all(render_install(SETTINGS, create_schema=False))
    op.execute("DROP TRIGGER tg_pgqueuer_changed ON queue.pgqueuer")
    op.execute("GRANT USAGE ON SCHEMA queue TO boom_app, boom_relay")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA queue TO boom_app, boom_relay")
    wall_off_tenants()
    # Written by whoever changes a job; what went wrong with one is read by the relay only.
    op.execute("""
        GRANT INSERT (job_id, status, entrypoint, priority) ON queue.pgqueuer_log TO boom_app
    """)
    op.execute("GRANT SELECT, INSERT, DELETE ON queue.pgqueuer_log TO boom_relay")


def downgrade() -> None:
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


def run_all(statements: str) -> None:
    """Run several statements at once, which a prepared one can't be."""

    async def run(connection: Any) -> None:
        await connection.execute(statements)

    connection: Any = op.get_bind().connection.dbapi_connection
    connection.run_async(run)
