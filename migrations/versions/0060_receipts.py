"""Receipts: what providers report of deliveries, and numbers that were stopped."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
REASONS: Final = (
    "opted_out",
    "no_address",
    "bounced",
    "quiet_hours",
    "cap",
    "outdated",
    "refused",
    "gave_up",
)
TABLE: Final = "notification_deliveries"
INDEX: Final = "ix_notification_deliveries_bounced"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("delivered_at", INSTANT, nullable=True))
    allow(*REASONS, "complained")
    index("reason IN ('bounced', 'complained')")
    op.create_table(
        "stopped_numbers",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("stopped_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_stopped_numbers")),
    )
    op.execute("ALTER TABLE stopped_numbers ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE stopped_numbers FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY app ON stopped_numbers TO boom_app USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, DELETE ON stopped_numbers TO boom_app")


def downgrade() -> None:
    op.drop_table("stopped_numbers")
    # A complaint says as much as a bounce: nothing is sent there any more.
    op.execute(f"UPDATE {TABLE} SET reason = 'bounced' WHERE reason = 'complained'")
    index("state = 'failed' AND reason = 'bounced'")
    allow(*REASONS)
    op.drop_column(TABLE, "delivered_at")


def allow(*reasons: str) -> None:
    name = op.f(f"ck_{TABLE}_reason")
    op.drop_constraint(name, TABLE)
    listed = ", ".join(f"'{each}'" for each in reasons)
    op.create_check_constraint(name, TABLE, f"reason IN ({listed})")


def index(where: str) -> None:
    op.drop_index(INDEX, TABLE)
    op.create_index(INDEX, TABLE, ["tenant_id", "address_hash"], postgresql_where=sa.text(where))
