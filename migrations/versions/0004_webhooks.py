"""Webhooks: what payment gateways told us, before it is acted upon.

An event is no tenant's until its handler has found out whose it is, so the table has no tenant.
It holds ids only. The app stores events and says what became of them; it can't read them.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
STATES: Final = "state IN ('received', 'done', 'ignored')"


def upgrade() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("handled_at", INSTANT, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("about", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(STATES, name=op.f("ck_webhook_events_state")),
        sa.PrimaryKeyConstraint("gateway", "id", name=op.f("pk_webhook_events")),
    )
    op.create_index(op.f("ix_webhook_events_received_at"), "webhook_events", ["received_at"])
    op.execute("ALTER TABLE webhook_events ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE webhook_events FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY app ON webhook_events TO boom_app USING (true) WITH CHECK (true)")
    op.execute("""
        GRANT INSERT, SELECT (gateway, id, state), UPDATE (state, handled_at)
        ON webhook_events TO boom_app
    """)
    op.execute("CREATE POLICY relay ON webhook_events TO boom_relay USING (true)")
    op.execute("""
        GRANT SELECT (gateway, id, type, state, received_at), DELETE
        ON webhook_events TO boom_relay
    """)


def downgrade() -> None:
    op.drop_table("webhook_events")
