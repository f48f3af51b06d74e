"""What visitors of public pages do, counted by date; ids of events are kept for a day as hashes."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
ACTIONS: Final = ("viewed", "searched", "held", "booked")


def upgrade() -> None:
    op.create_table(
        "funnel_counts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        *(sa.Column(action, sa.BigInteger(), nullable=False) for action in ACTIONS),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_funnel_counts_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "date", name=op.f("pk_funnel_counts")),
    )
    open_to_tenant("funnel_counts", "SELECT, INSERT, UPDATE")
    op.create_table(
        "tracked_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_tracked_keys_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_tracked_keys")),
    )
    op.create_index(op.f("ix_tracked_keys_tenant_id_at"), "tracked_keys", ["tenant_id", "at"])
    open_to_tenant("tracked_keys", "SELECT, INSERT")
    op.execute("CREATE POLICY relay ON tracked_keys TO boom_relay USING (true)")
    op.execute("GRANT SELECT, DELETE ON tracked_keys TO boom_relay")


def downgrade() -> None:
    op.drop_table("tracked_keys")
    op.drop_table("funnel_counts")


def open_to_tenant(table: str, rights: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON {table}
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute(f"GRANT {rights} ON {table} TO boom_app")
