"""Long bookings: up to 31 days where the venue allows them.

How far back bookings are looked for depends on the longest that a tenant can have: until now 24
hours for everybody.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tenants", sa.Column("longest_minutes", sa.Integer(), nullable=False, server_default="1440")
    )
    op.alter_column("tenants", "longest_minutes", server_default=None)
    op.drop_constraint(op.f("ck_tenants_max_duration_minutes"), "tenants")
    op.create_check_constraint(
        op.f("ck_tenants_max_duration_minutes"),
        "tenants",
        "max_duration_minutes BETWEEN 1 AND 44700",
    )
    op.create_check_constraint(
        op.f("ck_tenants_longest_minutes"), "tenants", "longest_minutes >= max_duration_minutes"
    )
    _limit_bookings("44700 minutes")


def downgrade() -> None:
    """Fails where a longer booking is there: it has no place in what was before."""
    _limit_bookings("24 hours")
    op.drop_constraint(op.f("ck_tenants_longest_minutes"), "tenants")
    op.drop_constraint(op.f("ck_tenants_max_duration_minutes"), "tenants")
    op.create_check_constraint(
        op.f("ck_tenants_max_duration_minutes"), "tenants", "max_duration_minutes <= 1440"
    )
    op.drop_column("tenants", "longest_minutes")


def _limit_bookings(longest: str) -> None:
    op.drop_constraint(op.f("ck_bookings_longest"), "bookings")
    op.create_check_constraint(
        op.f("ck_bookings_longest"), "bookings", f"ends_at - starts_at <= interval '{longest}'"
    )
