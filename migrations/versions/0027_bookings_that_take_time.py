"""The bookings that are there already take their time in `occupancy`, which alone keeps them apart.

They are added venue by venue while others book, outside the migration's transaction, and may be
added again where that was interrupted. Processes of the version before name the constraint against
double bookings in their statements: one of that name stays, which is about no row.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

TAKING: Final = "status IN ('held', 'pending', 'confirmed', 'checked_in')"
# Each is the condition of a partial index, so that what is over isn't read.
TAKING_BY_INDEX: Final = (
    "status = 'held'",
    "status = 'pending'",
    "status IN ('confirmed', 'checked_in')",
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for tenant_id in op.get_bind().execute(sa.text("SELECT id FROM tenants")).scalars().all():
            op.execute(f"SELECT set_config('app.tenant', '{tenant_id}', false)")
            for taking in TAKING_BY_INDEX:
                # Locked, so that the trigger runs for no change of them before they are there.
                op.execute(f"""
                    INSERT INTO occupancy
                        (tenant_id, booking_id, space_id, occupied, occupant_id, expires_at)
                    SELECT tenant_id, id, room_id, occupied, coalesce(moves_id, id),
                        CASE WHEN status = 'held' THEN hold_expires_at END
                    FROM bookings WHERE tenant_id = '{tenant_id}' AND {taking}
                    ORDER BY room_id, starts_at FOR NO KEY UPDATE
                    ON CONFLICT ON CONSTRAINT pk_occupancy DO NOTHING
                """)
        op.execute("SELECT set_config('app.tenant', '', false)")
        op.execute("ANALYZE occupancy")
    op.execute("ALTER TABLE bookings DROP CONSTRAINT booking_no_overlap")
    op.execute("""
        ALTER TABLE bookings ADD CONSTRAINT booking_no_overlap
        EXCLUDE USING btree (tenant_id WITH =, id WITH =) WHERE (false)
    """)


def downgrade() -> None:
    op.execute("ALTER TABLE bookings DROP CONSTRAINT booking_no_overlap")
    op.execute(f"""
        ALTER TABLE bookings ADD CONSTRAINT booking_no_overlap EXCLUDE USING gist (
            tenant_id WITH =, room_id WITH =, occupied WITH &&, (coalesce(moves_id, id)) WITH <>
        ) WHERE ({TAKING})
    """)
