"""Strangers: what they hold is counted by where they call from, which is kept for a day as a hash.

Venues say how many holds a customer may have open, whether guests may book, and whether they have
to prove that they are people.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
SETTINGS: Final = ("max_open_holds", "allows_guest_booking", "requires_guest_proof")
FORGOTTEN_BY: Final = "held_from, created_at"


def upgrade() -> None:
    op.add_column("bookings", sa.Column("held_from", sa.LargeBinary(), nullable=True))
    op.add_column("bookings", sa.Column("guest_confirmed_at", INSTANT, nullable=True))
    op.create_index(
        "ix_bookings_held_from",
        "bookings",
        ["tenant_id", "held_from"],
        unique=False,
        postgresql_where=sa.text("held_from IS NOT NULL"),
    )
    op.add_column(
        "tenants", sa.Column("max_open_holds", sa.Integer(), nullable=False, server_default="3")
    )
    op.add_column(
        "tenants",
        sa.Column("allows_guest_booking", sa.Boolean(), nullable=False, server_default="true"),
    )
    op.add_column(
        "tenants",
        sa.Column("requires_guest_proof", sa.Boolean(), nullable=False, server_default="false"),
    )
    op.create_check_constraint(
        op.f("ck_tenants_max_open_holds"), "tenants", "max_open_holds BETWEEN 1 AND 100"
    )
    # Housekeeping forgets origins, whatever became of the booking.
    op.execute("ALTER POLICY relay ON bookings USING (true)")
    op.execute(f"GRANT SELECT ({FORGOTTEN_BY}), UPDATE (held_from) ON bookings TO boom_relay")


def downgrade() -> None:
    op.execute(f"REVOKE SELECT ({FORGOTTEN_BY}), UPDATE (held_from) ON bookings FROM boom_relay")
    op.execute(
        "ALTER POLICY relay ON bookings USING (status IN ('held', 'confirmed', 'checked_in'))"
    )
    op.drop_constraint(op.f("ck_tenants_max_open_holds"), "tenants", type_="check")
    for name in SETTINGS:
        op.drop_column("tenants", name)
    op.drop_index("ix_bookings_held_from", table_name="bookings")
    op.drop_column("bookings", "guest_confirmed_at")
    op.drop_column("bookings", "held_from")
