"""Moves that a booking's terms outlive: from which start they count, and what is to pay first.

The hold of a time that a booking moves to may lie on the time that it leaves, so the constraint
against double bookings takes both for one. It is built anew: writes to bookings wait meanwhile.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TAKING: Final = "status IN ('held', 'pending', 'confirmed', 'checked_in')"
READ: Final = ("bookings", "log", "ledger_entries")


def upgrade() -> None:
    op.add_column("bookings", sa.Column("earliest_start", INSTANT, nullable=True))
    op.add_column(
        "bookings",
        sa.Column("was_confirmed", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("bookings", sa.Column("moves_id", sa.Uuid(), nullable=True))
    points_to_booking("bookings", "moves_id")
    op.create_index(
        "ix_bookings_moves",
        "bookings",
        ["tenant_id", "moves_id"],
        unique=False,
        postgresql_where=sa.text("moves_id IS NOT NULL"),
    )
    keep_apart(", (coalesce(moves_id, id)) WITH <>")
    op.add_column("payments", sa.Column("hold_id", sa.Uuid(), nullable=True))
    points_to_booking("payments", "hold_id")
    op.add_column("tenants", sa.Column("change_minutes_before", sa.Integer(), nullable=True))
    op.add_column(
        "tenants",
        sa.Column("reconfirms_changes", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.create_check_constraint(
        op.f("ck_tenants_change_minutes_before"), "tenants", "change_minutes_before >= 0"
    )
    find_earliest_starts()


def downgrade() -> None:
    op.drop_constraint(op.f("ck_tenants_change_minutes_before"), "tenants", type_="check")
    op.drop_column("tenants", "reconfirms_changes")
    op.drop_column("tenants", "change_minutes_before")
    op.drop_column("payments", "hold_id")
    # The code before would take it for a hold of its own, and lay it over its booking.
    seeing_all("""
        UPDATE bookings SET status = 'expired' WHERE moves_id IS NOT NULL AND status = 'held'
    """)
    keep_apart("")
    op.drop_index("ix_bookings_moves", table_name="bookings")
    op.drop_column("bookings", "moves_id")
    op.drop_column("bookings", "was_confirmed")
    op.drop_column("bookings", "earliest_start")


def find_earliest_starts() -> None:
    """From the log: where a booking has been since its first payment."""
    seeing_all("""
        UPDATE bookings SET earliest_start = earlier.start
        FROM (
            SELECT log.tenant_id, log.subject_id, min((log.before ->> 'starts_at')::timestamptz)
                   AS start
            FROM log JOIN (
                SELECT tenant_id, booking_id, min(at) AS at FROM ledger_entries
                WHERE account = 'received' GROUP BY tenant_id, booking_id
            ) paid ON paid.tenant_id = log.tenant_id AND paid.booking_id = log.subject_id
            WHERE log.type = 'BOOKING_RESCHEDULED' AND log.at >= paid.at
            GROUP BY log.tenant_id, log.subject_id
        ) earlier
        WHERE bookings.tenant_id = earlier.tenant_id AND bookings.id = earlier.subject_id
              AND earlier.start < bookings.starts_at
    """)


def seeing_all(statement: str) -> None:
    """Run a statement that sees the rows of all tenants, as their owner."""
    for table in READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    for table in READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def keep_apart(but_its_own: str) -> None:
    op.execute("ALTER TABLE bookings DROP CONSTRAINT booking_no_overlap")
    op.execute(f"""
        ALTER TABLE bookings ADD CONSTRAINT booking_no_overlap EXCLUDE USING gist (
            tenant_id WITH =, room_id WITH =, occupied WITH &&{but_its_own}
        ) WHERE ({TAKING})
    """)


def points_to_booking(table: str, column: str) -> None:
    op.create_foreign_key(
        op.f(f"fk_{table}_tenant_id_{column}"),
        table,
        "bookings",
        ["tenant_id", column],
        ["tenant_id", "id"],
    )
