"""Quotas: how much one customer may book within a day, week or month of the venue."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
CHANGES: Final = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}
TYPES: Final = frozenset({"QUOTA_CREATED", "QUOTA_UPDATED", "QUOTA_DELETED"})


def upgrade() -> None:
    op.create_table(
        "booking_quotas",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=True),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "measure IN ('bookings', 'minutes', 'open_holds')",
            name=op.f("ck_booking_quotas_measure"),
        ),
        sa.CheckConstraint(
            "period IN ('day', 'week', 'month')", name=op.f("ck_booking_quotas_period")
        ),
        sa.CheckConstraint(
            "(measure = 'open_holds') = (period IS NULL)", name=op.f("ck_booking_quotas_at_once")
        ),
        sa.CheckConstraint('"limit" >= 1', name=op.f("ck_booking_quotas_limit")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_booking_quotas_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_booking_quotas")),
        sa.UniqueConstraint(
            "tenant_id",
            "measure",
            "period",
            "tag",
            name=op.f("uq_booking_quotas_tenant_id_measure_period_tag"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.execute("ALTER TABLE booking_quotas ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE booking_quotas FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON booking_quotas
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON booking_quotas TO boom_app")
    for change, rows in CHANGES.items():
        op.execute(f"""
            CREATE TRIGGER calendar_version_{change.lower()} AFTER {change} ON booking_quotas
            REFERENCING {rows} TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION raise_calendar_version()
        """)
    list_types(known_types() | TYPES)


def downgrade() -> None:
    list_types(known_types() - TYPES)
    op.drop_table("booking_quotas")


def known_types() -> frozenset[str]:
    source = op.get_bind().scalar(
        sa.text("SELECT prosrc FROM pg_proc WHERE proname = 'is_event_type'")
    )
    return frozenset(re.findall("'([A-Z_]+)'", source))


def list_types(types: frozenset[str]) -> None:
    listed = ", ".join(repr(each) for each in sorted(types))
    op.execute(f"""
        CREATE OR REPLACE FUNCTION is_event_type(type text) RETURNS boolean
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN type IN ({listed}); END $$
    """)
