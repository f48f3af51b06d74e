"""Fees that are due without a payment in advance, and the notice that customers give of changes."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

CHECKS = {
    "no_show_fee_percent": "no_show_fee_percent BETWEEN 0 AND 100",
    "min_change_notice_minutes": "min_change_notice_minutes >= 0",
}


def upgrade() -> None:
    # The defaults stay: processes of the version before know nothing of the columns.
    op.add_column(
        "tenants",
        sa.Column("cancellation_fees_due", sa.Boolean(), nullable=False, server_default="false"),
    )
    op.add_column(
        "tenants",
        sa.Column("no_show_fee_percent", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column("tenants", sa.Column("min_change_notice_minutes", sa.Integer(), nullable=True))
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_tenants_{name}"), "tenants", condition)


def downgrade() -> None:
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_tenants_{name}"), "tenants", type_="check")
        op.drop_column("tenants", name)
    op.drop_column("tenants", "cancellation_fees_due")
