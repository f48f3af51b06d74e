"""Bookings can be extended, and ended early, at a price that the venue decides on."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default stays: processes of the version before know nothing of the column.
    op.add_column(
        "tenants",
        sa.Column("early_end_price", sa.String(), nullable=False, server_default="full"),
    )
    op.create_check_constraint(
        op.f("ck_tenants_early_end_price"), "tenants", "early_end_price IN ('full', 'used')"
    )
    replace_types({*types(), "BOOKING_EXTENDED"})


def downgrade() -> None:
    op.drop_constraint(op.f("ck_tenants_early_end_price"), "tenants", type_="check")
    op.drop_column("tenants", "early_end_price")
    replace_types({*types()} - {"BOOKING_EXTENDED"})


def types() -> list[str]:
    body = "SELECT prosrc FROM pg_proc WHERE proname = 'is_event_type'"
    return re.findall("'([A-Z_]+)'", op.get_bind().scalar(sa.text(body)))


def replace_types(known: set[str]) -> None:
    listed = ", ".join(repr(each) for each in sorted(known))
    op.execute(f"""
        CREATE OR REPLACE FUNCTION is_event_type(type text) RETURNS boolean
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN type IN ({listed}); END $$
    """)
