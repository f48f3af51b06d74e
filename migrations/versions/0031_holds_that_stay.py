"""A hold that becomes a booking takes its time for good, even if it keeps the hold's end.

The app clears the end in the same statement; other statements needn't. What they have left is
set right.
"""

from typing import Final

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TAKING: Final = "IN ('held', 'pending', 'confirmed', 'checked_in')"
TAKES: Final = ("id", "room_id", "occupied", "moves_id", "hold_expires_at")
ENDS: Final = "CASE WHEN {0}.status = 'held' THEN {0}.hold_expires_at END"


def upgrade() -> None:
    compare(*(f"{{0}}.{name}" for name in TAKES[:-1]), ENDS)
    # Two statements: an index finds the holds, and of the others few have an end.
    for wrong in ("b.status = 'held'", "o.expires_at IS NOT NULL"):
        op.execute(f"""
            UPDATE occupancy o SET expires_at = {ENDS.format("b")}
            FROM bookings b
            WHERE b.tenant_id = o.tenant_id AND b.id = o.booking_id AND {wrong}
            AND o.expires_at IS DISTINCT FROM {ENDS.format("b")}
        """)


def downgrade() -> None:
    compare(*(f"{{0}}.{name}" for name in TAKES))


def compare(*taken: str) -> None:
    before, after = (", ".join(each.format(row) for each in taken) for row in ("OLD", "NEW"))
    op.execute(f"""
        CREATE OR REPLACE TRIGGER move_time AFTER UPDATE OF status, {", ".join(TAKES)} ON bookings
        FOR EACH ROW WHEN (
            OLD.status {TAKING} <> (NEW.status {TAKING})
            OR NEW.status {TAKING} AND ROW({before}) IS DISTINCT FROM ROW({after})
        ) EXECUTE FUNCTION keep_occupancy()
    """)
