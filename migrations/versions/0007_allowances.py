"""Allowances: what was spent of what strangers may cause.

An address is counted over all tenants, so the table has no tenant; its keys are hashed, so that
it names nobody.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)


def upgrade() -> None:
    op.create_table(
        "spent_allowances",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("spent", postgresql.ARRAY(INSTANT), nullable=False),
        sa.Column("forget_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_spent_allowances")),
    )
    op.create_index(op.f("ix_spent_allowances_forget_at"), "spent_allowances", ["forget_at"])
    op.execute("ALTER TABLE spent_allowances ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE spent_allowances FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY app ON spent_allowances TO boom_app USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON spent_allowances TO boom_app")
    op.execute("CREATE POLICY relay ON spent_allowances TO boom_relay USING (true)")
    op.execute("GRANT SELECT (key, forget_at), DELETE ON spent_allowances TO boom_relay")


def downgrade() -> None:
    op.drop_table("spent_allowances")
