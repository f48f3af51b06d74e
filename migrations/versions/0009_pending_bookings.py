"""Bookings that nobody confirmed in time are found, to be rejected."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_bookings_pending",
        "bookings",
        ["tenant_id", "starts_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.execute("GRANT SELECT (starts_at) ON bookings TO boom_relay")
    op.execute(
        "ALTER POLICY relay ON bookings "
        "USING (status IN ('held', 'pending', 'confirmed', 'checked_in'))"
    )


def downgrade() -> None:
    op.execute(
        "ALTER POLICY relay ON bookings USING (status IN ('held', 'confirmed', 'checked_in'))"
    )
    op.execute("REVOKE SELECT (starts_at) ON bookings FROM boom_relay")
    op.drop_index("ix_bookings_pending", table_name="bookings")
