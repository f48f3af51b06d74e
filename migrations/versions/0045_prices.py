"""Price rules, settings for prices, and the taxes and the discount of a booking's price."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
CHANGES: Final = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}
EVENT: Final = "PRICE_RULES_CHANGED"
SETTINGS: Final = {
    "price_rounding": "price_rounding IN ('nearest', 'up', 'down')",
    "price_step_minor": "price_step_minor > 0",
    "minimum_charge_minor": "minimum_charge_minor > 0",
    "tax_thousandths": "tax_thousandths BETWEEN 0 AND 100000",
}


def upgrade() -> None:
    op.create_table(
        "price_rules",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("tax_thousandths", sa.Integer(), nullable=True),
        sa.Column("conditions", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "unit IN ('hour', 'booking', 'person')", name=op.f("ck_price_rules_unit")
        ),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_price_rules_amount_minor")),
        sa.CheckConstraint(
            "tax_thousandths BETWEEN 0 AND 100000", name=op.f("ck_price_rules_tax_thousandths")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_price_rules_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_price_rules")),
    )
    op.create_index(
        op.f("ix_price_rules_tenant_id_position"), "price_rules", ["tenant_id", "position"]
    )
    op.execute("ALTER TABLE price_rules ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE price_rules FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON price_rules
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON price_rules TO boom_app")
    for change, rows in CHANGES.items():
        op.execute(f"""
            CREATE TRIGGER calendar_version_{change.lower()} AFTER {change} ON price_rules
            REFERENCING {rows} TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION raise_calendar_version()
        """)
    # The defaults stay: processes of the version before know nothing of the columns.
    op.add_column(
        "tenants",
        sa.Column("price_rounding", sa.String(), server_default="nearest", nullable=False),
    )
    op.add_column("tenants", sa.Column("price_step_minor", sa.BigInteger(), nullable=True))
    op.add_column("tenants", sa.Column("minimum_charge_minor", sa.BigInteger(), nullable=True))
    op.add_column("tenants", sa.Column("tax_thousandths", sa.Integer(), nullable=True))
    op.add_column(
        "tenants",
        sa.Column("taxes_included", sa.Boolean(), server_default="true", nullable=False),
    )
    for column, condition in SETTINGS.items():
        op.execute(f"ALTER TABLE tenants ADD CONSTRAINT ck_tenants_{column} CHECK ({condition})")
    op.add_column("bookings", sa.Column("price_sums", postgresql.JSONB(), nullable=True))
    list_types({*types(), EVENT})


def downgrade() -> None:
    list_types({*types()} - {EVENT})
    op.drop_column("bookings", "price_sums")
    op.drop_column("tenants", "taxes_included")
    for column in SETTINGS:
        op.drop_column("tenants", column)
    op.drop_table("price_rules")


def types() -> list[str]:
    """Returns the types of events that the log takes."""
    source = "SELECT prosrc FROM pg_proc WHERE proname = 'is_event_type'"
    return re.findall("'([A-Z_]+)'", op.get_bind().scalar(sa.text(source)))


def list_types(listed: set[str]) -> None:
    of_these = ", ".join(repr(each) for each in sorted(listed))
    op.execute(f"""
        CREATE OR REPLACE FUNCTION is_event_type(type text) RETURNS boolean
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN type IN ({of_these}); END $$
    """)
