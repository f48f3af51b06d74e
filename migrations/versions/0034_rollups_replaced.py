"""Figures are replaced in one statement, so the app may change their rows."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

TABLES = "analytics_days, analytics_room_days"


def upgrade() -> None:
    op.execute(f"GRANT UPDATE ON {TABLES} TO boom_app")


def downgrade() -> None:
    op.execute(f"REVOKE UPDATE ON {TABLES} FROM boom_app")
