"""What happened to subscriptions by date: of each venue, and added up for the platform.

Both are derived from the log: processes fill them by themselves, and dropping them loses nothing.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
COUNTED: Final = ("signed_up", "trials", "active", "overdue", "churned", "failed_payments")
PLANS: Final = "plan_code IN ('STARTER', 'PROFESSIONAL', 'ENTERPRISE')"


def upgrade() -> None:
    op.create_table(
        "subscription_days",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        *days(),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        sa.CheckConstraint(PLANS, name=op.f("ck_subscription_days_plan_code")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_subscription_days_tenant_id")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "date", "plan_code", name=op.f("pk_subscription_days")
        ),
    )
    op.create_index(
        "ix_subscription_days_to_count",
        "subscription_days",
        ["tenant_id", "date"],
        postgresql_where=sa.text("NOT is_counted"),
    )
    op.create_table(
        "platform_days",
        *days(),
        sa.CheckConstraint(PLANS, name=op.f("ck_platform_days_plan_code")),
        sa.PrimaryKeyConstraint("date", "plan_code", name=op.f("pk_platform_days")),
    )
    for table in ("subscription_days", "platform_days"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY relay ON {table} TO boom_relay USING (true)")
    op.execute(f"""
        CREATE POLICY tenant ON subscription_days
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE ON subscription_days TO boom_app")
    op.execute("GRANT SELECT, UPDATE (is_counted) ON subscription_days TO boom_relay")
    op.execute(f"""
        CREATE POLICY platform ON platform_days FOR SELECT TO boom_app USING ({TENANT} IS NULL)
    """)
    op.execute("GRANT SELECT ON platform_days TO boom_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON platform_days TO boom_relay")
    op.add_column(
        "analytics_states",
        sa.Column(
            "has_subscription_days", sa.Boolean(), nullable=False, server_default=sa.text("false")
        ),
    )


def downgrade() -> None:
    op.drop_column("analytics_states", "has_subscription_days")
    op.drop_table("platform_days")
    op.drop_table("subscription_days")


def days() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("plan_code", sa.String(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTED),
    )
