"""The figures of each customer by quarter, so that the first ones of a year are found quickly.

Processes fill it from the bookings: figures that were made by an older version are made anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TABLE = "analytics_customer_quarters"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("quarter", sa.Date(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("bookings", "no_shows", "value_minor")
        ),
        sa.Column(
            "weight",
            sa.Double(),
            sa.Computed("1e6::float8 * value_minor + bookings", persisted=True),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=f"fk_{TABLE}_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "customer_id", "quarter", name=f"pk_{TABLE}"),
    )
    op.create_index(f"ix_{TABLE}_weight", TABLE, ["tenant_id", "quarter", "weight", "customer_id"])
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON {TABLE}
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLE} TO boom_app")
    op.add_column(
        "analytics_states",
        sa.Column("figures_version", sa.BigInteger(), nullable=False, server_default="0"),
    )


def downgrade() -> None:
    op.drop_column("analytics_states", "figures_version")
    op.drop_table(TABLE)
