"""The clocks of time zones, so that SQL prints a wall clock as Python does.

PostgreSQL's own time-zone database is of another release on every server. `commands.migrate`
fills the table for the release that is installed.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "zone_clocks",
        sa.Column("release", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("changes", postgresql.ARRAY(postgresql.TIMESTAMP(timezone=True)), nullable=False),
        sa.Column("offsets", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("release", "name", name=op.f("pk_zone_clocks")),
    )
    op.execute("ALTER TABLE zone_clocks ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE zone_clocks FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY app ON zone_clocks FOR SELECT TO boom_app USING (true)")
    op.execute("CREATE POLICY owner ON zone_clocks TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT ON zone_clocks TO boom_app")


def downgrade() -> None:
    op.drop_table("zone_clocks")
