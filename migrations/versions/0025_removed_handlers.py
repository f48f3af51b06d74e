"""Removed event handlers: an operator can delete their start and their positions.

`commands.jobs forget` does so with the relay's role; without it, they stay forever.
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("GRANT DELETE ON event_handler_starts, event_handler_positions TO boom_relay")


def downgrade() -> None:
    op.execute("REVOKE DELETE ON event_handler_starts, event_handler_positions FROM boom_relay")
