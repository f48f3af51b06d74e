"""Bookings end by themselves: unconfirmed after the venue's hours, unattended after its minutes.

Pending bookings that were stored without a deadline have their start as one, so nothing is filled
in. The index that finds them is built anew, by the deadline.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
# The defaults stay: processes of the version before know nothing of the columns.
SETTINGS: Final = {"approval_hours": "24", "check_in_from_minutes": "15"}
CHECKS: Final = {
    "approval_hours": "approval_hours >= 1",
    "check_in_from_minutes": "check_in_from_minutes >= 0",
    "auto_release_minutes": "auto_release_minutes >= 1",
}
DEADLINES: Final = ("approval_expires_at", "release_at")
PENDING: Final = "ix_bookings_pending"
RELEASE: Final = "ix_bookings_release"


def upgrade() -> None:
    for name, default in SETTINGS.items():
        op.add_column(
            "tenants", sa.Column(name, sa.Integer(), nullable=False, server_default=default)
        )
    op.add_column("tenants", sa.Column("auto_release_minutes", sa.Integer(), nullable=True))
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_tenants_{name}"), "tenants", condition)
    for name in DEADLINES:
        op.add_column("bookings", sa.Column(name, INSTANT, nullable=True))
    op.execute(f"GRANT SELECT ({', '.join(DEADLINES)}) ON bookings TO boom_relay")
    with op.get_context().autocommit_block():
        # An interrupted build leaves an index that isn't used.
        for name in (PENDING, RELEASE):
            op.drop_index(name, table_name="bookings", if_exists=True)
        op.create_index(
            PENDING,
            "bookings",
            ["tenant_id", sa.text("coalesce(approval_expires_at, starts_at)")],
            postgresql_where=sa.text("status = 'pending'"),
            postgresql_concurrently=True,
        )
        op.create_index(
            RELEASE,
            "bookings",
            ["tenant_id", "release_at"],
            postgresql_where=sa.text("status = 'confirmed' AND release_at IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index(RELEASE, table_name="bookings")
    op.drop_index(PENDING, table_name="bookings")
    op.create_index(
        PENDING,
        "bookings",
        ["tenant_id", "starts_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    for name in DEADLINES:
        op.drop_column("bookings", name)
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_tenants_{name}"), "tenants", type_="check")
    op.drop_column("tenants", "auto_release_minutes")
    for name in SETTINGS:
        op.drop_column("tenants", name)
