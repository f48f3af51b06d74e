"""Forecasts of demand: the last one of each venue, and of rooms that are asked for.

The relay's role finds venues whose forecast is of an earlier date: by their plan, their time zone
and the first date of the forecast.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"


def upgrade() -> None:
    op.create_table(
        "demand_forecasts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("result", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_demand_forecasts_tenant_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "room_id"],
            ["rooms.tenant_id", "rooms.id"],
            name=op.f("fk_demand_forecasts_tenant_id_room_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_demand_forecasts")),
        sa.UniqueConstraint(
            "tenant_id",
            "room_id",
            name=op.f("uq_demand_forecasts_tenant_id_room_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.execute("ALTER TABLE demand_forecasts ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE demand_forecasts FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON demand_forecasts
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE ON demand_forecasts TO boom_app")
    op.execute("CREATE POLICY relay ON demand_forecasts FOR SELECT TO boom_relay USING (true)")
    op.execute("GRANT SELECT (tenant_id, id, room_id, first_day) ON demand_forecasts TO boom_relay")
    op.execute("GRANT SELECT (plan_code, time_zone) ON tenants TO boom_relay")


def downgrade() -> None:
    op.execute("REVOKE SELECT (plan_code, time_zone) ON tenants FROM boom_relay")
    op.drop_table("demand_forecasts")
